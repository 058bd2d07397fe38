/**
 * What a process may have, and who it is.
 */
import { check, libc } from './node/libc';

/** Resources of setrlimit(2). */
export const RLIMIT_CORE = 4;
export const RLIMIT_NPROC = 6;
export const RLIMIT_NOFILE = 7;

/** Nobody: an ordinary user that every Linux has. */
export const NOBODY = 65_534;

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
