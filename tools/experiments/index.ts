/**
 * The experiments, in the order of the course: what each looks at, as a
 * question.
 */
import { withCleanUp } from '../harness/programs';
import type { Target } from '../harness/servers';
import { descriptors, openFiles } from './descriptors';
import { type Experiment, type Finding, notMeasured } from './findings';
import { hanging } from './hanging';
import { isolation } from './isolation';
import { port } from './port';
import { counting, interruption } from './signals';
import { waiting } from './waiting';
import { processes, zombies } from './zombies';

export const EXPERIMENTS = {
  waiting: {
    question: 'does a client wait for one that says nothing?',
    run: waiting,
  },
  hanging: {
    question: 'do clients see the end of their answer?',
    run: hanging,
  },
  descriptors: { question: 'do descriptors pile up?', run: descriptors },
  'open files': {
    question: 'what happens at a limit of 64 descriptors?',
    run: openFiles,
  },
  zombies: { question: 'do children stay behind as zombies?', run: zombies },
  processes: {
    question: 'what happens at a limit on processes?',
    run: processes,
  },
  interruption: {
    question: 'does a signal end the server?',
    run: interruption,
  },
  counting: {
    question: 'do 50 children that end at once stay behind?',
    run: counting,
  },
  isolation: {
    question: 'when a process is killed, how many clients notice?',
    run: isolation,
  },
  port: { question: 'do children keep the port?', run: port },
} satisfies Record<string, { question: string; run: Experiment }>;

export type Symptom = keyof typeof EXPERIMENTS;

/** Makes an experiment, and leaves nothing behind. */
export function experiment(symptom: Symptom, target: Target): Promise<Finding> {
  const { run } = EXPERIMENTS[symptom];
  return withCleanUp((defer) => run(target, defer)).catch(notMeasured);
}

export const SYMPTOMS = Object.keys(EXPERIMENTS) as Symptom[];
