/**
 * The solutions of the exercises are what their pages say.
 */
import { expect, onTestFinished, test } from 'vitest';
import { EXPERIMENTS, type Symptom } from '../tools/experiments';
import type { Finding } from '../tools/experiments/findings';
import { built, targetOf } from './support/server';

type Verdict = Finding['verdict'];

const FOUND: Record<string, Partial<Record<Symptom, Verdict>>> = {
  'wait-in-the-loop': { waiting: 'bad', hanging: 'good', zombies: 'good' },
  'ignore-sigchld': { waiting: 'good', zombies: 'good', counting: 'good' },
  'double-fork': { waiting: 'good', hanging: 'good' },
  prefork: { waiting: 'bad', hanging: 'good', descriptors: 'good' },
  'limit-children': { waiting: 'good', hanging: 'good', zombies: 'bad' },
};

const CASES = Object.entries(FOUND).flatMap(([name, verdicts]) =>
  Object.entries(verdicts).map(
    ([symptom, verdict]) => [name, symptom as Symptom, verdict] as const,
  ),
);

test.each(CASES)('%s: %s is %s', async (name, symptom, verdict) => {
  const target = targetOf(built(`docs/exercises/${name}.js`));
  const finding = await EXPERIMENTS[symptom].run(target, onTestFinished);
  expect(finding).toMatchObject({ verdict });
});
