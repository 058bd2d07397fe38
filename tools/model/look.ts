/**
 * One look at a server: what is seen, what it means, and what is wrong.
 */
import { diagnose, type Model } from './diagnosis';
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
