/**
 * How every server starts: flags, limits, and the way Node itself has to be
 * started so that it can fork.
 */
import {
  address,
  type Flags,
  integer,
  readFlags,
  seconds,
  toggle,
  type Values,
} from './flags';
import { packHeap } from './heap';
import { SystemError } from './libc';
import { announce, startLog, startTrace } from './log';
import {
  dropPrivileges,
  execve,
  RLIMIT_NOFILE,
  RLIMIT_NPROC,
  setrlimit,
} from './processes';
import { handleSignals } from './signals';
import { formatAddress, getsockname } from './sockets';
import { warmUp } from './warm';

/**
 * How Node has to run to be forked.
 *
 * `--single-threaded`, `--v8-pool-size=0`: only the thread that calls fork
 * exists in the child. A lock that another thread held at that moment would
 * stay locked in the child for ever.
 *
 * The others make a fork cheaper, since it copies page tables:
 * `--use-largepages=silent`: Node's code in few large pages.
 * `--no-short-builtin-calls`: no copy of V8's builtins in small pages.
 * `--no-lazy`: what only a child does is compiled with the rest. Otherwise V8
 * would do it at the first call, which is in every child anew.
 * `--max-semi-space-size=1`: little room for new objects, since all of it is
 * copied, used or not.
 * `--expose-gc`: heap.ts collects the garbage before the first fork.
 */
export const NODE_FLAGS = [
  '--single-threaded',
  '--v8-pool-size=0',
  '--use-largepages=silent',
  '--no-short-builtin-calls',
  '--no-lazy',
  '--expose-gc',
  '--max-semi-space-size=1',
];

/**
 * For glibc's malloc, see mallopt(3): no lists of small blocks that are free.
 * They are scattered over the heap, and malloc hands them out or merges them.
 * In a child, every page that it touches is copied. And no heap of their own
 * for Node's other threads.
 */
const MALLOC_TUNING = [
  'glibc.malloc.mxfast=0',
  'glibc.malloc.tcache_count=0',
  'glibc.malloc.arena_max=1',
].join(':');

// Listening ports are 16 bits wide; the kernel cuts the backlog to
// net.core.somaxconn by itself.
const SERVER_FLAGS = {
  port: integer('port to listen on; 0: the kernel chooses', [0, 65_535], 8888),
  host: address('IPv4 address to listen on'),
  backlog: integer('how many connections may wait', [0, 65_535], 128),
  timeout: seconds('how long a client may say nothing', [0.1, 3600], 10),
  patience: seconds('how long it may read nothing', [0.1, 86_400], 60),
  maxOpenFiles: integer('limit on descriptors', [0, 1_048_576], null),
  maxProcesses: integer("limit on the user's processes", [0, 4_194_304], null),
  quiet: toggle('no log'),
  trace: toggle('show every system call, on stderr'),
};

/** What the flags that every server has are set to. */
export type ServerOptions = Values<typeof SERVER_FLAGS>;

/**
 * Starts a stage. Ends the process with one line on stderr if a flag is wrong
 * (status 2) or a system call fails (status 1).
 *
 * @param name as in `npm run NAME`
 * @param summary what this stage does, for --help
 * @param serve the stage itself
 * @param flags what this stage has beyond the flags of all
 */
export function start<F extends Flags>(
  name: string,
  summary: string,
  serve: (options: ServerOptions & Values<F>) => void | Promise<void>,
  flags: F = {} as F,
): void {
  const all = { ...SERVER_FLAGS, ...flags };
  const options = readFlags({ name, summary }, all) as ServerOptions &
    Values<F>;
  restartWithNodeFlags();
  process.title = name;
  prepareToFork();
  if (!options.quiet) startLog();
  if (options.trace) startTrace();
  run(name, () => {
    setLimits(options);
    return serve(options);
  });
}

/** Runs the stage. In the parent every failure ends here, in one line. */
async function run(name: string, serve: () => void | Promise<void>) {
  try {
    await serve();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    // Handlers of signals that have arrived run first, as they do in C.
    await handleSignals();
    console.error(`${name}: ${error.message}${advice(error)}`);
    process.exit(1);
  }
}

/** What to do about the errors that a reader meets. */
function advice({ syscall, code, port = 0 }: SystemError): string {
  if (code === 'EADDRINUSE') {
    return `: another program listens there; stop it, or take --port ${port + 1}`;
  }
  if (syscall === 'bind' && code === 'EACCES') {
    return ': ports below 1024 are for root; take --port 8888';
  }
  if (syscall === 'setrlimit') {
    return ': a limit can be lowered, but not raised; take a smaller number';
  }
  if (code === 'EADDRNOTAVAIL') {
    return ': this machine has no such address; take --host 127.0.0.1';
  }
  return '';
}

/**
 * Becomes Node with the flags above, under the same PID, unless they are
 * there: nobody can forget them. Call it before anything has been opened.
 */
export function restartWithNodeFlags(): void {
  const missing = NODE_FLAGS.filter((flag) => !process.execArgv.includes(flag));
  if (missing.length === 0) return;
  process.env.GLIBC_TUNABLES ??= MALLOC_TUNING;
  // Certificates that a server without TLS would read, and every fork copy.
  delete process.env.NODE_EXTRA_CA_CERTS;
  const [node = process.execPath, ...args] = process.argv;
  execve(node, [node, ...process.execArgv, ...missing, ...args]);
}

/** Does before the first fork what would otherwise cost every child. */
export function prepareToFork(): void {
  warmUp();
  packHeap();
}

/** Nobody: an ordinary user that every Linux has. */
const NOBODY = 65_534;

function setLimits({ maxOpenFiles, maxProcesses }: ServerOptions): void {
  if (maxOpenFiles !== null) setrlimit(RLIMIT_NOFILE, maxOpenFiles);
  if (maxProcesses === null) return;
  setrlimit(RLIMIT_NPROC, maxProcesses);
  if (process.getuid?.() !== 0) return;
  announce(
    `--max-processes does not bind root: going on as user ${NOBODY} (nobody)`,
  );
  dropPrivileges(NOBODY);
}

/** Says where the server listens, even with --quiet: port 0 has an answer. */
export function announceListener(listener: number): void {
  const address = formatAddress(getsockname(listener));
  announce(
    `${process.title} listens on http://${address}/, PID ${process.pid}`,
  );
}
