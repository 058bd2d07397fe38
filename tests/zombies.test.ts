/**
 * Zombies: how many there are, and what they are.
 */
import { expect, test } from 'vitest';
import { descriptorsOf, readProcess, zombiesOf } from '../shared/kernel';
import { waitFor } from '../tools/experiments/wait';
import { get, openClient } from './support/client';
import { testPromises } from './support/promises';
import { startStage } from './support/server';

testPromises('zombies');

/** A part 2 that has served one client, and the zombie it has of it. */
async function startWithZombie() {
  const server = await startStage('part2');
  const client = await openClient(server.port);
  client.send(get('/'));
  const zombie = await waitFor('there is a zombie', () => {
    return zombiesOf(server.pid)[0];
  });
  return { server, client, zombie };
}

test('a zombie of part2 survives SIGKILL', async () => {
  const { server, zombie } = await startWithZombie();
  process.kill(zombie.pid, 'SIGKILL'); // no error: the process exists
  // The signal has been delivered when kill(2) returns: nothing to wait for.
  expect(readProcess(zombie.pid)).toEqual(zombie);
  expect(zombiesOf(server.pid)).toHaveLength(1);
});

test('a zombie of part2 holds no descriptors: the leak is the parent’s', async () => {
  const { server, client, zombie } = await startWithZombie();
  expect(descriptorsOf(zombie.pid)?.size ?? 0).toBe(0);
  expect(client.ended()).toBe(false);
  process.kill(server.pid, 'SIGKILL');
  await waitFor('the client sees end-of-file', client.ended);
});

test('a zombie of part2 goes when its parent dies', async () => {
  const { server, zombie } = await startWithZombie();
  process.kill(server.pid, 'SIGKILL');
  // Whoever adopts orphans waits for it: init, or a subreaper, prctl(2).
  await waitFor('it has been adopted', () => {
    return readProcess(zombie.pid)?.parent !== server.pid;
  });
  await waitFor('it is gone', () => readProcess(zombie.pid) === null);
});
