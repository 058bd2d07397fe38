/**
 * The C library, called from TypeScript.
 *
 * The only file that imports koffi, the library that loads C functions into
 * Node. Everything else calls the wrappers in sockets.ts, processes.ts and
 * signals.ts, which bear the names of the man pages they wrap.
 */
import './requirements';
import { constants } from 'node:os';
import koffi from 'koffi';

/** What can be handed to C: numbers, addresses of bytes, NULL, strings. */
export type Argument =
  | number
  | NodeJS.TypedArray
  | null
  | string
  | (string | null)[];
type CFunction = (...args: Argument[]) => number;

// No name: the symbols of the program itself, and Node is linked with libc.
// That finds glibc and musl alike.
const program = koffi.load(null);
const declare = (prototype: string): CFunction => program.func(prototype);

/**
 * System calls as C declares them: -1 means failure, and `errno()` says why.
 * Buffers stand for pointers.
 */
export const libc = {
  // socket(2) to shutdown(2): sockets.ts
  socket: declare('int socket(int domain, int type, int protocol)'),
  socketpair: declare(
    'int socketpair(int domain, int type, int protocol, void *fds)',
  ),
  setsockopt: declare(
    'int setsockopt(int fd, int level, int name, void *value, int size)',
  ),
  getsockopt: declare(
    'int getsockopt(int fd, int level, int name, void *value, void *size)',
  ),
  bind: declare('int bind(int fd, void *address, int size)'),
  listen: declare('int listen(int fd, int backlog)'),
  accept: declare('int accept(int fd, void *address, void *size)'),
  connect: declare('int connect(int fd, void *address, int size)'),
  getsockname: declare('int getsockname(int fd, void *address, void *size)'),
  getpeername: declare('int getpeername(int fd, void *address, void *size)'),
  shutdown: declare('int shutdown(int fd, int how)'),
  read: declare('intptr_t read(int fd, void *buffer, size_t count)'),
  write: declare('intptr_t write(int fd, void *buffer, size_t count)'),
  recv: declare('intptr_t recv(int fd, void *buffer, size_t size, int flags)'),
  send: declare('intptr_t send(int fd, void *buffer, size_t size, int flags)'),
  ioctl: declare('int ioctl(int fd, unsigned long request, void *value)'),
  close: declare('int close(int fd)'),
  poll: declare('int poll(void *fds, unsigned long count, int timeout)'),

  // mmap(2) to madvise(2): heap.ts, and madvise in processes.ts, too
  mmap: declare(
    'intptr_t mmap(uintptr_t start, size_t length, int prot, int flags, int fd, long offset)',
  ),
  munmap: declare('int munmap(uintptr_t start, size_t length)'),
  madvise: declare('int madvise(uintptr_t start, size_t length, int advice)'),

  // fork(2) to setrlimit(2): processes.ts
  fork: declare('int fork()'),
  waitpid: declare('int waitpid(int pid, void *status, int options)'),
  _exit: declare('void _exit(int status)'),
  getpid: declare('int getpid()'),
  getppid: declare('int getppid()'),
  fcntl: declare('int fcntl(int fd, int command, int flags)'),
  execve: declare('int execve(str path, char **argv, char **envp)'),
  nanosleep: declare('int nanosleep(void *duration, void *remaining)'),
  setrlimit: declare('int setrlimit(int resource, void *limit)'),
  setgroups: declare('int setgroups(size_t count, void *groups)'),
  setgid: declare('int setgid(unsigned int gid)'),
  setuid: declare('int setuid(unsigned int uid)'),

  // kill(2) to siginterrupt(3): signals.ts
  kill: declare('int kill(int pid, int signal)'),
  signal: declare('intptr_t signal(int signal, intptr_t handler)'),
  siginterrupt: declare('int siginterrupt(int signal, int flag)'),
  sigprocmask: declare('int sigprocmask(int how, void *set, void *old)'),

  // syscall(2), for what not every libc has a function for: kcmp(2) in
  // kernel.ts, pidfd_open(2) in processes.ts
  syscall: declare(
    'long syscall(long number, long a, long b, long c, long d, long e)',
  ),
};

const strerror = program.func('str strerror(int errno)');

/** The number of the last failure, see errno(3). Ask before any other call. */
export function errno(): number {
  return koffi.errno();
}

/** Events of poll(2). */
export const POLLIN = 1;
export const POLLOUT = 4;

/** What a failed call was about: a descriptor, an address, a process. */
export interface Subject {
  fd?: number;
  address?: string;
  port?: number;
  pid?: number;
}

const names = new Map(
  Object.entries(constants.errno).map(([name, number]) => [number, name]),
);
// Two names share number 11 on Linux; man pages speak of EAGAIN.
names.set(constants.errno.EAGAIN, 'EAGAIN');

/**
 * A system call that failed, with the properties of Node's own errors.
 * `errno` is the positive number that C knows, see errno(3).
 */
export class SystemError extends Error {
  override readonly name = 'SystemError';
  readonly syscall: string;
  readonly errno: number;
  readonly code: string;
  readonly fd?: number;
  readonly address?: string;
  readonly port?: number;
  readonly pid?: number;

  constructor(syscall: string, errno: number, subject: Subject = {}) {
    const code = names.get(errno) ?? `E${errno}`;
    super(`${syscall}${inWords(subject)}: ${code} (${strerror(errno)})`);
    this.syscall = syscall;
    this.errno = errno;
    this.code = code;
    Object.assign(this, subject);
  }
}

function inWords({ fd, address, port, pid }: Subject): string {
  if (address !== undefined) return ` ${address}:${port}`;
  if (fd !== undefined) return ` descriptor ${fd}`;
  if (pid !== undefined) return ` PID ${pid}`;
  return '';
}

/**
 * Passes on the result of a call, unless it is the -1 of a failure.
 *
 * @throws SystemError with the errno of the call just made
 */
export function check(
  result: number,
  syscall: string,
  subject?: Subject,
): number {
  if (result === -1) throw new SystemError(syscall, errno(), subject);
  return result;
}

/** Shows one call: its name, its arguments, what it returned, its errno. */
type Show = (
  name: string,
  args: Argument[],
  result: number,
  errno: number,
) => void;

/** Shows a call if calls are being traced. Otherwise it does nothing. */
export let showCall: Show = () => {};

// fork() shows these itself: nothing may come between the two.
const SHOWN_BY_FORK = ['madvise', 'fork'];

/** From now on, in this process and its children, every call is shown. */
export function traceSystemCalls(show: Show): void {
  showCall = show;
  for (const [name, call] of Object.entries(libc)) {
    if (SHOWN_BY_FORK.includes(name)) continue;
    libc[name as keyof typeof libc] = (...args) => {
      if (name === '_exit') show(name, args, Number.NaN, 0); // never returns
      const result = call(...args);
      const error = errno();
      show(name, args, result, error);
      koffi.errno(error);
      return result;
    };
  }
}

/** `EINTR (Interrupted system call)`: a number of errno(3) in words. */
export function describeErrno(number: number): string {
  return `${names.get(number) ?? number} (${strerror(number)})`;
}
