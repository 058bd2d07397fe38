import { expect, test } from 'vitest';
import { waitFor } from '../../tools/harness/wait';
import { serversOf, startTool } from '../support/server';

const FLAGS = '--requests 1000 --asleep 3'.split(' ');

test('soak: a thousand requests leave nothing but those asleep', async () => {
  const soak = startTool('soak', FLAGS);
  expect(await soak.ended).toEqual({ code: 0, signal: null });
  expect(soak.output()).toMatch(
    /^3 children are asleep, each with \d+ kB of its own\n\n {2}requests .*\n +1000 +\d+ +0 +\d+ .*\n\nAfter 1000 requests it is as after 1000\.\n$/,
  );
});

test('soak: a server that ends is an error in one line', async () => {
  const soak = startTool('soak', FLAGS);
  const [server = 0] = await waitFor('it serves', () => {
    const servers = serversOf(soak.pid);
    return servers.length > 1 && servers; // the fresh one, too
  });
  process.kill(server, 'SIGKILL');
  expect(await soak.ended).toEqual({ code: 1, signal: null });
  expect(soak.output()).toMatch(/^soak: .+\n$/m);
  expect(soak.output()).not.toMatch(/^ +at /m);
});
