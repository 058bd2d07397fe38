/**
 * Order: which numbers descriptors and processes get.
 */
import { expect, test } from 'vitest';
import { childrenOf, readProcess } from '../shared/kernel';
import { findListener } from '../shared/netstat';
import { waitFor } from '../tools/experiments/wait';
import { type Client, get, openClient } from './support/client';
import {
  lowestFreeDescriptor,
  STAGE_NAMES,
  startStage,
} from './support/server';

/** What a stage reports to its client, by name: process, parent, descriptor. */
async function askAbout(client: Client): Promise<Record<string, number>> {
  client.send(get('/'));
  await waitFor('the answer is there', () =>
    /connection .*\n/.test(client.received()),
  );
  const rows = client.received().matchAll(/^(\w+) +(\d+)\r?\n/gm);
  return Object.fromEntries(
    [...rows].map(([, name, value]) => [name, Number(value)]),
  );
}

test.each(STAGE_NAMES)(
  '%s accepts on the lowest free descriptor',
  async (stage) => {
    const server = await startStage(stage);
    const free = lowestFreeDescriptor(server.pid);
    // Node has opened its own first, the listener came after them.
    expect(findListener(server.port)?.fd).toBeLessThan(free);
    const { descriptor } = await askAbout(await openClient(server.port));
    expect(descriptor).toBe(free);
  },
);

test('part2 leaks in order: each client gets the next number', async () => {
  const server = await startStage('part2');
  const free = lowestFreeDescriptor(server.pid);
  for (const expected of [free, free + 1, free + 2]) {
    const { descriptor } = await askAbout(await openClient(server.port));
    expect(descriptor).toBe(expected);
  }
});

test('part1 is what /proc says: its parent started it', async () => {
  const server = await startStage('part1');
  const answer = await askAbout(await openClient(server.port));
  expect(answer).toMatchObject({ process: server.pid, parent: process.pid });
  expect(readProcess(server.pid)?.parent).toBe(process.pid);
});

test('part2 answers in a child, and /proc says whose', async () => {
  const server = await startStage('part2');
  const answer = await askAbout(await openClient(server.port));
  expect(answer.parent).toBe(server.pid);
  expect(childrenOf(server.pid)).toEqual([answer.process]);
  expect(readProcess(answer.process ?? 0)?.parent).toBe(server.pid);
});
