/**
 * What each stage promises: the wrong as well as the right. A stage that
 * lost its fault would teach nothing.
 */
import { expect, onTestFinished, test } from 'vitest';
import { EXPERIMENTS, type Symptom } from '../../tools/experiments';
import type { Finding } from '../../tools/experiments/findings';
import { built, STAGE_NAMES, STAGES, type Stage, targetOf } from './server';

/** What is found in a stage, and in words. */
export interface Promised {
  words: string;
  verdict: Finding['verdict'];
  measured: Finding['measured'];
}

type Measured = Record<string, unknown>;

const good = (words: string, measured: Measured) =>
  ({ words, verdict: 'good', measured }) as Promised;
const bad = (words: string, measured: Measured) =>
  ({ words, verdict: 'bad', measured }) as Promised;

const diesOfEintr = bad('dies of EINTR before that', {
  died: true,
  error: 'EINTR',
});
const childless: Promised = {
  words: 'has no children',
  verdict: 'none',
  measured: {},
};

export const PROMISES: Record<Symptom, Record<Stage, Promised>> = {
  waiting: {
    part1: bad('makes the last of 8 clients wait for the others', {
      atOnce: false,
      afterwards: true,
    }),
    ...forking(good('answers the last of 8 clients first', { atOnce: true })),
  },

  hanging: {
    part1: good('ends every connection', { clients: 20, hanging: 0 }),
    ...forking(good('ends every connection', { clients: 20, hanging: 0 })),
    part2: bad('leaves all its clients hanging', { clients: 20, hanging: 20 }),
    part3b: good('ends every connection', { hanging: 0 }),
  },

  descriptors: {
    part1: good('gives every descriptor back', { requests: 20, more: 0 }),
    ...forking(good('gives every descriptor back', { requests: 20, more: 0 })),
    part2: bad('keeps a descriptor of every client', {
      requests: 20,
      more: 20,
    }),
    part3b: diesOfEintr,
  },

  'open files': {
    part1: good('needs no more than 64 descriptors', { requests: 70 }),
    ...forking(good('needs no more than 64 descriptors', { requests: 70 })),
    part2: bad('runs out of 64 descriptors and dies of EMFILE', {
      died: true,
      error: 'EMFILE',
    }),
    part3b: diesOfEintr,
  },

  zombies: {
    part1: good('makes no zombies', { requests: 20, zombies: 0 }),
    part2: bad('leaves a zombie for every client', {
      requests: 20,
      zombies: 20,
    }),
    part3a: bad('leaves a zombie for every client', {
      requests: 20,
      zombies: 20,
    }),
    part3b: diesOfEintr,
    // One at a time they are waited for, unless the machine is busy.
    part3c: {
      ...good('buries most that end one at a time', { requests: 20 }),
      verdict: expect.any(String) as never,
    },
    part3: good('buries every child', { requests: 20, zombies: 0 }),
  },

  processes: {
    part1: good('needs no processes', { requests: 60 }),
    part2: bad('dies of EAGAIN at a limit on processes', {
      died: true,
      error: 'EAGAIN',
    }),
    part3a: bad('dies of EAGAIN at a limit on processes', {
      died: true,
      error: 'EAGAIN',
    }),
    part3b: diesOfEintr,
    part3c: good('stays below a limit on processes', { requests: 60 }),
    part3: good('stays below a limit on processes', { requests: 60 }),
  },

  interruption: {
    part1: good('does not notice a signal', { signals: 3, died: false }),
    ...forking(good('goes on after a signal', { signals: 3, died: false })),
    part3b: bad('dies of EINTR', { died: true, error: 'EINTR' }),
  },

  counting: {
    part1: childless,
    part2: bad('leaves 50 zombies of 50', { children: 50, zombies: 50 }),
    part3a: bad('leaves 50 zombies of 50', { children: 50, zombies: 50 }),
    part3b: diesOfEintr,
    part3c: bad('buries one child of 50 that end together', {
      children: 50,
      zombies: 49,
    }),
    part3: good('buries 50 children that end together', {
      children: 50,
      zombies: 0,
    }),
  },

  isolation: {
    part1: bad('dies with one client, and all others lose theirs', {
      clients: 4,
      lost: 4,
      died: true,
    }),
    ...forking(
      good('loses one child, and one client', { clients: 4, lost: 1 }),
    ),
    part3b: bad('dies when a child is killed', { lost: 2, died: true }),
  },

  port: {
    part1: childless,
    ...forking(
      good('has no child that keeps the port', { children: 3, keep: 0 }),
    ),
  },
};

/** The stages that fork, where they all do the same. */
function forking(
  promised: Promised,
): Record<Exclude<Stage, 'part1'>, Promised> {
  return {
    part2: promised,
    part3a: promised,
    part3b: promised,
    part3c: promised,
    part3: promised,
  };
}

/** A test for each stage: an experiment, and what it has to find. */
export function testPromises(symptom: Symptom): void {
  for (const stage of STAGE_NAMES) {
    const promised = PROMISES[symptom][stage];
    test(`${stage} ${promised.words}`, async ({ task, skip }) => {
      const target = targetOf(built(STAGES[stage]));
      const finding = await EXPERIMENTS[symptom].run(target, onTestFinished);
      const reason = String(finding.measured.reason);
      skip(/EPERM|EACCES/.test(reason), reason);
      // The table at the end shows what has been measured, right or wrong.
      task.meta.finding = { stage, symptom, ...finding };
      expect(finding).toMatchObject(fulfilled(promised));
    });
  }
}

/** What a finding looks like that keeps a promise. */
export function fulfilled({ verdict, measured }: Promised): object {
  return { verdict, measured };
}

/** A finding, on its way from the test to the table. */
export interface StageFinding extends Finding {
  stage: Stage;
  symptom: Symptom;
}

declare module 'vitest' {
  interface TaskMeta {
    finding?: StageFinding;
  }
}
