/**
 * The suite itself: a stage that has lost what it teaches does not pass. Some
 * of the changes are exercises, and what is found is what their pages say.
 *
 * Each mutant is made from the compiled stage as it is now, so it cannot grow
 * stale, and it has to break the promise that guards what it has lost.
 */
import { expect, onTestFinished, test } from 'vitest';
import { EXPERIMENTS, type Symptom } from '../tools/experiments';
import { type Edit, mutate } from './support/mutant';
import { fulfilled, PROMISES } from './support/promises';
import { STAGES, type Stage, targetOf } from './support/server';

interface Mutant {
  stage: Stage;
  change: string;
  edits: Edit[];
  symptom: Symptom;
  /** The figure that gives it away. */
  found: string | RegExp;
}

const MUTANTS: Mutant[] = [
  {
    stage: 'part3',
    change: 'does not close',
    // The last of the loop: the parent's copy of the connection.
    edits: [[/(children\.push\(pid\);\s*)\(0, \w+\.close\)\(client\);/, '$1']],
    symptom: 'hanging',
    found: '20 of 20 clients hang',
  },
  {
    stage: 'part3',
    change: 'waits once and not in a loop',
    edits: [
      [/(function reapChildren\(\) \{\s*)for \(;;\)/, '$1'],
      // Or it would collect them after all, one in half a second.
      [/(setReceiveTimeout\)\(listener, )0\.5/, '$1600'],
    ],
    symptom: 'counting',
    found: /^\d\d of 50 zombies stay$/,
  },
  {
    stage: 'part3',
    change: 'does not wait at all',
    edits: [[/(acceptOrWake\)\(listener\);\s*)reapChildren\(\);/, '$1']],
    symptom: 'zombies',
    found: '20 zombies',
  },
  {
    stage: 'part3',
    change: 'does not expect EINTR',
    edits: [
      [/await \(0, \w+\.acceptOrWake\)/, '(0, sockets_1.accept)'],
      [/\(0, \w+\.setReceiveTimeout\)\(.*\);/, ''],
    ],
    symptom: 'interruption',
    found: /^dies at request \d: EINTR$/,
  },
  {
    stage: 'part1', // exercise 1
    change: 'closes before it serves',
    edits: [
      [
        /(\(0, \w+\.serveClient\)\(client, timeout\);)/,
        '(0, sockets_1.close)(client); $1',
      ],
    ],
    symptom: 'hanging',
    found: 'dies at request 1',
  },
  {
    stage: 'part2', // exercise 3
    change: 'leaves the listener to its child',
    edits: [[/\(0, \w+\.close\)\(listener\);/, '']],
    symptom: 'port',
    found: '3 of 3 children keep the port',
  },
  {
    stage: 'part2',
    change: 'closes its copy, as if it were fixed',
    edits: [
      [
        /(\}\);\s*\})(\s*\/\/ The parent takes)/,
        '$1 (0, sockets_1.close)(client);$2',
      ],
    ],
    symptom: 'hanging',
    found: '0 of 20 clients hang',
  },
  {
    stage: 'part2',
    change: 'waits for its children, as if it were fixed',
    edits: [
      [
        /(for \(;;\) \{)/,
        '$1 while ((0, processes_1.waitpid)(-1, 1).pid > 0);',
      ],
    ],
    symptom: 'zombies',
    found: /^(0 zombies|1 zombie)$/,
  },
  {
    stage: 'part3a',
    change: 'lets its children go on as servers',
    edits: [
      [/\(0, \w+\.exitAfter\)\(/, '((work) => work())('],
      [/\(0, \w+\.close\)\(listener\);/, ''],
      [/(serveClient\)\(.*\);\s*)\(0, \w+\.close\)\(client\);/, '$1'],
    ],
    symptom: 'zombies',
    found: /^\d+ processes live on$/,
  },
];

for (const mutant of MUTANTS) {
  const { stage, change, symptom, found } = mutant;
  test(`a ${stage} that ${change} does not pass`, async () => {
    const target = targetOf(mutate(STAGES[stage], mutant.edits));
    const finding = await EXPERIMENTS[symptom].run(target, onTestFinished);
    const promised = fulfilled(PROMISES[symptom][stage]);
    expect(finding.figure).toMatch(found);
    expect(finding).not.toMatchObject(promised);
  });
}
