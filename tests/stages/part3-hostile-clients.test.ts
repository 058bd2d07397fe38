/**
 * Part 3 and the clients of a bad day. In each test somebody else is served
 * meanwhile, and in the end nothing is left over. One server has to bear
 * them all.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { waitFor } from '../../tools/harness/wait';
import { countDescriptors } from '../../tools/kernel/descriptors';
import { childrenOf, readText } from '../../tools/kernel/processes';
import {
  ask,
  BEGINNING,
  type Client,
  get,
  openClient,
  parseAnswer,
  REST,
} from '../support/client';
import {
  calm,
  repeatedly,
  shareStage,
  startStage,
  untilItSays,
} from '../support/server';

const server = shareStage('part3');
let descriptors: number;

beforeAll(() => {
  descriptors = countDescriptors(server.pid);
});

beforeEach(() => calm(server, descriptors));

async function othersAreServed({ port } = server): Promise<void> {
  expect(parseAnswer(await ask(port, get('/'))).status).toBe(200);
}

/** Clients that never come to the end of their request. */
const DAWDLERS: [how: string, dawdle: (client: Client) => void][] = [
  ['says nothing at all', () => {}],
  [
    'sends a byte now and then',
    (client) => {
      client.send('G');
      repeatedly(200, () => client.socket.writable && client.send('G'));
    },
  ],
  [
    'does not send the body',
    (client) => {
      client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc');
    },
  ],
];

