/**
 * What the descriptors of a process stand for, and which are one and the same.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { libc } from '#shared/node/libc';
import { orNull, readText } from './processes';

/**
 * What each descriptor of a process stands for, see proc_pid_fd(5): a path,
 * `socket:[33058]`, `pipe:[33057]`, `anon_inode:[eventfd]`. Ascending, and
 * empty for a zombie.
 *
 * @returns null if there is no such process, or if it is somebody else's
 */
export function descriptorsOf(pid: number): Map<number, string> | null {
  const names = orNull(() => readdirSync(`/proc/${pid}/fd`));
  if (names === null) return null;
  const found = new Map<number, string>();
  for (const fd of names.map(Number).sort((a, b) => a - b)) {
    const target = targetAt({ pid, fd });
    if (target !== null) found.set(fd, target);
  }
  return found;
}

/** How many descriptors a process has. */
export function countDescriptors(pid: number): number {
  return descriptorsOf(pid)?.size ?? 0;
}

/** The number that a process's next descriptor will have. */
export function lowestFree(pid: number): number {
  const taken = descriptorsOf(pid) ?? new Map();
  let number = 0;
  while (taken.has(number)) number++;
  return number;
}

/**
 * The descriptors that a process has an epoll watch, see proc_pid_fdinfo(5):
 * an event loop has every connection there, also while it runs.
 *
 * @param descriptors those of the process, see `descriptorsOf`
 */
export function watchedBy(
  pid: number,
  descriptors: Map<number, string>,
): number[] {
  return [...descriptors]
    .filter(([, target]) => target === 'anon_inode:[eventpoll]')
    .map(([fd]) => readText(`/proc/${pid}/fdinfo/${fd}`) ?? '')
    .flatMap((text) => [...text.matchAll(/^tfd:\s*(\d+)/gm)])
    .map(([, fd]) => Number(fd));
}

/** One descriptor of one process. */
export interface Holder {
  pid: number;
  fd: number;
}

/** What one descriptor stands for now, or null as `descriptorsOf`. */
export function targetAt({ pid, fd }: Holder): string | null {
  return orNull(() => readlinkSync(`/proc/${pid}/fd/${fd}`));
}

/** Whether two descriptors are one open file description, and how we know. */
export interface Comparison {
  same: boolean;
  evidence: 'kcmp' | 'inode';
}

const SYS_KCMP = process.arch === 'arm64' ? 272 : 312;
const KCMP_FILE = 0;

/**
 * Asks whether two descriptors stand for one open file description (open(2),
 * NOTES), as dup(2) and fork(2) make them: kcmp(2). Where that is forbidden,
 * the inode decides: a socket has one description only, see socket(7).
 *
 * @returns null if one is gone, or if neither way tells
 */
export function compareDescriptors(a: Holder, b: Holder): Comparison | null {
  const order = libc.syscall(SYS_KCMP, a.pid, b.pid, KCMP_FILE, a.fd, b.fd);
  if (order >= 0) return { same: order === 0, evidence: 'kcmp' };
  const [one, other] = [targetAt(a), targetAt(b)];
  if (!one?.startsWith('socket:') || !other) return null;
  return { same: one === other, evidence: 'inode' };
}
