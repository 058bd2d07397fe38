/**
 * The C library, called from TypeScript.
 *
 * The only file that imports koffi, the library that loads C functions into
 * Node. Servers call the wrappers in sockets.ts, processes.ts and signals.ts,
 * which bear the names of the man pages they wrap.
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
 * Buffers stand for pointers. --trace does not show these: they are for what
 * is no event itself, such as the writing of a log.
 */
export const unobserved = {
  // Sockets and other descriptors
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
  close: declare('int close(int fd)'),
  poll: declare('int poll(void *fds, unsigned long count, int timeout)'),

  // Memory
  mmap: declare(
    'intptr_t mmap(uintptr_t start, size_t length, int prot, int flags, int fd, long offset)',
  ),
  munmap: declare('int munmap(uintptr_t start, size_t length)'),
  madvise: declare('int madvise(uintptr_t start, size_t length, int advice)'),

  // Processes, and what they may do
  fork: declare('int fork()'),
  waitpid: declare('int waitpid(int pid, void *status, int options)'),
  _exit: declare('void _exit(int status)'),
  getpid: declare('int getpid()'),
  getppid: declare('int getppid()'),
  prctl: declare(
    'int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)',
  ),
  fcntl: declare('int fcntl(int fd, int command, int flags)'),
  execve: declare('int execve(str path, char **argv, char **envp)'),
  open: declare('int open(str path, int flags)'),
  setrlimit: declare('int setrlimit(int resource, void *limit)'),
  setgroups: declare('int setgroups(size_t count, void *groups)'),
  setgid: declare('int setgid(unsigned int gid)'),
  setuid: declare('int setuid(unsigned int uid)'),

  // Signals
  kill: declare('int kill(int pid, int signal)'),
  signal: declare('intptr_t signal(int signal, intptr_t handler)'),
  siginterrupt: declare('int siginterrupt(int signal, int flag)'),
  sigaction: declare('int sigaction(int signal, void *action, void *old)'),
  sigprocmask: declare('int sigprocmask(int how, void *set, void *old)'),

  // ioctl(2): what a pidfd tells
  ioctl: declare('int ioctl(int fd, unsigned long request, void *argument)'),

  // syscall(2), for what not every libc has a function for: kcmp(2),
  // pidfd_open(2)
  syscall: declare(
    'long syscall(long number, long a, long b, long c, long d, long e)',
  ),
};

/** The same calls as everybody makes them. `observe` sees what they do. */
export const libc = { ...unobserved };

const strerror = program.func('str strerror(int errno)');

/** The number of the last failure, see errno(3). Ask before any other call. */
export function errno(): number {
  return koffi.errno();
}

const defaultLoop = program.func('void *uv_default_loop()');
const backendOf = program.func('int uv_backend_fd(void *loop)');

/**
 * The descriptor by which Node's event loop learns that there is something to
 * do. It is readable, see poll(2), from the moment a signal with a JavaScript
 * handler arrives until the handler runs: libuv's own handler, in C, writes to
 * a pipe that this epoll(7) descriptor watches.
 *
 * The functions are libuv's, as uv.h declares them. Node is linked with it,
 * and exports them for its native modules.
 */
export const EVENT_LOOP: number = backendOf(defaultLoop());

/** The dispositions of signal(2): what the kernel does by itself, or nothing. */
export const SIG_DFL = 0;
export const SIG_IGN = 1;

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
const nameOf = (number: number) => names.get(number) ?? `E${number}`;

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
    super(`${syscall}${inWords(subject)}: ${describeErrno(errno)}`);
    this.syscall = syscall;
    this.errno = errno;
    this.code = nameOf(errno);
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

/** Is told of a call: its name, its arguments, what it returned, its errno. */
export type Observer = (
  name: string,
  args: Argument[],
  result: number,
  errno: number,
) => void;

/** Who is told of every call, if anybody is. */
export let observer: Observer | null = null;

/** From now on, in this process and its children, every call is observed. */
export function observe(tell: Observer): void {
  observer = tell;
  for (const [name, call] of Object.entries(unobserved)) {
    libc[name as keyof typeof libc] = (...args) => {
      if (name === '_exit') tell(name, args, Number.NaN, 0); // never returns
      const result = call(...args);
      const error = errno();
      tell(name, args, result, error);
      koffi.errno(error);
      return result;
    };
  }
}

/** `EINTR (Interrupted system call)`: a number of errno(3) in words. */
export function describeErrno(number: number): string {
  return `${nameOf(number)} (${strerror(number)})`;
}
