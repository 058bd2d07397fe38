/**
 * How every server starts: flags, limits, a log, and one line if it fails.
 */
import { relative } from 'node:path';
import {
  address,
  type Flags,
  integer,
  readFlags,
  seconds,
  toggle,
  type Values,
} from './flags';
import { announce, startLog } from './log';
import type { SystemError } from './node/libc';
import { refuse } from './node/requirements';
import {
  dropPrivileges,
  NOBODY,
  RLIMIT_NOFILE,
  RLIMIT_NPROC,
  setrlimit,
} from './rlimits';
import { handleSignals } from './signals';
import { startTrace } from './trace';

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
 * @param prepare what it needs before anything else, see `startForking`
 */
export async function start<F extends Flags>(
  name: string,
  summary: string,
  serve: (options: ServerOptions & Values<F>) => void | Promise<void>,
  flags: F = {} as F,
  prepare = (_options: ServerOptions) => {},
): Promise<void> {
  refuseSource(name);
  const all = { ...SERVER_FLAGS, ...flags };
  const options = readFlags({ name, summary }, all) as ServerOptions &
    Values<F>;
  try {
    prepare(options);
    process.title = name;
    if (!options.quiet) startLog();
    if (options.trace) startTrace();
    setLimits(options);
    await serve(options);
    // Whatever else keeps Node's event loop alive, the server has ended.
    process.exit(0);
  } catch (error) {
    await fail(name, error);
  }
}

/**
 * In the parent every failure of a system call ends here, in one line. Our
 * errors and Node's say which call it was, and why.
 */
async function fail(name: string, error: unknown): Promise<never> {
  if (!(error instanceof Error && 'syscall' in error)) throw error;
  // Handlers of signals that have arrived run first, as they do in C.
  await handleSignals();
  console.error(`${name}: ${error.message}${advice(error)}`);
  process.exit(1);
}

/** A loader, or types to be stripped, would be part of every fork. */
function refuseSource(name: string): void {
  const file = relative('.', process.argv[1] ?? '');
  if (!file.endsWith('.ts')) return;
  const program = file.slice(0, -'.ts'.length);
  refuse(`${name} runs compiled: start it with tools/run ${program}`);
}

/** What to do about the errors that a reader meets. */
function advice(error: Error): string {
  const { syscall, code, port = 0 } = error as Partial<SystemError>;
  const known: Record<string, string> = {
    'bind EADDRINUSE': `another program listens there; stop it, or take --port ${port + 1}`,
    'bind EACCES': 'ports below 1024 are for root; take --port 8888',
    'bind EADDRNOTAVAIL':
      'this machine has no such address; take --host 127.0.0.1',
    'setrlimit EPERM':
      'a limit can be lowered, but not raised; take a smaller number',
  };
  const found = known[`${syscall} ${code}`];
  return found ? `: ${found}` : '';
}

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
