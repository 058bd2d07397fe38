/**
 * Processes: fork, the safe child, waiting for it, and limits.
 */
import { writeSync } from 'node:fs';
import { constants } from 'node:os';
import { check, errno, libc, SystemError, showCall } from './libc';
import { log } from './log';
import {
  blockSignals,
  resetSignals,
  restoreSignals,
  signalName,
} from './signals';

const { ECHILD, EINTR } = constants.errno;

/** Options of waitpid(2): do not wait; tell of stopped children, too. */
export const WNOHANG = 1;
export const WUNTRACED = 2;

/** For madvise(2): copy this memory to children after all. */
export const MADV_DOFORK = 11;
// From the lowest address a program can map, nearly up to the highest.
const START = 0x10000;
const BYTES = process.arch === 'arm64' ? 0xffff_fff0_0000 : 0x7fff_ffff_0000;

/**
 * fork(2): called once, returns twice. The child is a copy of this process
 * with the same descriptors, and it goes on from here. Hand its work to
 * `exitAfter`, which never comes back.
 *
 * V8 tells the kernel not to copy its heap to a child (MADV_DONTFORK), since
 * Node itself only ever forks to start another program. Our child goes on
 * running JavaScript and needs the heap, so madvise(2) takes that back,
 * immediately before every fork: whenever the heap grows, V8 marks the new
 * pages again. Nothing may allocate between the two calls.
 *
 * Signals are held back meanwhile, so that none reaches the child before it
 * has put the parent's handlers aside.
 *
 * @returns the child's PID in the parent, 0 in the child
 * @throws SystemError EAGAIN (a limit on processes), ENOMEM
 */
export function fork(): number {
  const mask = blockSignals();
  // This fails with EINVAL at the kernel's own [vvar] mapping, near the top.
  // By then every mapping below it has been changed, and V8's are all below.
  const allowed = libc.madvise(START, BYTES, MADV_DOFORK);
  const pid = libc.fork();
  const error = errno(); // of fork if that failed, otherwise of madvise
  if (pid === 0) becomeChild();
  const madvised = [START, BYTES, MADV_DOFORK];
  if (pid > 0) showCall('madvise', madvised, allowed, error);
  showCall('fork', [], pid, error);
  restoreSignals(mask);
  if (pid === -1) throw new SystemError('fork', error);
  if (pid > 0) log('fork →', pid);
  return pid;
}

/**
 * fork(2) for a server that goes on when there is no room for a child.
 *
 * @returns as fork, or null for EAGAIN and ENOMEM, which is logged
 */
export function forkOrNull(): number | null {
  try {
    return fork();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    log(error.message);
    return null;
  }
}

/** Whether this process is a child that `fork` has made. */
let forked = false;

/** From here on, everything that would end in Node's teardown ends in _exit. */
function becomeChild(): void {
  forked = true;
  resetSignals();
  // A parent that listens for rejections handles them. A child does not.
  if (process.listenerCount('unhandledRejection') > 0) {
    process.removeAllListeners('unhandledRejection');
  }
}

// What a child must not do is arranged in the parent, once, and costs a child
// nothing. `reallyExit` is what Node itself calls at the end of `exit`.
for (const name of ['exit', 'reallyExit'] as const) {
  const { [name]: leave } = process as NodeJS.Process & {
    reallyExit: NodeJS.Process['exit'];
  };
  const guarded = (status?: number | string | null): never => {
    if (forked) die(`process.exit(${status ?? ''}) in a child`);
    return leave.call(process, status);
  };
  Object.assign(process, { [name]: guarded });
}

// Node calls this before it looks for a handler or ends the process.
process.on('uncaughtExceptionMonitor', (error) => {
  if (forked) die(error);
});

/**
 * Does a child's work and ends the child: with status 0, or with a message
 * and status 1 if the work throws.
 *
 * A child leaves by _exit(2) and by no other way. Node's own exit would join
 * threads that exist in the parent alone, and wait for them for ever.
 *
 * The work is synchronous. The event loop belongs to the parent: both
 * processes share its epoll descriptor, and a child that turned it would
 * take the parent's events away.
 */
export function exitAfter(work: () => void): never {
  try {
    const result: unknown = work();
    rejectPromises();
    if (result instanceof Promise) {
      throw new Error('the work of a child has to be synchronous');
    }
  } catch (error) {
    die(error);
  }
  return _exit(0);
}

/**
 * Plays a child in the parent: all that happens after `fork`, but for the
 * two system calls that would make it real. See warm.ts for what it is good
 * for. Call it before anybody handles signals or rejections: to a child, that
 * is over.
 */
export function rehearse(work: () => void): void {
  const { fork: realFork, _exit: realExit } = libc;
  libc.fork = () => 0;
  libc._exit = () => {
    throw CURTAIN;
  };
  try {
    if (fork() === 0) exitAfter(work);
  } catch (error) {
    if (error !== CURTAIN) throw error;
  } finally {
    libc.fork = realFork;
    libc._exit = realExit;
    forked = false;
  }
}

const CURTAIN = new Error('the rehearsal is over');

