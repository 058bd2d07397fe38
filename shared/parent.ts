/**
 * What a parent owes besides: not too many children, a word to a client that
 * none can be made for, and an end in order. Each call can be left out.
 */
import { log, logOnce } from './log';
import { SystemError } from './node/libc';
import { fork, unreapedChildren } from './processes';
import { turnAway } from './serve';
import { kill, nextSignal, onSignal } from './signals';

/**
 * Whether there are as many children as there may be. Clients wait in the
 * accept queue until one has been reaped.
 */
export function isFull(maxChildren: number): boolean {
  if (unreapedChildren().length < maxChildren) return false;
  logOnce(`${maxChildren} children: new connections wait in the queue`);
  return true;
}

/**
 * fork(2) for a server that goes on when there is no room for a child: the
 * client is told so, with a 503.
 *
 * @returns as fork, or null if it fails, which is logged
 */
export function forkOrTurnAway(client: number): number | null {
  try {
    return fork();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    log(error.message);
    turnAway(client);
    return null;
  }
}

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

/** Waits for the last child: those we have get the whole of their answer. */
export async function waitForLastChild(): Promise<void> {
  const { length } = unreapedChildren();
  if (length > 0) {
    log(`waits for its last children (${length}): Ctrl-C again ends them`);
  }
  while (unreapedChildren().length > 0) await nextSignal();
}
