/**
 * Waiting for a state, with a deadline. Never for a fixed time: a busy
 * machine would miss it, and an idle one would waste it.
 */
import { setTimeout as pause } from 'node:timers/promises';

// Shared machines are sometimes given no CPU for half a minute.
const DEADLINE_MS = 60_000;
const STEP_MS = 5;

/**
 * Asks again and again until the answer is neither undefined, null nor false.
 *
 * @param what the state in words, for the error
 * @throws Error if the deadline passes first
 */
export async function waitFor<T>(
  what: string,
  ask: () => T | Promise<T>,
  deadlineMs = DEADLINE_MS,
  stepMs = STEP_MS,
): Promise<NonNullable<Exclude<T, false>>> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== null && answer !== false) {
      return answer as NonNullable<Exclude<T, false>>;
    }
    if (Date.now() > deadline) {
      throw new Error(`waited ${deadlineMs} ms in vain until ${what}`);
    }
    await pause(stepMs);
  }
}
