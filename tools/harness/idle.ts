/**
 * Waiting until a server has nothing left to do.
 */
import { childrenOf, readProcess, switchesOf } from '../kernel/processes';
import { isRunning, orphansOf, type Server } from './servers';
import { startStopwatch, waitFor } from './wait';

const QUIET_MS = 250;
const PATIENCE_MS = 10_000; // with one that never sleeps
const LOOK_EVERY_MS = 25; // each look reads some dozens of files

/**
 * Waits until something is so, or the server has nothing left to do: all its
 * processes sleep, and none has woken up for a while. Busy machines do not
 * matter here, for a process that waits for its turn is running, not sleeping.
 *
 * @param isSo what may come about before; nothing unless told
 * @param quietMs how long nobody may have woken up
 * @returns whether it is so
 */
export async function untilIdle(
  server: Server,
  isSo = () => false,
  quietMs = QUIET_MS,
): Promise<boolean> {
  const idle = watchIdle(server, quietMs);
  await waitFor('the server is idle', () => isSo() || idle());
  return isSo();
}

/** Kills a process of a server, and waits until nobody does anything about it. */
export async function killOneOf(server: Server, pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL');
  // Even to die, a process needs its turn.
  await waitFor('it has ended', () => !isRunning(pid));
  await untilIdle(server);
}

/** Tells, again and again, whether a server has nothing left to do. */
function watchIdle(server: Server, quietMs: number): () => boolean {
  const stopwatch = startStopwatch();
  let activity: string | null = null;
  let since = 0;
  let looked = -LOOK_EVERY_MS;
  let quiet = false;
  return () => {
    const time = stopwatch();
    if (time - looked < LOOK_EVERY_MS) return false;
    looked = time;
    const now = activityOf(server.pid);
    if (now === null || now !== activity) since = time;
    activity = now;
    if (time > PATIENCE_MS) return true;
    const wasQuiet = quiet;
    // Looking for orphans takes longer, so that comes last.
    quiet = time - since >= quietMs && !hasBusyOrphans(server);
    // Twice: between two looks, the caller receives what has been sent.
    return quiet && wasQuiet;
  };
}

/** Whether somebody runs who has lost his parent, as after a double fork. */
function hasBusyOrphans({ pid }: Server): boolean {
  return orphansOf(pid).some(({ state }) => isBusy(state));
}

/** Running, or waiting for its turn, or for a disk. */
function isBusy(state: string): boolean {
  return 'RD'.includes(state);
}

/**
 * What changes whenever a process or one of its descendants does something.
 *
 * @returns null if one of them is doing something now
 */
function activityOf(pid: number): string | null {
  const process = readProcess(pid);
  if (process === null || process.state === 'Z') return `${pid}`;
  if (isBusy(process.state)) return null;
  const below = childrenOf(pid).map(activityOf);
  if (below.includes(null)) return null;
  return `${pid}:${switchesOf(pid)} (${below})`;
}
