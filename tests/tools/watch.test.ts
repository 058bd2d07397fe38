import { spawnSync } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { type Program, startProgram } from '../../tools/harness/programs';
import { freePort } from '../../tools/harness/servers';
import { waitFor } from '../../tools/harness/wait';
import { zombiesOf } from '../../tools/kernel/processes';
import type { Model } from '../../tools/model/diagnosis';
import { lookUntilCertain } from '../../tools/model/look';
import { render } from '../../tools/watch/render';
import { ask, get, openClient } from '../support/client';
import {
  built,
  repeatedly,
  STAGES,
  shareStage,
  startProgram as startBuilt,
  startStage,
  startTool,
} from '../support/server';
import { openTerminal, plain, RESTORE } from '../support/terminal';

const part2 = shareStage('part2', ['--quiet']);
const part3 = shareStage('part3', ['--quiet']);

/** Gives part 2 clients that have their answer, and no end of it. */
async function leak(clients: number) {
  const before = zombiesOf(part2.pid).length;
  for (let i = 0; i < clients; i++) {
    const client = await openClient(part2.port);
    client.send(get('/'));
  }
  await waitFor('all children have ended', () => {
    return zombiesOf(part2.pid).length === before + clients;
  });
}

test('watch tells which connections are finished, and who holds them', async () => {
  const server = part2;
  await leak(3);
  const flags = ['--port', `${server.port}`, '--once', '--json'];
  const program = startTool('watch', flags);
  expect((await program.ended).code).toBe(0);
  const model: Model = JSON.parse(program.output());
  expect(model.server).toMatchObject({ pid: server.pid, name: 'part2' });
  expect(model.zombies).toBe(3);
  expect(model.descriptors?.connections).toBe(3);
  for (const connection of model.connections) {
    expect(connection).toMatchObject({
      state: 'ESTABLISHED',
      client: { state: 'ESTABLISHED', holders: [{ pid: process.pid }] },
      holders: [{ pid: server.pid }],
      standing: 'finished',
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
  const server = part3;
  await ask(server.port, get('/'));
  await openClient(server.port); // which says nothing
  await waitFor('a child serves', async () => {
    const { connections, problems } = await lookUntilCertain(server.port);
    const [connection] = connections;
    // The parent has closed its copy: only the child holds the connection.
    const [holder, ...others] = connection?.holders ?? [];
    const pid = holder?.pid ?? server.pid;
    return (
      connection?.standing === 'served' &&
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
    return (
      (await lookUntilCertain(server.port)).connections[0]?.standing ===
      'served'
    );
  });
  await openClient(server.port);
  await openClient(server.port);
  const model = await lookUntilCertain(server.port);
  expect(model.queues).toMatchObject([{ length: 2, backlog: 7 }]);
  const standings = model.connections.map(({ standing }) => standing);
  expect(standings).toEqual(['served', 'queued', 'queued']);
  expect(model.problems).toEqual([
    '2 clients are connected and not accepted: ' +
      `PID ${server.pid} has not come back to accept.`,
  ]);
});

test('without a server, one look ends with status 1', async () => {
  const port = await freePort();
  const program = startTool('watch', ['--port', `${port}`, '--once']);
  expect((await program.ended).code).toBe(1);
  expect(program.output()).toContain(`Nobody listens on port ${port}.`);
});

/** The last line that `watch --json` has written. */
function latest(watch: Program): Model | null {
  const line = watch.output().split('\n').at(-2);
  return line ? JSON.parse(line) : null;
}

function watchJson(port: number) {
  const flags = ['--port', `${port}`, '--json', '--every', '0.1'];
  return startTool('watch', flags);
}

test('watch says how a server has ended', async () => {
  const server = await startStage('part2', ['--quiet']);
  const watch = watchJson(server.port);
  await waitFor('it is seen', () => latest(watch)?.server?.pid === server.pid);
  process.kill(server.pid, 'SIGKILL');
  const { ending, problems } = await waitFor('its end is seen', () => {
    const model = latest(watch);
    return model?.end && model;
  });
  // Before Linux 6.15, nobody but its parent is told how.
  const how = '(killed by SIGKILL|how, only its parent was told)';
  const who = `^part2 \\(PID ${server.pid}\\) has ended: ${how}\\.`;
  expect(ending).toMatch(new RegExp(who));
  expect(problems).toEqual([]);
});

// Its child keeps the listener, and sleeps.
const LEAVES_AN_ORPHAN = `
import os, socket, sys, time
listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))
if os.fork() == 0: time.sleep(600)
while True: listener.accept()
`;

test('watch notices an orphan that keeps the listener', async () => {
  const port = await freePort();
  const command = ['python3', '-c', LEAVES_AN_ORPHAN, `${port}`];
  const server = startProgram(command, onTestFinished);
  const watch = watchJson(port);
  const child = await waitFor('both are seen', () => {
    const { processes = [] } = latest(watch) ?? {};
    return processes[1]?.pid;
  });
  onTestFinished(() => {
    process.kill(child, 'SIGKILL');
  });
  process.kill(server.pid, 'SIGKILL');
  await waitFor('watch tells', () => latest(watch)?.problems[0]);
  expect(latest(watch)?.problems).toEqual([
    `The listener of python3 (PID ${server.pid}) is still open in ` +
      `PID ${child}, left behind as an orphan: the port stays taken.`,
  ]);
  // Who comes only now cannot know.
  const { problems } = await lookUntilCertain(port);
  expect(problems).toEqual([expect.stringMatching(/perhaps an orphan/)]);
});

test('two listeners on one port are both shown', async () => {
  const listen = `for (const host of ['127.0.0.1', '127.0.0.2'])
    require('net').createServer().listen(+process.argv[1], host)`;
  const port = await freePort();
  const command = [process.execPath, '-e', listen, `${port}`];
  startProgram(command, onTestFinished);
  const model = await waitFor('both listen', async () => {
    const found = await lookUntilCertain(port);
    return found.queues.length === 2 && found;
  });
  const addresses = [`127.0.0.1:${port}`, `127.0.0.2:${port}`];
  expect(model.server?.addresses.toSorted()).toEqual(addresses);
  const { used = 0, listeners = [], own } = model.descriptors ?? {};
  expect(listeners).toHaveLength(2);
  expect(own?.numbers).toHaveLength(used - 2);
});

test('watch tells which descriptors lead to one description', async () => {
  const server = await startStage('part2', ['--quiet']);
  await openClient(server.port); // which says nothing
  const { descriptions, connections } = await waitFor('a child', async () => {
    const model = await lookUntilCertain(server.port);
    return model.connections[0]?.holders.length === 2 && model;
  });
  const [connection] = connections;
  const shared = descriptions.filter(
    ({ target }) => target === `socket:[${connection?.inode}]`,
  );
  // The parent's copy and the child's: the FIN waits for both.
  expect(shared).toEqual([
    {
      target: expect.any(String),
      // The kernel's numbers begin anew at some time: in any order.
      references: expect.arrayContaining(connection?.holders ?? []),
      evidence: expect.stringMatching(/^(kcmp|inode)$/),
    },
  ]);
});

test('in a pipe, watch writes plain text', async () => {
  await leak(1);
  const flags = ['--port', `${part2.port}`, '--every', '0.1'];
  const program = startTool('watch', flags);
  const pictures = () =>
    program.output().match(/connections? (is|are) finished/g);
  await waitFor('there are two pictures', () => pictures()?.[1]);
  expect(plain(program.output())).toBe(program.output());
});

test('watch goes back to a server that has ended, and on to the next one', async () => {
  const server = await startStage('part2', ['--quiet']);
  const flags = ['--port', `${server.port}`, '--every', '0.1'];
  const terminal = openTerminal('watch', flags);
  const shows = (words: RegExp) =>
    waitFor(`the screen shows ${words}`, () => words.test(terminal.screen()));
  await shows(/Nothing is wrong\.[\s\S]*listener \d+ [\s\S]*q quits · .*\s*$/);
  process.kill(server.pid, 'SIGKILL');
  // The last picture of it stays.
  await shows(/has ended: [\s\S]*Nobody listens[\s\S]*listener \d+ /);
  expect(terminal.restored()).toBe(false);
  const back = repeatedly(50, () => terminal.type('\x1b[D'));
  await shows(/This is the past: [\s\S]*Nothing is wrong/);
  back();
  terminal.type('\x1b[C'.repeat(999));
  await shows(/Nobody listens/);
  terminal.type('\x1b[D\x1b[D');
  await shows(/This is the past: /);
  terminal.type('x'); // any key
  await waitFor('it is now', () => !/the past/.test(terminal.screen()));
  expect(terminal.screen()).toContain('Nobody listens');
  const next = startBuilt(built(STAGES.part3), ['--port', `${server.port}`]);
  await shows(RegExp(`PID ${next.pid}`));
  terminal.type('q');
  expect((await terminal.ended).code).toBe(0);
  expect(terminal.restored()).toBe(true);
});

test('a terminal that does not know its size has the usual one', async () => {
  const watch = ['tools/run', 'tools/watch/main', '--port', `${part3.port}`];
  const command = `stty cols 0 rows 0; exec ${watch.join(' ')}`;
  const program = startProgram(
    ['script', '--quiet', '--command', command, '/dev/null'],
    onTestFinished,
    { stdio: 'pipe' },
  );
  await waitFor('the last line is shown', () => {
    return program.output().includes('q quits');
  });
  expect(program.output()).toContain('Nothing is wrong.');
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s leaves the terminal as it was',
  async (signal) => {
    const terminal = openTerminal('watch', ['--port', `${part3.port}`]);
    await waitFor('the screen is taken', () => {
      return terminal.screen().includes('Nothing is wrong.');
    });
    process.kill(terminal.inner(), signal);
    await terminal.ended;
    expect(terminal.restored()).toBe(true);
  },
);

test('a picture fits into a terminal of any size', async () => {
  await leak(9);
  const model = await lookUntilCertain(part2.port);
  const view = { model, last: null, ago: 61, goesOn: true };
  for (const columns of [20, 40, 60, 79, 80, 81, 120, 200]) {
    for (let rows = 3; rows <= 60; rows++) {
      const lines = render(view, { columns, rows }, 'q quits');
      expect(lines.length).toBeLessThanOrEqual(rows);
      for (const line of lines) {
        const width = line.reduce((sum, [text]) => sum + text.length, 0);
        expect(width).toBeLessThanOrEqual(columns);
      }
    }
  }
});

test('Ctrl-Z under npm gives the terminal back, and fg takes it again', async () => {
  const { port } = part3;
  // An interactive shell has jobs.
  const shell = startProgram(
    ['script', '--quiet', '--command', 'bash --norc -i', '/dev/null'],
    onTestFinished,
    { stdio: 'pipe', env: { ...process.env, TERM: 'xterm' } },
  );
  let seen = 0;
  const type = (keys: string) => {
    seen = shell.output().length;
    shell.process.stdin?.write(keys);
  };
  const answers = (words: string) =>
    waitFor(`it answers ${words}`, () =>
      plain(shell.output().slice(seen)).includes(words),
    );
  type(`npm run --silent watch -- --port ${port}\n`);
  await answers('Nothing is wrong.');
  type('\x1a');
  await answers('Stopped');
  expect(shell.output()).toContain(RESTORE);
  type('echo $((6*7))\n');
  await answers('42');
  type('fg\n');
  await answers('Nothing is wrong.');
  type('q');
  await waitFor('the prompt comes', () => {
    const [, after] = shell.output().slice(seen).split(RESTORE);
    return after?.includes('bash');
  });
  type('echo $((6*9))\n');
  await answers('54');
});

test('a picture of a screen has its words and its colours', () => {
  const svg = spawnSync('tools/run', ['tools/docs/terminal'], {
    input: 'a \x1b[31m<zombie>\x1b[39m\n\x1b[7mb\x1b[27m\n',
    encoding: 'utf8',
  }).stdout;
  expect(svg).toMatch(/^<svg .*<\/svg>\n$/s);
  expect(svg).toMatch(/fill="#f2777a"[^>]*>&lt;zombie&gt;</);
  expect(svg.match(/<rect/g)).toHaveLength(2); // the ground, and behind the b
});
