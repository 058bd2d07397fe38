/**
 * The log: whole lines, and no server waits for whoever reads them.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import koffi from 'koffi';
import { expect, onTestFinished, test, vi } from 'vitest';
import { announce } from '#shared/log';
import { unobserved } from '#shared/node/libc';
import { waitFor } from '../../tools/harness/wait';
import { childrenOf } from '../../tools/kernel/processes';
import { findListeners } from '../../tools/kernel/sockets';
import { ask, get } from '../support/client';
import { built, repeatedly, STAGES, startStage } from '../support/server';

test('a log that nobody reads keeps nobody from being served, nor from the end', async () => {
  const server = spawn(process.execPath, [built(STAGES.part3), '--port', '0'], {
    stdio: ['ignore', 'pipe', 'ignore'], // a pipe that we do not read
  });
  onTestFinished(() => void server.kill('SIGKILL'));
  const exit = once(server, 'exit');
  const pid = server.pid ?? 0;
  const port = await waitFor('it listens', () => {
    return findListeners([pid])[0]?.socket.local.port;
  });
  // Six lines a client, one of them as long as may be, some 350 bytes; and
  // room for 64 KiB and what Node's own end of the pipe takes.
  const nowhere = get(`/${'x'.repeat(300)}`);
  for (let clients = 0; clients < 400; clients += 10) {
    const ten = Array.from({ length: 10 }, () => ask(port, nowhere));
    for (const answer of await Promise.all(ten))
      expect(answer).toContain('404');
  }
  server.kill('SIGTERM');
  expect(await exit).toEqual([0, null]);
});

test('no line is lost to a signal, and none is broken', async () => {
  const server = await startStage('part3');
  const stop = repeatedly(1, () => process.kill(server.pid, 'SIGCHLD'));
  const CLIENTS = 300;
  for (let i = 0; i < CLIENTS; i += 20) {
    const some = Array.from({ length: 20 }, () => ask(server.port, get('/')));
    await Promise.all(some);
  }
  stop();
  await waitFor('no child is left', () => childrenOf(server.pid).length === 0);
  process.kill(server.pid, 'SIGTERM');
  await server.ended;
  const lines = server.output().trimEnd().split('\n');
  const reaped = lines.filter((line) => /\] reaped \d+ → exit 0$/.test(line));
  expect(reaped).toHaveLength(CLIENTS);
  const whole = /^(\[\d+\] [a-zG].*|part3 listens on http:.*)$/;
  expect(lines.filter((line) => !whole.test(line))).toEqual([]);
});

test('a line goes on after a signal and after a short write', () => {
  const written: string[] = [];
  const outcomes = [-1, 7, -1, 1_000]; // EINTR, seven bytes, EINTR, the rest
  vi.spyOn(unobserved, 'poll').mockReturnValue(1);
  vi.spyOn(unobserved, 'write').mockImplementation((_fd, bytes, size) => {
    const count = Math.min(outcomes.shift() ?? 0, Number(size));
    if (count === -1) koffi.errno(constants.errno.EINTR);
    else written.push((bytes as Buffer).toString('utf8', 0, count));
    return count;
  });
  onTestFinished(() => void vi.restoreAllMocks());
  announce('part3 listens somewhere');
  expect(written).toEqual(['part3 l', 'istens somewhere\n']);
});
