/**
 * What each stage promises: the wrong as well as the right. A stage that
 * lost its fault would teach nothing.
 */
import type { Symptom } from '../experiments';
import type { Finding } from '../experiments/findings';
import type { Stage } from '../harness/stages';

/** What is found in a stage, and in words. */
export interface Promised {
  words: string;
  /** Any, where it depends on how busy the machine is. */
  verdict: Finding['verdict'] | 'any';
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
      verdict: 'any',
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

/** Whether a finding is what a stage promises. */
export function keeps({ verdict, measured }: Finding, promised: Promised) {
  const figures = Object.entries(promised.measured);
  return (
    (promised.verdict === 'any' || verdict === promised.verdict) &&
    figures.every(([name, figure]) => measured[name] === figure)
  );
}
