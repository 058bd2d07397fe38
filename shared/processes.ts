/**
 * Processes: fork, the child and its end, and waiting for it.
 */
import { constants } from 'node:os';
import { log } from './log';
import { forkNode } from './node/fork';
import { check, errno, libc } from './node/libc';
import { signalName } from './signals';

export { _exit, exitAfter } from './node/child';

const { ECHILD } = constants.errno;

/** Options of waitpid(2): do not wait; tell of stopped children, too. */
export const WNOHANG = 1;
export const WUNTRACED = 2;

/** The children that have been forked and not been waited for. */
const children: number[] = [];

/**
 * fork(2): called once, returns twice. The child is a copy of this process
 * with the same descriptors, and it goes on from here. Hand its work to
 * `exitAfter`. (What it takes to do this with Node stands in node/.)
 *
 * @returns the child's PID in the parent, 0 in the child
 * @throws SystemError EAGAIN (a limit on processes), ENOMEM, EINVAL
 */
export function fork(): number {
  const pid = forkNode();
  if (pid > 0) {
    children.push(pid);
    log('fork →', pid);
  }
  return pid;
}

/**
 * The PIDs of a parent's children that it has not waited for, zombies
 * included. A child that asks gets the list as it was when it was made.
 */
export function unreapedChildren(): readonly number[] {
  return children;
}

/** What waitpid(2) tells of a child. One that was stopped may go on. */
export type Child =
  | { how: 'exited'; pid: number; status: number }
  | { how: 'killed' | 'stopped'; pid: number; signal: string };

/** It found nobody: all still run (WNOHANG), or there are no children. */
export type Nobody = { how: 'running' | 'childless' };

/**
 * waitpid(2): collects the exit status of a child that has ended, a zombie,
 * and with that lets the kernel forget it.
 *
 * @param pid the child, or -1 for any
 * @param options 0 to wait until one has ended, or WNOHANG, WUNTRACED
 * @throws SystemError EINTR, if it waits and a handled signal arrives
 */
export function waitpid(pid: number, options: number): Child | Nobody {
  const found = libc.waitpid(pid, status, options);
  if (found === 0) return { how: 'running' };
  if (found === -1 && errno() === ECHILD) return { how: 'childless' };
  check(found, 'waitpid', { pid });
  const child = decode(found, status[0] ?? 0);
  if (child.how === 'stopped') log(found, 'was', describeEnding(child));
  else {
    forget(found);
    log('reaped', found, '→', describeEnding(child));
  }
  return child;
}

const status = new Int32Array(1);

/** The macros of wait(2): WIFSTOPPED, WIFSIGNALED, WIFEXITED. */
export function decode(pid: number, status: number): Child {
  const low = status & 0x7f;
  const high = (status >> 8) & 0xff;
  if (low === 0x7f) return { how: 'stopped', pid, signal: signalName(high) };
  if (low === 0) return { how: 'exited', pid, status: high };
  return { how: 'killed', pid, signal: signalName(low) };
}

function forget(pid: number): void {
  const index = children.indexOf(pid);
  if (index !== -1) children.splice(index, 1);
}

/** `exit 0`, `killed by SIGSEGV`, `stopped by SIGSTOP`. */
export function describeEnding(child: Child | Nobody): string {
  if (child.how === 'exited') return `exit ${child.status}`;
  return 'signal' in child ? `${child.how} by ${child.signal}` : child.how;
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
