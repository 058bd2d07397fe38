/**
 * Part 3 when something runs out: descriptors, processes, its own limit.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { setSoftLimit } from '../../tools/harness/servers';
import { waitFor } from '../../tools/harness/wait';
import { countDescriptors, lowestFree } from '../../tools/kernel/descriptors';
import { childrenOf } from '../../tools/kernel/processes';
import { ask, get, openClient, parseAnswer } from '../support/client';
import { calm, startStage, untilItSays } from '../support/server';

const TICKS_PER_SECOND = 100; // USER_HZ, time(7)

/** Seconds of CPU time that a process has used. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')')).split(' ');
  return (Number(fields[12]) + Number(fields[13])) / TICKS_PER_SECOND;
}

/** How often a text occurs. */
function count(text: string, part: string): number {
  return text.split(part).length - 1;
}

test('part 3 waits when accept fails with EMFILE, says so once, and recovers', async () => {
  const server = await startStage('part3');
  const descriptors = countDescriptors(server.pid);
  setSoftLimit(server.pid, 'nofile', lowestFree(server.pid));
  const client = await openClient(server.port); // by the kernel alone
  await untilItSays(server, 'EMFILE');
  client.send(get('/'));
  const before = { cpu: cpuSeconds(server.pid), time: Date.now() };
  await new Promise((resolve) => setTimeout(resolve, 2_000)); // to observe
  const elapsed = (Date.now() - before.time) / 1000;
  expect(cpuSeconds(server.pid) - before.cpu).toBeLessThan(0.1 * elapsed);
  expect(client.received()).toBe('');
  setSoftLimit(server.pid, 'nofile', 1024);
  await waitFor('the client is answered', () => client.ended());
  expect(parseAnswer(client.received()).status).toBe(200);
  expect(count(server.output(), 'accept: EMFILE (Too many open files)\n')).toBe(
    1,
  );
  await calm(server, descriptors);
});

test('part 3 answers 503 when fork fails with EAGAIN, and recovers', async () => {
  // Root is exempt from this limit; the flag has root become nobody first.
  const server = await startStage('part3', ['--max-processes', '4000']);
  const descriptors = countDescriptors(server.pid);
  expect(parseAnswer(await ask(server.port, get('/'))).status).toBe(200);
  setSoftLimit(server.pid, 'nproc', 1);
  for (let i = 0; i < 20; i++) {
    expect(parseAnswer(await ask(server.port, get('/'))).status).toBe(503);
  }
  setSoftLimit(server.pid, 'nproc', 4_000);
  expect(parseAnswer(await ask(server.port, get('/'))).status).toBe(200);
  await untilItSays(
    server,
    'fork: EAGAIN (Resource temporarily unavailable)\n',
  );
  await calm(server, descriptors);
});

test('part 3 is not held up by a client that it turns away', async () => {
  const server = await startStage('part3', ['--max-processes', '1']);
  const silent = await openClient(server.port);
  await waitFor('it is turned away', () => silent.ended());
  expect(parseAnswer(silent.received()).status).toBe(503);
  expect(parseAnswer(await ask(server.port, get('/'))).status).toBe(503);
});

test('part 3 has no more than --max-children, and the others wait', async () => {
  const server = await startStage('part3', ['--max-children', '2']);
  const descriptors = countDescriptors(server.pid);
  const first = await openClient(server.port);
  const second = await openClient(server.port);
  await waitFor('both are served', () => childrenOf(server.pid).length === 2);
  const third = await openClient(server.port);
  third.send(get('/'));
  await untilItSays(server, 'wait in the queue');
  expect(childrenOf(server.pid)).toHaveLength(2);
  expect(third.received()).toBe('');
  first.send(get('/'));
  await waitFor('the third is answered', () => third.ended());
  expect(parseAnswer(third.received()).status).toBe(200);
  second.send(get('/'));
  await waitFor('the second is answered', () => second.ended());
  await calm(server, descriptors);
  expect(count(server.output(), '2 children: new connections wait')).toBe(1);
});
