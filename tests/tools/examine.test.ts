/**
 * `npm run examine`, as somebody uses it on a server of their own.
 */
import { expect, test } from 'vitest';
import { waitFor } from '../../tools/harness/wait';
import { readProcess } from '../../tools/kernel/processes';
import { built, STAGES, startTool } from '../support/server';

const NODE = process.execPath;

/** Runs it to its end. */
async function examine(...args: string[]) {
  const program = startTool('examine', args);
  const { code } = await program.ended;
  return { code, output: program.output() };
}

test('examine says in the words of the kernel what is wrong', async () => {
  const server = [NODE, built(STAGES.part2), '--port', '{port}'];
  const only = ['--only', 'port,hanging,zombies'];
  const { code, output } = await examine(...only, ...server);
  expect(output).toMatch(/^✗ hanging +20 of 20 clients hang$/m);
  expect(output).toMatch(
    /^ {4}descriptor \d+ → 127\.0\.0\.1:\d+ ⇄ 127\.0\.0\.1:\d+ is still open in PID \d+ \(the parent\): the client got no FIN$/m,
  );
  expect(output).toMatch(/^✓ port +0 of 3 children keep the port$/m);
  expect(output).toMatch(/^2 of 3 go wrong: hanging, zombies\.$/m);
  expect(code).toBe(0);
});

test('examine counts the children that there are, and each once', async () => {
  // Its workers are made when the first client comes, and hold the listener.
  const server = `
import os, socket, sys, time
listener = socket.create_server(('::1', int(sys.argv[1])), family=socket.AF_INET6)
client, _ = listener.accept()
for _ in range(5):
    if os.fork() == 0:
        os.dup(listener.fileno())
        time.sleep(600)
time.sleep(600)
`;
  const only = ['--only', 'port,waiting'];
  const { output } = await examine(...only, 'python3', '-c', server, '{port}');
  expect(output).toMatch(/^✗ port +5 of 5 children keep the port$/m);
  expect(output).toMatch(/listens on \[::1\]:\d+$/m);
  expect(output).toMatch(/^ {4}7 connections wait to be accepted from/m);
});

test('examine says nothing of the queue of a server that has died', async () => {
  const server = `
import socket, sys
listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))
clients = [listener.accept()[0] for _ in range(8)]
clients[7].recv(1)
`;
  const command = ['python3', '-c', server, '{port}'];
  const { output } = await examine('--only', 'waiting', ...command);
  expect(output).toMatch(/^✗ waiting +last of 8 never answered$/m);
  expect(output).not.toMatch(/undefined|to be accepted/);
});

test('a server that a shell has become is no parent', async () => {
  const server = [NODE, built(STAGES.part1), '--port', '0', '--quiet'];
  const command = `/bin/true; exec ${server.join(' ')}`;
  const { output } = await examine('--only', 'waiting', 'sh', '-c', command);
  expect(output).toMatch(/^ {4}PID \d+ \(the server\) is sleeping in /m);
});

test('examine shows what a command looks like', async () => {
  const example = 'npm run examine -- python3 -m http.server {port}';
  expect((await examine()).output).toContain(example);
  const forgotten = await examine(NODE, '-e', 'process.exit(3)');
  expect(forgotten.output).toContain(`forgotten? An example: ${example}`);
});

test.each([
  [
    'that ends',
    [NODE, '-e', 'process.exit(3)', '{port}'],
    'ended with status 3',
  ],
  ['that is not there', ['/no/such/server', '{port}'], 'ENOENT'],
  [
    'of a file that is not there',
    [NODE, 'none.js', '{port}'],
    'Cannot find module',
  ],
])('examine has one line for a command %s', async (_, command, reason) => {
  const { code, output } = await examine(...command);
  expect(output).toMatch(/^examine: .*\n$/);
  expect(output).toContain(reason);
  expect(output).not.toContain('An example:'); // {port} is there
  expect(code).toBe(1);
});

test.each([
  ['no command', [], 'it takes the command of a server'],
  ['an unknown name', ['--only', 'zombie', 'server'], 'not "zombie"'],
])('examine has one line for %s', async (_, args, problem) => {
  const { code, output } = await examine(...args);
  expect(output).toMatch(/^examine: .*\n$/);
  expect(output).toContain(problem);
  expect(code).toBe(2);
});

test('examine names what a server has left behind, and ends it', async () => {
  const leave = 'setsid sleep 1000 >/dev/null 2>&1 & exec "$@"';
  const server = [NODE, built(STAGES.part1), '--port', '{port}'];
  const command = ['sh', '-c', leave, '-', ...server];
  const { code, output } = await examine('--only', 'hanging', ...command);
  expect(code).toBe(0);
  const [, pid = ''] =
    /left processes behind.*: (\d+) \(sleep\)/.exec(output) ?? [];
  expect(pid).not.toBe('');
  await waitFor('it is gone', () => {
    return ['Z', undefined].includes(readProcess(Number(pid))?.state);
  });
});
