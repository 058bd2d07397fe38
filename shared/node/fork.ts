/**
 * fork(2) for a process that is Node.
 */
import { becomeChild, exitAfter, rehearse } from './child';
import { errno, libc, observer, SystemError, unobserved } from './libc';
import { markAllForCopying, tellOfMarking } from './memory';

const SIG_SETMASK = 2; // the same number on x86-64 and arm64
const SIGSET_BYTES = 128; // sizeof(sigset_t) in glibc and in musl
const EVERY_SIGNAL = new Uint8Array(SIGSET_BYTES).fill(0xff);
const maskBefore = new Uint8Array(SIGSET_BYTES);

/**
 * Forks. Signals are held back meanwhile, see sigprocmask(2), so that none
 * reaches the child before it has put the parent's handlers aside.
 *
 * @returns the child's PID in the parent, 0 in the child
 * @throws SystemError EAGAIN (a limit on processes), ENOMEM
 */
export function forkNode(): number {
  libc.sigprocmask(SIG_SETMASK, EVERY_SIGNAL, maskBefore);
  try {
    return copyProcess(unobserved.fork);
  } finally {
    libc.sigprocmask(SIG_SETMASK, maskBefore, null);
  }
}

function copyProcess(callFork: () => number, scoreFile?: string): number {
  markAllForCopying();
  const pid = callFork(); // nothing may be allocated between these two
  const error = errno();
  if (observer !== null) {
    if (pid !== 0) tellOfMarking(observer);
    observer('fork', [], pid, error);
  }
  if (pid === 0) becomeChild(scoreFile);
  if (pid === -1) throw new SystemError('fork', error);
  return pid;
}

/**
 * Plays a child in the parent, from `fork` to `exitAfter`, but for the two
 * system calls that would make it real. The parent's signals are reset by it:
 * call it in `keepHandlers`, and before anybody listens for rejections.
 *
 * @throws whatever the work throws
 */
export function rehearseChild(work: () => void): void {
  rehearse(() => {
    copyProcess(() => 0, '/dev/null'); // the parent's own score stays
    exitAfter(work);
  });
}
