/**
 * Addresses: a connection is named by both its ends.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { listSockets } from '../shared/netstat';
import { formatPair } from '../shared/sockets';
import { waitFor } from '../tools/experiments/wait';
import { type Client, get, openClient } from './support/client';
import { STAGE_NAMES, startStage } from './support/server';

/** The socket pair that a stage reports to its client. */
async function reportedPair(client: Client): Promise<string> {
  client.send(get('/'));
  const found = await waitFor('the connection is named', () =>
    /^connection +(.*)\n/m.exec(client.received()),
  );
  return Buffer.from(found[1] ?? '', 'latin1').toString(); // in UTF-8
}

test.each(STAGE_NAMES)(
  '%s names the socket pair that the kernel has',
  async (stage) => {
    const server = await startStage(stage);
    const client = await openClient(server.port);
    const pairs = listSockets({ port: client.port }).map(formatPair);
    // And others, perhaps: a port may have many connections.
    expect(pairs).toEqual(
      expect.arrayContaining([
        `127.0.0.1:${server.port} ⇄ 127.0.0.1:${client.port}`,
        `127.0.0.1:${client.port} ⇄ 127.0.0.1:${server.port}`,
      ]),
    );
    expect(pairs).toContain(await reportedPair(client));
  },
);

test('the clients of part2 have ephemeral ports, and share the server’s', async () => {
  const range = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
  const [min = 0, max = 0] = range.split('\t').map(Number);
  const server = await startStage('part2');
  const clients = [
    await openClient(server.port),
    await openClient(server.port),
  ];
  const pairs = await Promise.all(clients.map(reportedPair));
  expect(new Set(pairs).size).toBe(2);
  for (const { port } of clients) {
    expect(port).toBeGreaterThanOrEqual(min);
    expect(port).toBeLessThanOrEqual(max);
  }
  for (const pair of pairs) expect(pair).toContain(`:${server.port} ⇄ `);
});
