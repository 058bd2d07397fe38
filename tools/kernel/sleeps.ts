/**
 * What a process that sleeps waits for: the system call, and its descriptors.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { orNull, type Process, readText, STATES } from './processes';

/** What a process waits for. */
export interface Sleep {
  /** A system call, or a function of the kernel where that is all we learn. */
  call: string;
  /** The descriptor that the call is about, if it takes one. */
  descriptor: number | null;
  /** Those that poll(2) waits for, where its memory may be read. */
  among: number[] | null;
}

/**
 * The system call a process sleeps in, by proc_pid_syscall(5); where that is
 * not permitted, the function of the kernel, by proc_pid_wchan(5).
 *
 * @returns null if it runs, has ended, or may not be looked at
 */
export function sleepOf(pid: number): Sleep | null {
  const [number = '', first = '', second = ''] = (
    readText(`/proc/${pid}/syscall`) ?? ''
  ).split(' ');
  const known = CALLS.find((call) => number === String(call[ARCHITECTURE]));
  if (!known) {
    const call = readText(`/proc/${pid}/wchan`);
    return call && call !== '0'
      ? { call, descriptor: null, among: null }
      : null;
  }
  const [, , call, about] = known;
  const descriptor = about === 'fd' ? Number(first) : null;
  const among = /^p?poll$/.test(call)
    ? readPollSet(pid, BigInt(first), Number(second))
    : null;
  return { call, descriptor, among };
}

const ARCHITECTURE = process.arch === 'arm64' ? 1 : 0;

/** Calls that servers sleep in, and their numbers on x86-64 and arm64. */
const CALLS: [x64: number, arm64: number | null, call: string, about?: 'fd'][] =
  [
    [0, 63, 'read', 'fd'],
    [1, 64, 'write', 'fd'],
    [7, null, 'poll'],
    [23, null, 'select'],
    [34, null, 'pause'],
    [35, 101, 'nanosleep'],
    [42, 203, 'connect', 'fd'],
    [43, 202, 'accept', 'fd'],
    [44, 206, 'sendto', 'fd'],
    [45, 207, 'recvfrom', 'fd'],
    [46, 211, 'sendmsg', 'fd'],
    [47, 212, 'recvmsg', 'fd'],
    [61, 260, 'wait4'],
    [130, 133, 'rt_sigsuspend'],
    [202, 98, 'futex'],
    [230, 115, 'clock_nanosleep'],
    [232, null, 'epoll_wait', 'fd'],
    [247, 95, 'waitid'],
    [270, 72, 'pselect6'],
    [271, 73, 'ppoll'],
    [281, 22, 'epoll_pwait', 'fd'],
    [288, 242, 'accept4', 'fd'],
  ];

const POLLFD_BYTES = 8;
const MAX_POLLFDS = 1_024;

/** The descriptors of an array of struct pollfd, by proc_pid_mem(5). */
function readPollSet(
  pid: number,
  address: bigint,
  count: number,
): number[] | null {
  if (count > MAX_POLLFDS) return null;
  const pollfds = Buffer.alloc(count * POLLFD_BYTES);
  const memory = orNull(() => openSync(`/proc/${pid}/mem`, 'r'));
  if (memory === null) return null;
  const bytes = orNull(() =>
    readSync(memory, pollfds, 0, pollfds.length, address),
  );
  closeSync(memory);
  if (bytes !== pollfds.length) return null; // it has woken up meanwhile
  return Array.from({ length: count }, (_, i) =>
    pollfds.readInt32LE(i * POLLFD_BYTES),
  );
}

/** `sleeping in accept(17)`, `zombie`: a process in words. */
export function describeState(
  process: Process,
  sleep = process.state === 'S' ? sleepOf(process.pid) : null,
): string {
  const state = STATES[process.state];
  if (!sleep) return state;
  const about = sleep.among ?? [sleep.descriptor ?? ''];
  return `${state} in ${sleep.call}(${about.join(', ')})`;
}
