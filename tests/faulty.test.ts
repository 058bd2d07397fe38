/**
 * The suite itself: for every symptom there is a server that has it, and the
 * experiment finds it.
 */
import { expect, onTestFinished, test } from 'vitest';
import { childrenOf, readProcess } from '../shared/kernel';
import { findListener, listSockets } from '../shared/netstat';
import { EXPERIMENTS, SYMPTOMS, type Symptom } from '../tools/experiments';
import { startServer } from '../tools/experiments/servers';
import { waitFor } from '../tools/experiments/wait';
import type { Fault } from './fixtures/faulty';
import { openClient } from './support/client';
import { built, targetOf } from './support/server';

const FAULT_OF: Record<Symptom, Fault> = {
  waiting: 'serves one after the other',
  hanging: 'keeps connections',
  descriptors: 'leaks another descriptor',
  'open files': 'leaks another descriptor',
  zombies: 'never waits',
  processes: 'never waits',
  interruption: 'dies of EINTR',
  counting: 'waits once per signal',
  isolation: 'dies with a child',
  port: 'lets children keep the listener',
};

const target = (fault: Fault) =>
  targetOf(built('tests/fixtures/faulty.js'), ['--quiet', '--fault', fault]);

test.each(SYMPTOMS)('%s is found in a server that has it', async (symptom) => {
  const { run } = EXPERIMENTS[symptom];
  const finding = await run(target(FAULT_OF[symptom]), onTestFinished);
  expect(finding).toMatchObject({ verdict: 'bad' });
  expect(finding.evidence.length).toBeGreaterThan(0);
});

test('a child that keeps the listener keeps the port', async () => {
  const fault = 'lets children keep the listener';
  const server = await startServer(target(fault), onTestFinished);
  const { pid, port } = server;
  await openClient(port); // and a child waits for what it says
  const heir = await waitFor('there is a child', () => childrenOf(pid)[0]);
  process.kill(pid, 'SIGKILL');
  await waitFor('the parent is gone', () => readProcess(pid) === null);
  expect(listSockets({ port, state: 'LISTEN' })).toHaveLength(1);
  expect(findListener(port)?.pid).toBe(heir);
});
