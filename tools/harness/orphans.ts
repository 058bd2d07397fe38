/**
 * Orphans: processes whose parent has ended. They become children of init, or
 * of the nearest ancestor that has asked for them.
 */
import { check, libc } from '#shared/node/libc';
import { WNOHANG } from '#shared/processes';
import {
  childrenOf,
  listProcesses,
  type Process,
  readProcess,
  treeOf,
} from '../kernel/processes';

const PR_SET_CHILD_SUBREAPER = 36;

let adopting = false;

/**
 * From now on, whatever our descendants leave behind becomes our child, see
 * PR_SET_CHILD_SUBREAPER in prctl(2). Not every init is quick to wait for
 * them, and a program that has made itself a daemon would be lost to us.
 *
 * @throws SystemError EINVAL before Linux 3.4
 */
export function adoptOrphans(): void {
  if (adopting) return;
  check(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 'prctl');
  adopting = true;
  process.on('SIGCHLD', () => adoptedOrphans());
}

/**
 * Us and all that descend from us. As long as orphans are not adopted, they
 * may be anywhere: then these are all processes there are.
 */
export function listDescendants(): Process[] {
  if (!adopting) return listProcesses();
  return treeOf(process.pid).flatMap((pid) => readProcess(pid) ?? []);
}

/** Children that we have started ourselves, each in a session of its own. */
export const ours = new Set<number>();

/**
 * The orphans that live and have left the sessions we know. Those that have
 * ended are waited for.
 */
export function adoptedOrphans(): Process[] {
  if (!adopting) return [];
  const session = readProcess(process.pid)?.session;
  return childrenOf(process.pid).flatMap((pid) => {
    const child = ours.has(pid) ? null : readProcess(pid);
    if (child === null || child.session === session) return [];
    if (child.state !== 'Z') return ours.has(child.session) ? [] : [child];
    libc.waitpid(pid, null, WNOHANG);
    return [];
  });
}
