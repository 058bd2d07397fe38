/**
 * The end of a server, in order: clients that have a child get the whole of
 * their answer. Each call can be left out.
 */
import { log } from './log';
import { unreapedChildren } from './processes';
import { kill, nextSignal, onSignal } from './signals';

let stopping = false;

/** Whether the server has been told to stop, see `stopOnSignals`. */
export function isStopping(): boolean {
  return stopping;
}

// Under npm a single Ctrl-C arrives twice, from the terminal and from npm,
// which passes it on. So one that follows within half a second is the same.
const SAME_CTRL_C_MS = 500;

/**
 * From now on, the first SIGTERM or SIGINT (Ctrl-C) only asks the server to
 * stop. The next one ends its children, with SIGKILL, which also ends a child
 * that SIGSTOP has stopped.
 */
export function stopOnSignals(): void {
  let since = 0;
  const handler = () => {
    if (!stopping) {
      stopping = true;
      since = performance.now();
    } else if (performance.now() - since > SAME_CTRL_C_MS) {
      for (const pid of unreapedChildren()) kill(pid, 'SIGKILL');
    }
  };
  onSignal('SIGTERM', handler);
  onSignal('SIGINT', handler);
}

/** Waits until the last child has been reaped. */
export async function waitForLastChild(): Promise<void> {
  const { length } = unreapedChildren();
  if (length > 0) {
    log(`waits for its last children (${length}): Ctrl-C again ends them`);
  }
  while (unreapedChildren().length > 0) await nextSignal();
}
