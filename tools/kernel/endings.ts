/**
 * How a process has ended, as far as somebody who is not its parent can know.
 */
import { libc } from '#shared/node/libc';
import { type Child, decode, pidfd_open } from '#shared/processes';
import { close } from '#shared/sockets';
import { descriptorsOf } from './descriptors';
import { readText } from './processes';

/** A process that is remembered by a pidfd, which never means another one. */
export interface Remembered {
  pid: number;
  /** null where the kernel gives none. */
  pidfd: number | null;
}

/** Remembers a process until `forget`. */
export function remember(pid: number): Remembered {
  try {
    return { pid, pidfd: pidfd_open(pid) };
  } catch {
    return { pid, pidfd: null }; // it has gone, or Linux is older than 5.3
  }
}

export function forget({ pidfd }: Remembered): void {
  if (pidfd !== null) close(pidfd);
}

// <linux/pidfd.h>: struct pidfd_info is 64 bytes or more. It begins with a
// mask of what is asked for, and the exit status is at byte 60.
const PIDFD_GET_INFO = 0xc040ff0b;
const PIDFD_INFO_EXIT = 8n;
const INFO_BYTES = 64;
const STATUS_AT = 60;

/**
 * How a process has ended that nobody has to wait for any more. The kernel
 * tells everybody who has a pidfd of it since Linux 6.15; before, the parent
 * alone was told, by waitpid.
 *
 * @returns null if it is still there, or if we are not told
 */
export function endOf({ pid, pidfd }: Remembered): Child | null {
  if (pidfd === null) return null;
  const info = new DataView(new ArrayBuffer(INFO_BYTES));
  info.setBigUint64(0, PIDFD_INFO_EXIT, true);
  const bytes = new Uint8Array(info.buffer);
  if (libc.ioctl(pidfd, PIDFD_GET_INFO, bytes) === -1) return null;
  const told = (info.getBigUint64(0, true) & PIDFD_INFO_EXIT) !== 0n;
  return told ? decode(pid, info.getInt32(STATUS_AT, true)) : null;
}

/** The 52nd field of proc_pid_stat(5), behind the name and its parenthesis. */
const EXIT_CODE = 52 - 3;

/**
 * How a zombie has ended: the status that its parent has not asked for.
 *
 * @returns null if it may not be looked at: then the kernel says 0
 */
export function endOfZombie(pid: number): Child | null {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === null || descriptorsOf(pid) === null) return null;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? decode(pid, Number(fields[EXIT_CODE])) : null;
}
