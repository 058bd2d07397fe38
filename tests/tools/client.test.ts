import { constants } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { SystemError } from '#shared/node/libc';
import { summary } from '../../tools/client/report';
import {
  advance,
  type Connection,
  leave,
  openConnection,
  politely,
} from '../../tools/harness/connections';
import { freePort } from '../../tools/harness/servers';
import { waitFor } from '../../tools/harness/wait';
import { listSockets } from '../../tools/kernel/sockets';
import {
  shareStage,
  startStage,
  startTool,
  untilItSays,
} from '../support/server';

const part2 = shareStage('part2', ['--quiet']);
const part3 = shareStage('part3');

/** A client that is patient: the machine may have other things to do. */
function startClient(port: number, ...flags: string[]) {
  const common = ['--port', `${port}`, '--timeout', '60'];
  return startTool('client', [...common, ...flags]);
}

test('a client shows its ephemeral port, the answer and the end', async () => {
  const client = startClient(part3.port);
  expect(await client.ended).toEqual({ code: 0, signal: null });
  const pair = /connected: (127\.0\.0\.1:\d+) ⇄ (127\.0\.0\.1:\d+)/;
  const [, own, other] = pair.exec(client.output()) ?? [];
  expect(other).toBe(`127.0.0.1:${part3.port}`);
  // The page names the same pair, the server's end first.
  expect(client.output()).toContain(`connection  ${other} ⇄ ${own}`);
  expect(client.output()).toMatch(/end-of-file, after \d+ bytes/);
});

test('100 clients are 100 connections', async () => {
  const served = () => part3.output().match(/GET \/ → 200/g)?.length ?? 0;
  const before = served();
  const client = startClient(part3.port, '--clients', '100');
  expect((await client.ended).code).toBe(0);
  expect(client.output()).toMatch(/^ +100 {2}answered .*100 × HTTP\/1.1 200/m);
  expect(client.output()).toMatch(/^ +100 {2}ended/m);
  await waitFor('all have been served', () => served() === before + 100);
});

test('a client of part 2 waits for end-of-file, and says so at Ctrl-C', async () => {
  const client = startClient(part2.port, '--clients', '3');
  for (const number of [1, 2, 3]) {
    await untilItSays(client, `client ${number}: still waits for end-of-file`);
  }
  process.kill(client.pid, 'SIGINT');
  expect(await client.ended).toEqual({ code: 1, signal: null });
  expect(client.output()).toMatch(
    /^ +3 {2}waiting +for end-of-file, .*: ports/m,
  );
  expect(client.output()).toContain('an answer but no end-of-file');
});

test('a client says each time what it waits for', async () => {
  const client = startClient(part2.port, '--path', '/sleep/1.5');
  await untilItSays(client, 'still waits for end-of-file');
  expect(client.output()).toMatch(
    /connected: .*\n.* still waits for an answer\n.* an answer: /,
  );
});

test('a client waits no longer than it is told', async () => {
  const client = startClient(part2.port, '--timeout', '0.5');
  expect(await client.ended).toEqual({ code: 1, signal: null });
  expect(client.output()).toMatch(/^ +1 {2}(waiting|connecting)/m);
});

test('a deadline that has passed is not waited for', async () => {
  const address = { address: '127.0.0.1', port: part3.port };
  const silent = politely(Buffer.alloc(0));
  const connection = openConnection(address, silent);
  onTestFinished(() => leave(connection));
  while (connection.state === 'connecting') advance([connection], 100);
  // The server has nothing to say until its own patience is over.
  advance([connection], -1);
  expect(connection).toMatchObject({ state: 'waiting', bytes: 0 });
});

test('a client that keeps its end open is in CLOSE_WAIT until Ctrl-C', async () => {
  const client = startClient(part3.port, '--keep-open');
  await untilItSays(client, 'stays connected');
  const sockets = listSockets({ port: part3.port, state: 'CLOSE_WAIT' });
  expect(sockets).toHaveLength(1);
  process.kill(client.pid, 'SIGINT');
  expect(await client.ended).toEqual({ code: 0, signal: null });
  expect(client.output()).toMatch(/^ +1 {2}open +.*CLOSE_WAIT/m);
});

test('a client that keeps its end open leaves when its time is over', async () => {
  const start = performance.now();
  const flags = ['--keep-open', '--timeout', '2'];
  const client = startClient(part3.port, ...flags);
  expect((await client.ended).code).toBe(0);
  expect(client.output()).toContain('stays connected');
  expect(performance.now() - start).toBeGreaterThan(2_000);
});

/** A connection to port 8888 that has failed on a descriptor of its own. */
function failedConnection(fd: number): Connection {
  return {
    local: { address: '127.0.0.1', port: 50_000 + fd },
    remote: { address: '127.0.0.1', port: 8888 },
    manner: politely(Buffer.alloc(0)),
    fd: null,
    state: 'failed',
    unsent: Buffer.alloc(0),
    nextByteAt: 0,
    bytes: 0,
    beginning: Buffer.alloc(0),
    error: new SystemError('read', constants.errno.ECONNRESET, { fd }),
    startedAt: 0,
    connectedAfter: 1,
    answeredAfter: null,
    endedAfter: 2,
  };
}

test('thirty failures of one kind are one line with a count', () => {
  const connections = Array.from({ length: 30 }, (_, i) => {
    return failedConnection(20 + i);
  });
  expect(summary(connections)).toContain(
    '      30  failed      30 × read: ECONNRESET (Connection reset by peer)',
  );
});

test('a silent client is told that its time is over', async () => {
  const hasty = await startStage('part3', ['--quiet', '--timeout', '0.3']);
  const client = startClient(hasty.port, '--silent');
  expect((await client.ended).code).toBe(0);
  expect(client.output()).toContain('HTTP/1.1 408');
});

test('a slow client is answered when it has said everything', async () => {
  const client = startClient(part3.port, '--slow');
  expect((await client.ended).code).toBe(0);
  expect(client.output()).toContain('HTTP/1.1 200 OK');
  // Some forty bytes, one in a tenth of a second.
  const seconds = Number(/([\d.]+) s {2}an answer/.exec(client.output())?.[1]);
  expect(seconds).toBeGreaterThan(3);
});

test('clients that leave early do not wait for an answer', async () => {
  const flags = ['--clients', '3', '--abort', '--path', '/sleep/5'];
  const client = startClient(part3.port, ...flags);
  expect((await client.ended).code).toBe(0);
  expect(client.output()).toMatch(/^ +3 {2}left/m);
  expect(client.output()).not.toContain('answer:');
});

test('clients without a server fail in one line each', async () => {
  const client = startClient(await freePort());
  expect((await client.ended).code).toBe(1);
  expect(client.output()).toMatch(
    /failed: connect 127.0.0.1:\d+: ECONNREFUSED/,
  );
  expect(client.output()).not.toMatch(/^ +at /m); // a stack trace
});
