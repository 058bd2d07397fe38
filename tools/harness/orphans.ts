/**
 * Orphans: processes whose parent has ended, and that have left the session in
 * which we would look for them. A program that makes itself a daemon is one.
 */
import { check, libc } from '#shared/node/libc';
import { WNOHANG } from '#shared/processes';
import { childrenOf, type Process, readProcess } from '../kernel/processes';

const PR_SET_CHILD_SUBREAPER = 36;

let adopting = false;

/**
 * From now on, whatever our descendants leave behind becomes our child and
 * not that of init, see PR_SET_CHILD_SUBREAPER in prctl(2).
 *
 * @throws SystemError EINVAL before Linux 3.4
 */
export function adoptOrphans(): void {
  check(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 'prctl');
  adopting = true;
}

/**
 * The orphans that have been adopted and have not ended. Those that have are
 * waited for: nobody else would.
 *
 * @param ours children that we have started ourselves in other sessions
 */
export function adoptedOrphans(ours: ReadonlySet<number>): Process[] {
  if (!adopting) return [];
  const session = readProcess(process.pid)?.session;
  return childrenOf(process.pid).flatMap((pid) => {
    const child = ours.has(pid) ? null : readProcess(pid);
    if (child === null || child.session === session) return [];
    if (child.state !== 'Z') return [child];
    libc.waitpid(pid, null, WNOHANG);
    return [];
  });
}
