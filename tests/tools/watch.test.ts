import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { waitFor } from '../../tools/harness/wait';
import { zombiesOf } from '../../tools/kernel/processes';
import type { Model } from '../../tools/watch/diagnosis';
import { render } from '../../tools/watch/render';
import { ask, get, openClient } from '../support/client';
import {
  built,
  STAGES,
  startProgram,
  startStage,
  startTool,
} from '../support/server';
import { openTerminal, plain } from '../support/terminal';

async function lookOnce(port: number): Promise<Model> {
  const flags = ['--port', `${port}`, '--once', '--json'];
  const program = startTool('watch', flags);
  await program.ended;
  return JSON.parse(program.output());
}

/** Part 2 with clients that have their answer, and no end of it. */
async function leakingServer(clients: number) {
  const server = await startStage('part2', ['--quiet']);
  for (let i = 0; i < clients; i++) {
    const client = await openClient(server.port);
    client.send(get('/'));
  }
  await waitFor('all children have ended', () => {
    return zombiesOf(server.pid).length === clients;
  });
  return server;
}

test('watch tells which connections are finished, and who holds them', async () => {
  const server = await leakingServer(3);
  const model = await lookOnce(server.port);
  expect(model.server).toMatchObject({ pid: server.pid, name: 'part2' });
  expect(model.zombies).toBe(3);
  expect(model.descriptors?.connections).toBe(3);
  for (const connection of model.connections) {
    expect(connection).toMatchObject({
      state: 'ESTABLISHED',
      client: { state: 'ESTABLISHED', holders: [{ pid: process.pid }] },
      holders: [{ pid: server.pid }],
      verdict: 'finished',
    });
    expect(connection.sent).toBeGreaterThan(100);
  }
  expect(model.problems).toEqual([
    `3 connections are finished, but PID ${server.pid} still has them open: ` +
      'part2 has not closed its copies, so no FIN is sent.',
    `3 children have ended, and PID ${server.pid} has not waited for them: ` +
      '3 zombies.',
  ]);
});

test('watch finds nothing wrong with part 3', async () => {
  const server = await startStage('part3', ['--quiet']);
  await ask(server.port, get('/'));
  await openClient(server.port); // which says nothing
  await waitFor('a child serves', async () => {
    const { connections, problems } = await lookOnce(server.port);
    const [connection] = connections;
    // The parent has closed its copy: only the child holds the connection.
    const [holder, ...others] = connection?.holders ?? [];
    const pid = holder?.pid ?? server.pid;
    return (
      connection?.verdict === 'served' &&
      pid !== server.pid &&
      others.length === 0 &&
      problems.length === 0
    );
  });
});

test('watch counts who waits in the queue of a busy server', async () => {
  const flags = ['--quiet', '--backlog', '7'];
  const server = await startStage('part1', flags);
  await openClient(server.port); // which says nothing
  await waitFor('it is served', async () => {
    return (await lookOnce(server.port)).connections[0]?.verdict === 'served';
  });
  await openClient(server.port);
  await openClient(server.port);
  const model = await lookOnce(server.port);
  expect(model.queue).toEqual({ length: 2, backlog: 7 });
  const verdicts = model.connections.map(({ verdict }) => verdict);
  expect(verdicts).toEqual(['served', 'queued', 'queued']);
  expect(model.problems).toEqual([
    '2 clients are connected and not accepted: ' +
      `PID ${server.pid} has not come back to accept.`,
  ]);
});

test('without a server, one look ends with status 1', async () => {
  const server = await startStage('part3', ['--quiet']);
  process.kill(server.pid, 'SIGKILL');
  await server.ended;
  const flags = ['--port', `${server.port}`, '--once'];
  const program = startTool('watch', flags);
  expect((await program.ended).code).toBe(1);
  expect(program.output()).toContain(`Nobody listens on port ${server.port}`);
});

test('in a pipe, watch writes plain text', async () => {
  const server = await leakingServer(1);
  const flags = ['--port', `${server.port}`, '--every', '0.1'];
  const program = startTool('watch', flags);
  const pictures = () => program.output().match(/1 connection is finished/g);
  await waitFor('there are two pictures', () => pictures()?.length === 2);
  expect(plain(program.output())).toBe(program.output());
});

test('watch waits for a server, and survives its restart', async () => {
  const first = await startStage('part2', ['--quiet']);
  const flags = ['--port', `${first.port}`, '--every', '0.1'];
  const terminal = openTerminal('watch', flags);
  const shows = (text: string) =>
    waitFor(`the screen shows ${text}`, () => terminal.screen().includes(text));
  await shows(`PID ${first.pid}`);
  process.kill(first.pid, 'SIGKILL');
  await shows('Nobody listens');
  expect(terminal.restored()).toBe(false);
  const second = startProgram(built(STAGES.part3), ['--port', `${first.port}`]);
  await shows(`PID ${second.pid}`);
  terminal.type('q');
  expect((await terminal.ended).code).toBe(0);
  expect(terminal.restored()).toBe(true);
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s leaves the terminal as it was',
  async (signal) => {
    const server = await startStage('part3', ['--quiet']);
    const terminal = openTerminal('watch', ['--port', `${server.port}`]);
    await waitFor('the screen is taken', () => {
      return terminal.screen().includes('Nothing is wrong.');
    });
    process.kill(terminal.inner(), signal);
    await terminal.ended;
    expect(terminal.restored()).toBe(true);
  },
);

test('a picture fits into a terminal of any size', async () => {
  const server = await leakingServer(12);
  const model = await lookOnce(server.port);
  for (const columns of [20, 40, 60, 79, 80, 81, 120, 200]) {
    for (let rows = 3; rows <= 60; rows++) {
      const lines = render(model, { columns, rows });
      expect(lines.length).toBeLessThanOrEqual(rows);
      for (const line of lines) {
        const width = line.reduce((sum, [text]) => sum + text.length, 0);
        expect(width).toBeLessThanOrEqual(columns);
      }
    }
  }
});

test('a picture of a screen has its words and its colours', () => {
  const svg = spawnSync('tools/run', ['tools/docs/terminal'], {
    input: 'a \x1b[31m<zombie>\x1b[39m\n\x1b[7mb\x1b[27m\n',
    encoding: 'utf8',
  }).stdout;
  expect(svg).toMatch(/^<svg .*<\/svg>\n$/s);
  expect(svg).toMatch(/fill="#f2777a"[^>]*>&lt;zombie></);
  expect(svg.match(/<rect/g)).toHaveLength(2); // the ground, and behind the b
});
