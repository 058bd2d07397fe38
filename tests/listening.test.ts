/**
 * Listening: what the kernel does without the server.
 */
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { readProcess } from '../shared/kernel';
import { listSockets } from '../shared/netstat';
import { waitFor } from '../tools/experiments/wait';
import { openClient } from './support/client';
import { testPromises } from './support/promises';
import { startStage } from './support/server';

testPromises('port');

/** The queue of the listener on a port: who is connected and not accepted. */
function queueOf(port: number): number | undefined {
  const [listener] = listSockets({ port, state: 'LISTEN' });
  return listener?.receiveQueue;
}

test('listen(fd, 5) lets six connect; the seventh is in SYN_SENT', async () => {
  const server = await startStage('part1', ['--backlog', '5']);
  const { port } = server;
  process.kill(server.pid, 'SIGSTOP');
  await waitFor('it is stopped', () => readProcess(server.pid)?.state === 'T');
  for (let i = 0; i < 6; i++) await openClient(port); // nobody calls accept
  expect(queueOf(port)).toBe(6);

  const seventh = connect({ host: '127.0.0.1', port });
  onTestFinished(() => {
    seventh.destroy();
  });
  const attempts = () => listSockets({ port, state: 'SYN_SENT' });
  await waitFor('the seventh tries', () => attempts().length === 1);
  expect(attempts()[0]?.remote.port).toBe(port);
  expect(queueOf(port)).toBe(6);

  process.kill(server.pid, 'SIGCONT');
  // The kernel tries again after a second, and now there is room.
  await waitFor('the seventh connects', () => !seventh.connecting);
});
