/**
 * How Node has to be started so that it can be forked, and forked cheaply.
 */
import { check, libc } from './libc';

/**
 * `--single-threaded`, `--v8-pool-size=0`: no helper threads of V8, because
 * only the thread that calls fork exists in the child. A lock that another one
 * held at that moment would stay locked in the child for ever.
 *
 * The others make a fork cheaper, since it copies page tables:
 * `--use-largepages=silent`: Node's code in few large pages.
 * `--no-short-builtin-calls`: no copy of V8's builtins in small pages.
 * `--no-lazy`: what only a child does is compiled with the rest. Otherwise V8
 * would do it at the first call, which is in every child anew.
 * `--max-semi-space-size=1`: little room for new objects, since all of it is
 * copied, used or not.
 * `--no-memory-reducer`: the heap stays as speed/heap.ts has packed it. After
 * eight idle seconds V8 would tidy it up, and scatter it again.
 * `--expose-gc`: speed/heap.ts collects the garbage before the first fork.
 */
const NODE_FLAGS = [
  '--single-threaded',
  '--v8-pool-size=0',
  '--use-largepages=silent',
  '--no-short-builtin-calls',
  '--no-lazy',
  '--expose-gc',
  '--max-semi-space-size=1',
  '--no-memory-reducer',
];

/**
 * For glibc's malloc, see mallopt(3): no lists of small blocks that are free.
 * They are scattered over the heap, and malloc hands them out or merges them.
 * In a child, every page that it touches is copied. No heap of their own for
 * Node's other threads. And a heap that begins with 5 MB of room: speed/heap.ts
 * puts it into huge pages, and its end only fills one if it is not needed yet.
 */
const MALLOC_TUNING = [
  'glibc.malloc.mxfast=0',
  'glibc.malloc.tcache_count=0',
  'glibc.malloc.arena_max=1',
  'glibc.malloc.top_pad=5242880',
].join(':');

/** The beginning of a command by which nothing has to be started anew. */
export const NODE_TO_FORK = [
  'env',
  `GLIBC_TUNABLES=${MALLOC_TUNING}`,
  process.execPath,
  ...NODE_FLAGS,
];

/**
 * Becomes Node with the flags above, under the same PID, unless they are
 * there: nobody can forget them. Call it before anything has been opened.
 *
 * @throws SystemError E2BIG, ENOENT: execve(2)
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

const F_SETFD = 2;

/** execve(2): this process becomes another program, under the same PID. */
function execve(path: string, args: string[]): never {
  const environment = Object.entries(process.env).map(
    ([name, value]) => `${name}=${value}`,
  );
  // Node marks all that it inherits close-on-exec, the terminal included.
  for (const fd of [0, 1, 2]) libc.fcntl(fd, F_SETFD, 0);
  check(libc.execve(path, [...args, null], [...environment, null]), 'execve');
  throw new Error('execve(2) does not return');
}
