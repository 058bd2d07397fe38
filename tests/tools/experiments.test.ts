/**
 * The experiments themselves: for every symptom there is a server that has it,
 * and the experiment finds it. Most of these servers are stages of the course,
 * see the table of `npm test`. Here are those that no stage is: made from a
 * stage as it is now, so they cannot grow stale.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { EXPERIMENTS, SYMPTOMS, type Symptom } from '../../tools/experiments';
import type { Defer } from '../../tools/harness/programs';
import { takeTurn } from '../../tools/harness/servers';
import { keeps, PROMISES } from '../../tools/test/promises';
import { compileMutants, type Edit } from '../support/mutant';
import { STAGES, type Stage, targetOf } from '../support/server';

interface Broken {
  stage: Stage;
  edits: Edit[];
  /** What gives it away, by the symptom that is looked for. */
  found: Partial<Record<Symptom, string | RegExp>>;
}

const BROKEN: Record<string, Broken> = {
  'a part3 that opens something for each client': {
    stage: 'part3',
    edits: [
      ['close, openListener }', 'close, openListener, socket }'],
      ['const pid =', 'socket(); const pid ='],
    ],
    found: {
      'open files': /^(dies at|answers nobody from) request \d\d: EMFILE$/,
    },
  },
  'a part3 that waits once and not in a loop': {
    stage: 'part3',
    edits: [["while ('pid' in waitpid", "if ('pid' in waitpid"]],
    found: { counting: '49 of 50 zombies stay' },
  },
  'a part2 that leaves the listener to its child': {
    stage: 'part2',
    edits: [['        close(listener);\n', '']],
    found: { port: '3 of 3 children keep the port' },
  },
  'a part3a that lets its children go on as servers': {
    stage: 'part3a',
    edits: [
      ['exitAfter(() => {', '((work: () => void) => work())(() => {'],
      ['        close(listener);\n', ''],
      ['        close(client);\n', ''],
    ],
    found: { zombies: /^\d+ processes live on$/ },
  },
};

const ORPHANS = 'a double fork that leaves the listener to orphans';

const { programs, remove } = compileMutants<string>({
  ...Object.fromEntries(
    Object.entries(BROKEN).map(([name, { stage, edits }]) => [
      name,
      { program: STAGES[stage], edits },
    ]),
  ),
  [ORPHANS]: {
    program: 'docs/exercises/double-fork',
    edits: [['        close(listener);\n', '']],
  },
});
afterAll(remove);

const CASES = Object.entries(BROKEN).flatMap(([name, { stage, found }]) =>
  Object.entries(found).map(
    ([symptom, figure]) => [name, symptom as Symptom, stage, figure] as const,
  ),
);

test.each(CASES)('%s is found: %s', async (name, symptom, stage, figure) => {
  const target = targetOf(programs[name] ?? '');
  const finding = await EXPERIMENTS[symptom].run(target, onTestFinished);
  expect(finding.figure).toMatch(figure);
  expect(finding.verdict).toBe('bad');
  expect(finding.evidence.length).toBeGreaterThan(0);
  expect(keeps(finding, PROMISES[symptom][stage])).toBe(false);
});

test('for each symptom there is a server that has it', () => {
  const found = new Set(CASES.map(([, symptom]) => symptom));
  const shown = SYMPTOMS.filter((symptom) =>
    Object.values(PROMISES[symptom]).some(({ verdict }) => verdict === 'bad'),
  );
  expect([...new Set([...found, ...shown])].toSorted()).toEqual(
    SYMPTOMS.toSorted(),
  );
});

test('an orphan that keeps the port is found', async () => {
  const target = targetOf(programs[ORPHANS] ?? '');
  const finding = await EXPERIMENTS.port.run(target, onTestFinished);
  expect(finding.figure).toBe('3 of 3 children keep the port');
  expect(finding.evidence[0]).toContain('(an orphan) is the listener');
});

test('workers made in advance may keep the port, to accept', async () => {
  const target = targetOf('docs/exercises/prefork');
  const finding = await EXPERIMENTS.port.run(target, onTestFinished);
  expect(finding.verdict).toBe('none');
});

test('one after the other has user nobody to itself', async () => {
  let giveBack: Parameters<Defer>[0] = () => {};
  await takeTurn((undo) => {
    giveBack = undo;
  });
  let second = false;
  const next = takeTurn(onTestFinished).then(() => {
    second = true;
  });
  await pause(100); // to observe that it waits
  expect(second).toBe(false);
  await giveBack();
  await next;
});
