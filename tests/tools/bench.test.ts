import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import {
  describe,
  expect,
  onTestFinished,
  type TestContext,
  test,
} from 'vitest';
import { measureCosts } from '../../tools/bench/costs';
import { askForCount, type Load, putUnderLoad } from '../../tools/bench/load';
import { Progress } from '../../tools/bench/report';
import { CONTESTANTS, startContestant } from '../../tools/bench/servers';
import { findProblem, type Run } from '../../tools/bench/summary';
import { ask, get, parseAnswer } from '../support/client';
import { shareStage, startTool } from '../support/server';

const HEAD = 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n';
const BODY = 'process 1\nparent 1\ndescriptor 1\nconnection 1\n';

/** A server of this test's own, and how many connections it has had. */
async function serve(reply: (client: Socket, nth: number) => void) {
  let connections = 0;
  const server = createServer((client) => {
    const nth = ++connections;
    client.on('error', () => {});
    client.once('data', () => reply(client, nth));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { port, connections: () => connections };
}

function load(port: number, rest: Partial<Load> = {}) {
  const common = { port, path: '/', connections: 4, seconds: 60, most: 100 };
  return putUnderLoad({ ...common, ends: 'server', ...rest });
}

describe('the load', () => {
  test('makes one connection for each request, and no error', async () => {
    const server = await serve((client) => client.end(HEAD + BODY));
    const { sent, latencies, errors } = await load(server.port);
    expect(errors).toBe(0);
    expect(latencies).toHaveLength(100);
    expect([sent, server.connections()]).toEqual([100, 100]);
  });

  test('takes the end of the connection for the end of the answer', async () => {
    const server = await serve((client) => {
      client.write(HEAD + BODY.slice(0, 10));
      setTimeout(() => client.end(BODY.slice(10)), 20);
    });
    const { latencies, errors } = await load(server.port, { most: 8 });
    expect([latencies.length, errors]).toEqual([8, 0]);
    expect(Math.min(...latencies)).toBeGreaterThan(15);
  });

  test('leaves by itself where the server never ends', async () => {
    const server = await serve((client) => client.write(HEAD + BODY));
    const { latencies, errors } = await load(server.port, { ends: 'client' });
    expect([latencies.length, errors]).toEqual([100, 0]);
  });

  test.each<[string, (client: Socket) => void]>([
    ['no answer', (client) => client.end()],
    ['half an answer', (client) => client.end(HEAD + BODY.slice(0, 20))],
    ['a reset', (client) => client.resetAndDestroy()],
    ['a 404', (client) => client.end(`${HEAD.replace('200', '404')}${BODY}`)],
  ])('counts %s as an error', async (_what, spoil) => {
    const server = await serve((client, nth) =>
      nth === 3 ? spoil(client) : client.end(HEAD + BODY),
    );
    const { sent, errors } = await load(server.port, { most: 20 });
    expect([sent, errors]).toEqual([20, 1]);
  });
});

test('counts that disagree are no result', () => {
  const outcome = {
    sent: 3,
    latencies: [1, 1, 1],
    elapsed: 1,
    errors: 0,
    why: undefined,
  };
  const run: Run = { ...outcome, all: [outcome], counted: 3 };
  expect(findProblem(run)).toBeNull();
  expect(findProblem({ ...run, counted: 4 })).toContain('the server saw 4');
  const lost = { ...outcome, sent: 4 };
  expect(findProblem({ ...run, all: [lost], counted: 4 })).toContain(
    '3 answers to 4 requests',
  );
  const broken = { ...outcome, errors: 1 };
  expect(findProblem({ ...run, all: [broken] })).toBe('1 × a wrong answer');
});

describe('progress', () => {
  const what = 'part 3: forks and cleans up · with a slow client';

  /** All that is written on a terminal, or elsewhere, by so many runs. */
  function written(screen: { isTTY: boolean; columns: number }, runs = 9) {
    const pieces: string[] = [];
    const write = (text: string | Uint8Array) => pieces.push(`${text}`) > 0;
    const progress = new Progress(48, { ...screen, write });
    progress.say('warms up for 1 s');
    for (let run = 0; run < runs; run++) progress.show(what);
    return pieces;
  }

  test('fits on a line of 80 columns', () => {
    const lines = written({ isTTY: true, columns: 80 });
    expect(lines).toHaveLength(10);
    expect(lines[9]).toMatch(/9 of 48, \d+ s left · .* with a slow client$/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(80);
  });

  test('is cut between words where the line is shorter', () => {
    const [, line = ''] = written({ isTTY: true, columns: 30 });
    expect(line.split('\x1b[K')[1]).toBe('1 of 48 · part 3: forks and …');
  });

  test('is said at once where there is no terminal, and not all the time', () => {
    const lines = written({ isTTY: false, columns: 80 });
    expect(lines).toEqual(['warms up for 1 s\n']);
  });
});

const part3 = shareStage('part3', ['--quiet']);
const TWINS = ['http', 'c1', 'c3', 'python'] as const;

/** Starts a twin, or skips the test where it cannot be had. */
async function startTwin(
  name: (typeof TWINS)[number],
  skip: TestContext['skip'],
) {
  const contestant: (typeof CONTESTANTS)[typeof name] = CONTESTANTS[name];
  const unavailable =
    'prepare' in contestant ? contestant.prepare?.() : undefined;
  skip(unavailable !== undefined, unavailable);
  const twin = await startContestant(contestant);
  onTestFinished(twin.stop);
  return twin;
}

describe('a twin answers as part 3 does:', () => {
  /** An answer less its numbers, and with its fields in order. */
  async function shape(port: number, path: string) {
    const answer = await ask(port, get(path));
    const [head = ''] = answer.split('\r\n\r\n');
    const numberless = (text: string) => text.replaceAll(/\d+/g, 'N');
    const fields = head
      .replace(/Date: .*/, 'Date')
      .split('\r\n')
      .toSorted();
    return [...fields.slice(0, -1), numberless(parseAnswer(answer).body)];
  }

  test.for(TWINS)('%s', async (name, { skip }) => {
    const twin = await startTwin(name, skip);
    for (const path of ['/', '/sleep/0.01', '/count']) {
      expect(await shape(twin.port, path)).toEqual(
        await shape(part3.port, path),
      );
    }
    expect(await askForCount(twin.port)).toBe(4);
  });
});

/** Requests that a twin judges as part 3 does: it looks at the first line. */
const FIRST_LINES: [line: string, status: number][] = [
  ['GET / HTTP/1.1', 200],
  ['POST /?a=b%20c HTTP/1.0', 200],
  ['GET /nowhere HTTP/1.1', 404],
  ['GET /sleep/x HTTP/1.1', 404],
  ['PUT / HTTP/1.1', 405],
  ['GET /', 400],
  ['GET x HTTP/1.1', 400],
  ['GET / http/1.1', 400],
];

test.for(['c1', 'python'] as const)(
  'a twin checks the first line as the stages do: %s',
  async (name, { skip }) => {
    const twin = await startTwin(name, skip);
    for (const [line, status] of FIRST_LINES) {
      const request = `${line}\r\nHost: a\r\n\r\n`;
      for (const { port } of [twin, part3]) {
        const answer = await ask(port, request);
        expect(parseAnswer(answer).status, line).toBe(status);
      }
    }
  },
);

test('of what a request costs, the kernel counts a part for each', async ({
  skip,
}) => {
  const unavailable = CONTESTANTS.c3.prepare?.();
  skip(unavailable !== undefined, unavailable);
  const costs = await measureCosts(CONTESTANTS.c3, 200);
  expect(costs.fork).toBeGreaterThan(0);
  expect(costs.child + costs.work).toBeGreaterThan(0);
  // What a child touches, it has to find out first. Its parent has done so.
  expect(costs.childFaults).toBeGreaterThan(2 * costs.parentFaults);
  // The program, its heap, libc, the stack.
  expect(costs.mappings).toBeGreaterThan(10);
  expect(costs.tables).toBeGreaterThan(10);
});

describe('npm run bench', () => {
  test('compares the stages, in 80 columns', async () => {
    const chart = 'build/test-chart.svg';
    const flags = ['--seconds', '0.2', '--rounds', '1', '--requests', '50'];
    flags.push('--svg', chart);
    const names = ['part3', 'keepalive'];
    const bench = startTool('bench', [...flags, '--only', `${names}`]);
    const ended = await bench.ended;
    expect(ended, bench.output()).toEqual({ code: 0, signal: null });
    const lines = bench.output().split('\n');
    expect(lines.filter((line) => / ms .*█/.test(line))).toHaveLength(4);
    expect(bench.output()).toMatch(/^part 3( +\d+){7} +\d+ kB$/m);
    expect(readFileSync(chart, 'utf8')).toContain('a child begins and ends');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(80);
  });

  test.each([
    [['--only', 'part4'], 2, '--only takes names of part1,'],
    [['--svg', '/no/such/chart.svg'], 1, 'no such file or directory'],
  ])('refuses %s in one line', async (flags, status, words) => {
    const bench = startTool('bench', flags);
    expect((await bench.ended).code).toBe(status);
    expect(bench.output()).toContain(words);
    expect(bench.output().trimEnd().split('\n')).toHaveLength(1);
  });
});
