/**
 * What each stage promises: the wrong as well as the right. A stage that
 * lost its fault would teach nothing.
 */
import type { Symptom } from '../experiments';
import type { Finding } from '../experiments/findings';
import { STAGE_NAMES, type Stage } from '../harness/stages';

/** What is to be found in a stage. */
interface Promised {
  /** Any, where it depends on how busy the machine is. */
  verdict: Finding['verdict'] | 'any';
  measured: Finding['measured'];
}

type Measured = Finding['measured'];

const good = (measured: Measured): Promised => ({ verdict: 'good', measured });
const bad = (measured: Measured): Promised => ({ verdict: 'bad', measured });
const diesOf = (error: string) => bad({ died: true, error });
const childless: Promised = { verdict: 'none', measured: {} };

export const PROMISES: Record<Symptom, Record<Stage, Promised>> = {
  waiting: {
    ...every(good({ atOnce: true })),
    part1: bad({ atOnce: false, afterwards: true }),
  },
  hanging: {
    ...every(good({ clients: 20, hanging: 0 })),
    part2: bad({ clients: 20, hanging: 20 }),
    part3b: good({ hanging: 0 }), // of the first, after whom it dies
  },
  descriptors: {
    ...every(good({ requests: 20, more: 0 })),
    part2: bad({ requests: 20, more: 20 }),
    part3b: diesOf('EINTR'),
  },
  'open files': {
    ...every(good({ requests: 70 })),
    part2: diesOf('EMFILE'),
    part3b: diesOf('EINTR'),
  },
  zombies: {
    ...every(good({ requests: 20, zombies: 0 })),
    part2: bad({ requests: 20, zombies: 20 }),
    part3a: bad({ requests: 20, zombies: 20 }),
    part3b: diesOf('EINTR'),
    // One at a time they are waited for, unless the machine is busy.
    part3c: { verdict: 'any', measured: { requests: 20 } },
  },
  processes: {
    ...every(good({ requests: 60 })),
    part2: diesOf('EAGAIN'),
    part3a: diesOf('EAGAIN'),
    part3b: diesOf('EINTR'),
  },
  interruption: {
    ...every(good({ signals: 3, died: false })),
    part3b: diesOf('EINTR'),
  },
  counting: {
    ...every(bad({ children: 50, zombies: 50 })),
    part1: childless,
    part3b: diesOf('EINTR'),
    part3c: bad({ children: 50, zombies: 49 }),
    part3: good({ children: 50, zombies: 0 }),
  },
  isolation: {
    ...every(good({ clients: 4, lost: 1 })),
    part1: bad({ clients: 4, lost: 4, died: true }),
    part3b: bad({ lost: 2, died: true }),
  },
  port: {
    ...every(good({ children: 3, keep: 0 })),
    part1: childless,
  },
};

/** The same of all stages. */
function every(promised: Promised): Record<Stage, Promised> {
  const all = STAGE_NAMES.map((stage) => [stage, promised]);
  return Object.fromEntries(all);
}

/** Whether a finding is what a stage promises. */
export function keeps({ verdict, measured }: Finding, promised: Promised) {
  const figures = Object.entries(promised.measured);
  return (
    (promised.verdict === 'any' || verdict === promised.verdict) &&
    figures.every(([name, figure]) => measured[name] === figure)
  );
}
