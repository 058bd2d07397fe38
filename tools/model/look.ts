/**
 * One look at a server: what is seen, what it means, and what is wrong.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { CERTAIN_MS, diagnose, type Model } from './diagnosis';
import { understand } from './facts';
import { type Snapshot, takeSnapshot } from './snapshot';

export interface Look {
  snapshot: Snapshot;
  model: Model;
}

/**
 * Looks at the server on a port.
 *
 * @param previous the look before, so that it is known what has not changed
 */
export function lookAt(port: number, previous: Look | null): Look {
  const snapshot = takeSnapshot(port, previous?.snapshot ?? null);
  const facts = understand(snapshot, previous?.model ?? null);
  return { snapshot, model: diagnose(facts) };
}

/** One look, and a second where only that can tell a fault from a moment. */
export async function lookUntilCertain(port: number): Promise<Model> {
  const first = lookAt(port, null);
  if (!first.model.suspicious) return first.model;
  await pause(CERTAIN_MS);
  return lookAt(port, first).model;
}