/** Has Node report promises that were rejected and that nobody handled. */
function rejectPromises(): void {
  // Node calls this after each callback. A child has no next callback.
  (process as unknown as { _tickCallback?: () => void })._tickCallback?.();
}

/** Ends a child that something went wrong in. */
function die(reason: unknown): never {
  try {
    writeSync(2, `[${getpid()}] child fails: ${explain(reason)}\n`);
  } finally {
    _exit(1);
  }
}

/** A failed system call says it all itself. A bug is somewhere in the code. */
function explain(reason: unknown): string {
  if (reason instanceof SystemError) return reason.message;
  return (reason instanceof Error && reason.stack) || String(reason);
}

/** _exit(2): ends this process at once, whatever it is doing. */
export function _exit(status: number): never {
  libc._exit(status);
  throw new Error('_exit(2) does not return');
}

/** What waitpid(2) tells of a child. */
export interface Child {
  /** The child's PID; 0: nothing to tell yet; -1: there is no child (ECHILD). */
  pid: number;
  /** The status it exited with. */
  exit?: number;
  /** The signal that ended it, if one did. */
  signal?: string;
  /** The signal that stopped it. It is still there and may go on. */
  stopped?: string;
}

/**
 * waitpid(2): collects the exit status of a child that has ended, a zombie,
 * and with that lets the kernel forget it.
 *
 * @param pid the child, or -1 for any
 * @param options 0 to wait until one has ended, or WNOHANG, WUNTRACED
 * @throws SystemError EINTR, if it waits and a handled signal arrives
 */
export function waitpid(pid: number, options: number): Child {
  const found = libc.waitpid(pid, status, options);
  if (found === -1 && errno() !== ECHILD) check(-1, 'waitpid', { pid });
  if (found <= 0) return { pid: found };
  const child = decode(found, status[0] ?? 0);
  if (child.stopped) log(found, 'was stopped by', child.stopped);
  else log('reaped', found, '→', inWords(child));
  return child;
}

const status = new Int32Array(1);

/** The macros of wait(2): WIFSTOPPED, WIFSIGNALED, WIFEXITED. */
function decode(pid: number, status: number): Child {
  const low = status & 0x7f;
  const high = (status >> 8) & 0xff;
  if (low === 0x7f) return { pid, stopped: signalName(high) };
  return low === 0 ? { pid, exit: high } : { pid, signal: signalName(low) };
}

function inWords({ exit, signal }: Child): string {
  return signal ? `killed by ${signal}` : `exit ${exit}`;
}

const SYS_PIDFD_OPEN = 434; // on x86-64 and arm64

/**
 * pidfd_open(2): a descriptor that stands for a process, whatever becomes of
 * its PID. To poll(2) it is readable when the process has ended.
 *
 * @throws SystemError ESRCH, EMFILE, ENFILE; ENOSYS before Linux 5.3
 */
export function pidfd_open(pid: number): number {
  const fd = libc.syscall(SYS_PIDFD_OPEN, pid, 0, 0, 0, 0);
  return check(fd, 'pidfd_open', { pid });
}

/**
 * getpid(2). Not `process.pid`, which Node reads once: a forked child would
 * take itself for its parent.
 */
export function getpid(): number {
  return libc.getpid();
}

/** getppid(2): the parent's PID, or that of whoever adopted an orphan. */
export function getppid(): number {
  return libc.getppid();
}

/** nanosleep(2): sleeps without an event loop. */
export function sleep(seconds: number): void {
  const left = new BigInt64Array(2);
  left[0] = BigInt(Math.floor(seconds));
  left[1] = BigInt(Math.floor((seconds % 1) * 1e9));
  // A handled signal ends the sleep early and leaves the rest in `left`.
  while (libc.nanosleep(left, left) === -1 && errno() === EINTR);
}

const F_SETFD = 2;

/** Resources of setrlimit(2). */
export const RLIMIT_CORE = 4;
export const RLIMIT_NPROC = 6;
export const RLIMIT_NOFILE = 7;

/** setrlimit(2), soft and hard limit alike. @throws SystemError EPERM */
export function setrlimit(resource: number, limit: number): void {
  const pair = new BigUint64Array(2).fill(BigInt(limit));
  check(libc.setrlimit(resource, pair), 'setrlimit');
}

/**
 * Becomes an ordinary user for good: setgroups(2), setgid(2), setuid(2), in
 * this order, since the last one takes away the right to the others.
 *
 * @throws SystemError EPERM, EINVAL
 */
export function dropPrivileges(uid: number): void {
  check(libc.setgroups(0, null), 'setgroups');
  check(libc.setgid(uid), 'setgid');
  check(libc.setuid(uid), 'setuid');
}

/**
 * execve(2): this process becomes another program, under the same PID.
 *
 * @throws SystemError ENOENT, EACCES, E2BIG
 */
export function execve(path: string, args: string[]): never {
  const environment = Object.entries(process.env).map(
    ([name, value]) => `${name}=${value}`,
  );
  // Node marks all that it inherits close-on-exec, the terminal included.
  for (const fd of [0, 1, 2]) libc.fcntl(fd, F_SETFD, 0);
  check(libc.execve(path, [...args, null], [...environment, null]), 'execve');
  throw new Error('execve(2) does not return');
}
