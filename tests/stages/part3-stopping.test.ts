/**
 * How part 3 ends, and what its clients notice.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startProgram as start } from '../../tools/harness/programs';
import { waitFor } from '../../tools/harness/wait';
import { childrenOf } from '../../tools/kernel/processes';
import {
  ask,
  BEGINNING,
  get,
  openClient,
  parseAnswer,
  REST,
} from '../support/client';
import { compileMutants } from '../support/mutant';
import {
  built,
  STAGES,
  startProgram,
  startStage,
  untilItListens,
  untilItSays,
} from '../support/server';

/** True while nobody listens on a port. */
async function refused(port: number): Promise<boolean> {
  return openClient(port).then(
    ({ socket }) => {
      socket.destroy();
      return false;
    },
    (error) => error.code === 'ECONNREFUSED',
  );
}

test('part 3 ends if it is told to before it first waits', async () => {
  const { programs, remove } = compileMutants({
    hasty: {
      program: STAGES.part3,
      edits: [
        ['import { nextSignal', 'import { kill, nextSignal'],
        [
          'openListener(options);',
          "openListener(options); kill(process.pid, 'SIGTERM');",
        ],
      ],
    },
  });
  onTestFinished(remove);
  const program = startProgram(built(programs.hasty), ['--port', '0']);
  expect(await program.ended).toEqual({ code: 0, signal: null });
});

test.each(['SIGTERM', 'SIGINT'] as const)(
  'part 3 finishes what it has begun after %s, and exits with 0',
  async (signal) => {
    const server = await startStage('part3');
    const sender = await openClient(server.port);
    sender.send(BEGINNING);
    const reader = await openClient(server.port);
    reader.send(get('/bytes/30000000'));
    await waitFor('an answer has begun', () => reader.received().length > 0);
    reader.socket.pause();
    const children = await waitFor('both are served', () => {
      const pids = childrenOf(server.pid);
      return pids.length === 2 && pids;
    });
    // As from a terminal: to the whole process group.
    process.kill(signal === 'SIGINT' ? -server.pid : server.pid, signal);
    await waitFor('nobody listens', () => refused(server.port));
    reader.socket.resume();
    sender.send(REST);
    await waitFor('both have it all', () => reader.ended() && sender.ended());
    expect(parseAnswer(reader.received()).body).toHaveLength(30_000_000);
    expect(parseAnswer(sender.received()).status).toBe(200);
    expect(await server.ended).toEqual({ code: 0, signal: null });
    for (const pid of children) {
      expect(server.output()).toContain(`reaped ${pid} → exit 0\n`);
    }
  },
);

test('part 3 takes one Ctrl-C under npm, which arrives twice, for one', async () => {
  const server = await startStage('part3');
  const sender = await openClient(server.port);
  sender.send(BEGINNING);
  await waitFor('it is served', () => childrenOf(server.pid).length === 1);
  process.kill(server.pid, 'SIGINT');
  process.kill(server.pid, 'SIGINT');
  await waitFor('nobody listens', () => refused(server.port));
  sender.send(REST);
  await waitFor('it has its answer', sender.over);
  expect(parseAnswer(sender.received()).status).toBe(200);
  expect(await server.ended).toEqual({ code: 0, signal: null });
});

test('part 3 ends at once at the second signal, and its children with it', async () => {
  const server = await startStage('part3');
  const sleeper = await openClient(server.port);
  sleeper.send(get('/sleep/3600'));
  const [child = 0] = await waitFor('it is served', () => {
    const children = childrenOf(server.pid);
    return children.length === 1 && children;
  });
  // Its copy of the listener would keep the port open.
  await untilItSays(server, `[${child}] close(`);
  process.kill(child, 'SIGSTOP'); // not even this keeps it
  process.kill(server.pid, 'SIGINT');
  await waitFor('nobody listens', () => refused(server.port));
  const heard = performance.now(); // at the latest
  await waitFor(
    'it is not the same Ctrl-C any more',
    () => performance.now() > heard + 1_000,
  );
  process.kill(server.pid, 'SIGINT');
  await waitFor('the client sees the end', sleeper.over);
  expect(await server.ended).toEqual({ code: 0, signal: null });
  expect(sleeper.received()).toBe('');
});

test('part 3 stops under full load, and cuts no answer short', async () => {
  const server = await startStage('part3', ['--quiet']);
  const answers: string[] = [];
  // So many that somebody always waits in the queue, and accept never blocks:
  // no signal interrupts it.
  const load = async () => {
    for (;;) answers.push(await ask(server.port, get('/')));
  };
  const clients = Promise.allSettled(Array.from({ length: 64 }, load));
  await waitFor('there is load', () => answers.length > 20);
  process.kill(server.pid, 'SIGTERM');
  expect(await server.ended).toEqual({ code: 0, signal: null });
  await clients; // each has been refused by now
  // A connection still in the queue got RST. The others got it all.
  for (const answer of answers.filter(Boolean)) {
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*connection .*\n$/);
  }
});

test('the children of part 3 finish when it is killed, and the port is free', async () => {
  const server = await startStage('part3');
  const sender = await openClient(server.port);
  sender.send(BEGINNING);
  await waitFor('it is served', () => childrenOf(server.pid).length === 1);
  process.kill(server.pid, 'SIGKILL');
  const next = startProgram(built(STAGES.part3), ['--port', `${server.port}`]);
  await untilItSays(next, 'listens on');
  sender.send(REST);
  await waitFor('the orphan has answered', () => sender.ended());
  expect(parseAnswer(sender.received()).status).toBe(200);
});

test('SIGHUP ends part 3 as it ends any program', async () => {
  const server = await startStage('part3');
  process.kill(server.pid, 'SIGHUP');
  expect(await server.ended).toEqual({ code: null, signal: 'SIGHUP' });
});

test('part 3 ends although something else keeps the event loop alive', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'interval-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'interval.js');
  writeFileSync(file, 'setInterval(() => {}, 1_000)');
  const command = [process.execPath, built(STAGES.part3), '--port', '0'];
  const env = { ...process.env, NODE_OPTIONS: `--require ${file}` };
  const program = start(command, onTestFinished, { env });
  const server = await untilItListens(program, 'part3');
  process.kill(server.pid, 'SIGTERM');
  expect(await server.ended).toEqual({ code: 0, signal: null });
});
