/**
 * What each stage tells about itself, beside what the kernel says.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { formatPair } from '#shared/sockets';
import { waitFor } from '../../tools/harness/wait';
import { lowestFree } from '../../tools/kernel/descriptors';
import { childrenOf, readProcess } from '../../tools/kernel/processes';
import { findListeners, listSockets } from '../../tools/kernel/sockets';
import { type Client, get, openClient } from '../support/client';
import { chosenStages, startStage } from '../support/server';

/** The page `/`, by the names of its lines. */
async function askWhoServes(client: Client): Promise<Record<string, string>> {
  client.send(get('/'));
  const page = await waitFor('the answer is there', () => {
    const [, body = ''] = client.received().split('\r\n\r\n');
    return /^connection .*\n/m.test(body) && body;
  });
  const text = Buffer.from(page, 'latin1').toString(); // in UTF-8
  const rows = text.matchAll(/^(\w+) +(.*)$/gm);
  return Object.fromEntries([...rows].map(([, name, value]) => [name, value]));
}

test.each(chosenStages())(
  '%s says who serves, and over which connection, as the kernel does',
  async (stage) => {
    const server = await startStage(stage);
    const free = lowestFree(server.pid);
    // Node has opened its own first, the listener came after them.
    expect(findListeners([server.pid])[0]?.fd).toBeLessThan(free);
    const client = await openClient(server.port);
    const pair = `127.0.0.1:${server.port} ⇄ 127.0.0.1:${client.port}`;
    // Both ends, and others, perhaps: a port may have many connections.
    const names = listSockets({ port: client.port }).map(formatPair);
    const [one, other] = pair.split(' ⇄ ');
    expect(names).toEqual(expect.arrayContaining([pair, `${other} ⇄ ${one}`]));
    const page = await askWhoServes(client);
    expect(page).toMatchObject({ descriptor: `${free}`, connection: pair });
    const parent = stage === 'part1' ? process.pid : server.pid;
    expect(page.parent).toBe(`${parent}`);
    if (stage === 'part1') expect(page.process).toBe(`${server.pid}`);
  },
);

test('part2 answers each client in another child, on the next descriptor', async () => {
  const range = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
  const [min = 0, max = 0] = range.split('\t').map(Number);
  const server = await startStage('part2');
  const free = lowestFree(server.pid);
  const pids = [];
  for (const expected of [free, free + 1, free + 2]) {
    const client = await openClient(server.port);
    expect(client.port).toBeGreaterThanOrEqual(min); // an ephemeral port
    expect(client.port).toBeLessThanOrEqual(max);
    const page = await askWhoServes(client);
    expect(page.descriptor).toBe(`${expected}`);
    pids.push(Number(page.process));
  }
  expect(childrenOf(server.pid)).toEqual(pids);
  for (const pid of pids) expect(readProcess(pid)?.parent).toBe(server.pid);
});