describe('part 3 goes on and leaves nothing over', () => {
  test('after 200 clients at once', async () => {
    const clients = await Promise.all(
      Array.from({ length: 200 }, () => openClient(server.port)),
    );
    for (const client of clients.reverse()) client.send(get('/'));
    await waitFor('all have their answer', () =>
      clients.every((c) => c.ended()),
    );
    for (const client of clients) {
      expect(parseAnswer(client.received()).status).toBe(200);
    }
    await calm(server, descriptors);
  });

  test('after 200 connections that are reset at once', async () => {
    const reset = async () => {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      socket.resetAndDestroy();
    };
    await Promise.all(Array.from({ length: 200 }, reset));
    await othersAreServed();
    await calm(server, descriptors);
  });

  test('after clients that leave without a word, or in mid-request', async () => {
    for (const words of ['', 'G', 'GET / HTTP/1.1\r\nHo', get('/')]) {
      const client = await openClient(server.port);
      if (words) client.send(words);
      client.socket.end();
      await othersAreServed();
    }
    await calm(server, descriptors);
  });

  test('after clients that reset in mid-request or in mid-answer', async () => {
    const early = await openClient(server.port);
    early.send('GET / HT');
    const late = await openClient(server.port);
    late.send(get('/bytes/100000000'));
    await waitFor('an answer has begun', () => late.received().length > 0);
    early.socket.resetAndDestroy();
    late.socket.resetAndDestroy();
    await othersAreServed();
    await calm(server, descriptors);
  });

  test('while a client reads nothing of 30 MB, and gives it up', async () => {
    const server = await startStage('part3', ['--patience', '3']);
    const descriptors = countDescriptors(server.pid);
    const client = await openClient(server.port);
    client.socket.pause();
    client.send(get('/bytes/30000000'));
    await waitFor(
      'a child serves it',
      () => childrenOf(server.pid).length === 1,
    );
    await othersAreServed(server);
    await calm(server, descriptors);
    await untilItSays(server, 'the client reads nothing: given up');
  });

  test.each(DAWDLERS)('while a client %s', async (_, dawdle) => {
    const client = await openClient(server.port);
    dawdle(client);
    await othersAreServed();
    client.socket.destroy();
    await calm(server, descriptors);
  });

  // With a server of their own, which is not patient. On a machine that
  // stands still for a while, it gives up others as well.
  test('and gives up each of them', async () => {
    const server = await startStage('part3', ['--timeout', '1']);
    const descriptors = countDescriptors(server.pid);
    for (const [name, dawdle] of DAWDLERS) {
      const client = await openClient(server.port);
      dawdle(client);
      await waitFor('it has an answer', () => client.ended());
      expect(parseAnswer(client.received()).status, name).toBe(408);
      client.socket.destroy();
    }
    await calm(server, descriptors);
  });

  test('while a client never stops sending, for two seconds', async () => {
    const server = await startStage('part3', ['--trace', '--quiet']);
    const reads = () => server.output().match(/ read\(/g)?.length ?? 0;
    const client = await openClient(server.port);
    client.send('x\r\n');
    client.send(Buffer.alloc(1 << 20));
    await untilItSays(server, 'shutdown(');
    const [child = 0] = childrenOf(server.pid);
    process.kill(child, 'SIGSTOP');
    const stopped = performance.now();
    await waitFor(
      'its two seconds are over',
      () => performance.now() > stopped + 2_100,
    );
    // A hundred times as much as it reads at once is waiting for it now.
    client.send(Buffer.alloc(1 << 20));
    const before = reads();
    process.kill(child, 'SIGCONT');
    await waitFor('it has ended', () => childrenOf(server.pid).length === 0);
    expect(reads() - before).toBeLessThan(5);
  });

  test.each([
    ['an endless field', `GET / HTTP/1.1\r\nA: ${'b'.repeat(1 << 20)}`, 431],
    ['a request line of 1 MB', `GET /${'a'.repeat(1 << 20)}`, 414],
    ['a megabyte of NULs', '\0'.repeat(1 << 20), 414],
  ])('and cuts off %s', async (_, request, status) => {
    const answer = await ask(server.port, request);
    expect(parseAnswer(answer).status).toBe(status);
    await calm(server, descriptors);
  });

  test('after a storm of SIGCHLD that no child has sent', async () => {
    const endStorm = repeatedly(1, () => {
      for (let i = 0; i < 100; i++) server.process.kill('SIGCHLD');
    });
    for (let i = 0; i < 20; i++) await othersAreServed();
    endStorm();
    await calm(server, descriptors);
  });
});

describe('a child that sleeps for a client', () => {
  async function openSleeper(): Promise<Client> {
    const client = await openClient(server.port);
    client.send(get('/sleep/3600'));
    await waitFor('a child serves it', () => childrenOf(server.pid).length > 0);
    return client;
  }

  test('ends when the client is killed', async () => {
    const client = await openSleeper();
    client.socket.destroy(); // the kernel does so for whoever is killed
    await calm(server, descriptors);
  });

  test('ends when the client resets the connection', async () => {
    const client = await openSleeper();
    client.socket.resetAndDestroy();
    await calm(server, descriptors);
  });

  test('sends a client that closes its half the whole answer', async () => {
    const client = await openClient(server.port);
    const started = performance.now();
    client.socket.end(get('/sleep/1.5'));
    await waitFor('the answer ends', client.ended);
    expect(performance.now() - started).toBeGreaterThan(1_500);
    const { status, body } = parseAnswer(client.received());
    expect(status).toBe(200);
    // A second head would stand in the body.
    expect(body).toMatch(/^process .*\nparent .*\ndescriptor .*\nconnection /);
  });

  test('does not mind what else the client sends', async () => {
    const started = performance.now();
    const request = get('/sleep/1.5') + 'x'.repeat(100_000);
    const answer = await ask(server.port, request);
    expect(parseAnswer(answer).body).toMatch(/^process /);
    expect(performance.now() - started).toBeGreaterThan(1_500);
  });

  test('has the kernel ask after a client that has vanished', async () => {
    const client = await openSleeper();
    // Local and remote address, state, queues, and 02: a timer of keepalive.
    const ports = [server.port, client.port].map((port) =>
      port.toString(16).padStart(4, '0').toUpperCase(),
    );
    const row = new RegExp(` \\w+:${ports.join(' \\w+:')} 01 \\S+ 02:`);
    await waitFor('its timer runs', () =>
      row.test(readText('/proc/net/tcp') ?? ''),
    );
  });
});

describe('a child that part 3 loses costs one request', () => {
  test.each(['SIGSEGV', 'SIGKILL', 'SIGABRT'] as const)(
    '%s: the log names it',
    async (signal) => {
      const client = await openClient(server.port);
      client.send(get('/sleep/60'));
      const child = await waitFor(
        'a child serves it',
        () => childrenOf(server.pid)[0],
      );
      process.kill(child, signal);
      await waitFor('the client sees the end', client.over);
      expect(client.received()).toBe('');
      await othersAreServed();
      await calm(server, descriptors);
      await untilItSays(server, `reaped ${child} → killed by ${signal}\n`);
    },
  );

  test('SIGSTOP: the log names it, and SIGCONT brings the answer', async () => {
    const server = await startStage('part3');
    const descriptors = countDescriptors(server.pid);
    const client = await openClient(server.port);
    client.send(BEGINNING);
    const child = await waitFor(
      'a child serves it',
      () => childrenOf(server.pid)[0],
    );
    process.kill(child, 'SIGSTOP');
    await untilItSays(server, `${child} was stopped by SIGSTOP\n`);
    await othersAreServed(server);
    await waitFor('the stopped child is the only one', () => {
      return `${childrenOf(server.pid)}` === `${child}`;
    });
    expect(client.received()).toBe('');
    process.kill(child, 'SIGCONT');
    client.send(REST);
    await waitFor('the client has its answer', () => client.ended());
    await calm(server, descriptors);
  });
});

describe('an answer arrives whole', () => {
  test('though the client has closed its half', async () => {
    const client = await openClient(server.port);
    client.socket.end(get('/bytes/3000000'));
    await waitFor('the answer ends', () => client.ended());
    expect(parseAnswer(client.received()).body.length).toBe(3_000_000);
  });

  test('though the client reads slowly, and signals interrupt the child', async () => {
    const client = await openClient(server.port);
    client.send(get('/bytes/30000000'));
    const child = await waitFor(
      'a child serves it',
      () => childrenOf(server.pid)[0],
    );
    const slowChunks = 40;
    let chunks = 0;
    client.socket.on('data', () => {
      if (++chunks > slowChunks) return;
      // By now the child waits in write, which returns with what it has done.
      process.kill(child, 'SIGSTOP');
      process.kill(child, 'SIGCONT');
      client.socket.pause();
      setTimeout(() => client.socket.resume(), 100);
    });
    await waitFor('the answer ends', client.over);
    expect(chunks).toBeGreaterThan(slowChunks);
    expect(parseAnswer(client.received()).body.length).toBe(30_000_000);
  });

  test('though the client sends more than anybody reads', async () => {
    // Closing with that unread sends RST and discards what is not sent yet.
    const more = 'x'.repeat(100_000);
    const answer = await ask(server.port, get('/bytes/3000000') + more);
    expect(parseAnswer(answer).body.length).toBe(3_000_000);
    const tooMuch =
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n';
    const refusal = await ask(server.port, tooMuch + more);
    expect(parseAnswer(refusal).status).toBe(413);
  });

  test('though the request came byte by byte', async () => {
    const client = await openClient(server.port);
    client.socket.setNoDelay(true);
    const request =
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
    for (const byte of `${request}3\r\nabc\r\n0\r\n\r\n`) {
      client.send(byte);
      await new Promise(setImmediate);
    }
    await waitFor('the answer ends', () => client.ended());
    expect(client.received()).toContain('received    3 bytes');
  });

  test('to a client that waits for 100 Continue before its body', async () => {
    const client = await openClient(server.port);
    client.send(
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n',
    );
    await waitFor('it may go on', () =>
      /^HTTP\/1.1 100 /.test(client.received()),
    );
    client.send('abc');
    await waitFor('the answer ends', () => client.ended());
    expect(client.received()).toContain('received    3 bytes');
  });

  test('to HTTP/1.0, which does not know 100 Continue', async () => {
    const { port } = await startStage('part3', ['--timeout', '0.5']);
    const client = await openClient(port);
    client.send(
      'POST / HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n',
    );
    // Only this head: the first that comes back is that its time is over.
    await waitFor('the answer ends', client.ended);
    expect(parseAnswer(client.received()).status).toBe(408);
  });

  test('and nothing of the client before is left in it', async () => {
    const { port } = await startStage('part1');
    await ask(port, get('/', 'HEAD'));
    // No HEAD, but for what the request before has left behind it.
    const client = await openClient(port);
    client.socket.end('H');
    await waitFor('the answer ends', () => client.ended());
    expect(parseAnswer(client.received()).body).toMatch(/^400: /);
  });

  test('without a body to HEAD, refused or not', async () => {
    for (const request of [get('/', 'HEAD'), 'HEAD / HTTP/1.1\r\n\r\n']) {
      const answer = await ask(server.port, request);
      expect(answer).toMatch(/^HTTP\/1\.1 (200|400) /);
      expect(answer).toMatch(/Connection: close\r\n\r\n$/);
    }
  });
});

test('what a client sends reaches the terminal without its control characters', async () => {
  // Neither an escape sequence that clears the screen, nor a line of its own.
  await ask(server.port, get('/\x1b[2J'));
  await ask(server.port, 'GET / HTTP/1.1\r\nHost: a\r\n\x1b[2J: b\r\n\r\n');
  const expects = 'Host: a\r\nContent-Length: 1\r\nExpect: \x9b2J\r\n\r\nx';
  await ask(server.port, `POST / HTTP/1.1\r\n${expects}`);
  await untilItSays(server, '→ 417');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the very subject
  expect(server.output()).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
});

test('what a client sends makes no long line of the log', async () => {
  await ask(server.port, get(`/${'a'.repeat(8_000)}`));
  const field = `${'b'.repeat(8_000)}: \x07`;
  await ask(server.port, `GET / HTTP/1.1\r\n${field}\r\n\r\n`);
  for (const word of ['GET /aaa', 'the field bbb']) {
    await untilItSays(server, word);
    const line = server
      .output()
      .split('\n')
      .find((it) => it.includes(word));
    expect(line).toMatch(/… → 40[04]$/);
    expect(line?.length).toBeLessThan(400);
  }
});

test('a path that leads nowhere is answered with those that lead somewhere', async () => {
  const paths = '/  /sleep/SECONDS  /bytes/N  /count  /crash';
  for (const path of ['/nowhere', '/count/1', '/constructor', '/sleep/1/2']) {
    expect(parseAnswer(await ask(server.port, get(path)))).toEqual({
      status: 404,
      body: `404: there is ${paths}  (GET, HEAD, POST)\n`,
    });
  }
});
