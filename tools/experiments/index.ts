/**
 * The experiments, in the order of the course. Each starts a server of its
 * own, whatever program that is, does something to it, and asks the kernel.
 */

import type { Defer } from '../harness/programs';
import type { Target } from '../harness/servers';
import { counting, interruption, isolation, port, waiting } from './children';
import type { Finding } from './findings';
import { descriptors, hanging, openFiles, processes, zombies } from './leaks';

export interface Experiment {
  /** What is looked at, as a question. */
  question: string;
  run: (target: Target, defer: Defer) => Promise<Finding>;
}

export const EXPERIMENTS = {
  waiting: {
    question: 'does a client wait for one that says nothing?',
    run: waiting,
  },
  hanging: {
    question: 'do clients see the end of their answer?',
    run: hanging,
  },
  descriptors: {
    question: 'do descriptors pile up?',
    run: descriptors,
  },
  'open files': {
    question: 'what happens at a limit of 64 descriptors?',
    run: openFiles,
  },
  zombies: {
    question: 'do children stay behind as zombies?',
    run: zombies,
  },
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
  port: {
    question: 'do children keep the port?',
    run: port,
  },
} satisfies Record<string, Experiment>;

export type Symptom = keyof typeof EXPERIMENTS;

export const SYMPTOMS = Object.keys(EXPERIMENTS) as Symptom[];
