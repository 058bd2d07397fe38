/**
 * Sharing: after fork, two processes hold one connection, and it ends when
 * the last of them has closed it.
 */
import { expect, test } from 'vitest';
import {
  childrenOf,
  compareDescriptors,
  descriptorsOf,
} from '../shared/kernel';
import { serverEndOf } from '../tools/experiments/findings';
import { waitFor } from '../tools/experiments/wait';
import { get, openClient } from './support/client';
import { type Stage, startStage } from './support/server';

/** A stage that serves a client which says nothing yet, in a child. */
async function startWithSilentClient(stage: Stage) {
  const server = await startStage(stage);
  const client = await openClient(server.port);
  const child = await waitFor('a child is there', () => {
    return childrenOf(server.pid)[0];
  });
  // The child closes the listener first. By then, a parent that closes its
  // copy of the connection has not always done so.
  const holders = stage === 'part2' ? 2 : 1;
  const end = await waitFor(`${holders} hold the connection`, () => {
    const found = serverEndOf(server, client);
    return found?.holders.length === holders && found;
  });
  return { server, client, child, end };
}

test('part2 and its child hold one open file description', async () => {
  const { server, child, end } = await startWithSilentClient('part2');
  const [one, other] = end.holders;
  if (!one || !other) throw new Error('there are not two');
  expect([one.pid, other.pid]).toEqual([server.pid, child]);
  expect(one.fd).toBe(other.fd); // fork copies the table as it is
  const comparison = compareDescriptors(one, other);
  expect(comparison?.same).toBe(true);
  expect(comparison?.evidence).toMatch(/^(kcmp|inode)$/);
});

test('part3 closes its copy, and no FIN is sent while the child has one', async () => {
  const { client, child, end } = await startWithSilentClient('part3');
  expect(end.holders).toEqual([{ pid: child, fd: expect.any(Number) }]);
  expect(end.socket.state).toBe('ESTABLISHED');
  expect(client.ended()).toBe(false);
  // The client is still served: it has lost nothing by that close.
  client.send(get('/'));
  await waitFor('the answer has come', () => client.received() !== '');
  await waitFor('the client sees end-of-file', client.ended);
});

test('part2 sends no FIN when the child closes, but when the parent does', async () => {
  const { server, client, child } = await startWithSilentClient('part2');
  client.send(get('/'));
  await waitFor('the child has ended', () => {
    return (descriptorsOf(child)?.size ?? 0) === 0;
  });
  await waitFor('the answer has come', () => client.received() !== '');
  const end = serverEndOf(server, client);
  expect(end?.holders.map(({ pid }) => pid)).toEqual([server.pid]);
  expect(end?.socket.state).toBe('ESTABLISHED'); // nobody has said goodbye
  expect(client.ended()).toBe(false);

  process.kill(server.pid, 'SIGKILL'); // the kernel closes what it had
  await waitFor('the client sees end-of-file', client.ended);
});
