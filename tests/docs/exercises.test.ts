/**
 * The solutions of the exercises are what their pages say.
 */
import { spawnSync } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import type { Finding } from '../../tools/experiments/findings';
import { EXPERIMENTS, type Symptom } from '../../tools/experiments/index';
import { compileMutants } from '../support/mutant';
import { targetOf } from '../support/server';

type Verdict = Finding['verdict'];

/** Each is asked what it is about. */
const FOUND: Record<string, Partial<Record<Symptom, Verdict>>> = {
  'wait-in-the-loop': { waiting: 'bad', zombies: 'good' },
  'ignore-sigchld': { zombies: 'good', counting: 'good' },
  'double-fork': { waiting: 'good', zombies: 'good', port: 'good' },
  prefork: {
    waiting: 'bad',
    isolation: 'good',
    port: 'none', // the workers keep it, to accept
  },
  'limit-children': { waiting: 'good' },
  // No exercise, but of chapter 2. A client that waits for the end hangs.
  'content-length': { hanging: 'bad', descriptors: 'bad' },
  'no-race': { interruption: 'good', counting: 'good' },
};

const CASES = Object.entries(FOUND).flatMap(([name, verdicts]) =>
  Object.entries(verdicts).map(
    ([symptom, verdict]) => [name, symptom as Symptom, verdict] as const,
  ),
);

test.each(CASES)('%s: %s is %s', async (name, symptom, verdict) => {
  const target = targetOf(`docs/exercises/${name}`);
  const finding = await EXPERIMENTS[symptom].run(target, onTestFinished);
  expect(finding).toMatchObject({ verdict });
});

test('double-fork: an orphan that keeps the port is found', async () => {
  const { programs, remove } = compileMutants({
    keeps: {
      program: 'docs/exercises/double-fork',
      edits: [['        close(listener);\n', '']],
    },
  });
  onTestFinished(remove);
  const target = targetOf(programs.keeps);
  const finding = await EXPERIMENTS.port.run(target, onTestFinished);
  expect(finding).toMatchObject({
    verdict: 'bad',
    figure: '3 of 3 children keep the port',
  });
  expect(finding.evidence[0]).toContain('(an orphan) is the listener');
});

// Exercise 10 in another language: whoever has Python can try it.
const hasPython = spawnSync('python3', ['--version']).status === 0;
test.runIf(hasPython)('a server in Python: nothing is bad', async () => {
  const command = ['python3', 'tools/bench/twins/server.py', '{port}'];
  for (const symptom of ['hanging', 'zombies'] as const) {
    const { run } = EXPERIMENTS[symptom];
    const finding = await run({ name: 'python', command }, onTestFinished);
    expect(finding).toMatchObject({ verdict: 'good' });
  }
});
