/**
 * Waiting for a state, with a deadline. Never for a fixed time: a busy
 * machine would miss it, and an idle one would waste it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Obstacle } from '../common/run';

const DEADLINE_MS = 60_000;
/** From one look to the next: soon after the beginning, then more and more. */
const SHORTEST_MS = 2;
const LONGEST_MS = 20;
const STILL_MS = 50;

/**
 * A stopwatch that is looked at again and again, and counts at most 50 ms
 * from one look to the next: a machine that stands still for a second does so
 * for the programs under observation as well.
 *
 * @returns the milliseconds counted so far
 */
export function startStopwatch(): () => number {
  let looked = performance.now();
  let counted = 0;
  return () => {
    const now = performance.now();
    counted += Math.min(now - looked, STILL_MS);
    looked = now;
    return counted;
  };
}

/**
 * Asks again and again until the answer is neither undefined, null nor false.
 *
 * @param what the state in words, for the error
 * @throws Obstacle if the deadline passes first
 */
export async function waitFor<T>(
  what: string,
  ask: () => T | Promise<T>,
  deadlineMs = DEADLINE_MS,
): Promise<NonNullable<Exclude<T, false>>> {
  const waited = startStopwatch();
  for (let step = SHORTEST_MS; ; step = Math.min(step * 1.5, LONGEST_MS)) {
    const answer = await ask();
    if (answer !== undefined && answer !== null && answer !== false) {
      return answer as NonNullable<Exclude<T, false>>;
    }
    if (waited() > deadlineMs) {
      throw new Obstacle(`waited ${deadlineMs} ms in vain until ${what}`);
    }
    await pause(step);
  }
}
