/**
 * Part 3 where memory runs out: a child is what the kernel ends, and not the
 * parent with all its clients.
 */
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startProgram } from '../../tools/harness/programs';
import { waitFor } from '../../tools/harness/wait';
import { childrenOf, readText } from '../../tools/kernel/processes';
import {
  ask,
  type Client,
  get,
  openClient,
  parseAnswer,
} from '../support/client';
import { built, STAGES, untilItListens } from '../support/server';

/** Where a group for memory can be made: cgroups(7), version 1 and 2. */
const VERSIONS = [
  { root: '/sys/fs/cgroup/memory', limit: 'memory.limit_in_bytes' },
  { root: '/sys/fs/cgroup', limit: 'memory.max' },
];

/** @returns the group's folder, or null where none can be made */
function limitMemory(bytes: number): string | null {
  for (const { root, limit } of VERSIONS) {
    const folder = join(root, `part3-${process.pid}`);
    try {
      mkdirSync(folder);
      onTestFinished(() => rmdirSync(folder));
      writeFileSync(join(folder, limit), `${bytes}`);
      return folder;
    } catch {
      // Not permitted, or of the other version.
    }
  }
  return null;
}

test('part 3 loses a child and not itself when memory runs out', async ({
  skip,
}) => {
  const group = limitMemory(130 * 2 ** 20) ?? '';
  skip(group === '', 'no memory cgroup can be made here');
  const join = `echo $$ > ${group}/cgroup.procs && exec "$@"`;
  const server = [process.execPath, built(STAGES.part3), '--port', '0'];
  const flags = ['--max-children', '500', '--timeout', '60'];
  const program = startProgram(
    ['sh', '-c', join, '-', ...server, ...flags],
    onTestFinished,
  );
  const { port, pid } = await untilItListens(program, 'part3');
  const killed = () => /killed by SIGKILL/.test(program.output());
  const clients: Client[] = [];
  while (clients.length < 400 && !killed() && !program.exit()) {
    clients.push(await openClient(port)); // says nothing: its child waits
    await waitFor('it is served', () => {
      const { length } = childrenOf(pid);
      return killed() || program.exit() || length === clients.length;
    });
  }
  expect(killed()).toBe(true);
  expect(program.exit()).toBeNull();
  const [child = 0] = childrenOf(pid);
  expect(readText(`/proc/${child}/oom_score_adj`)).toBe('1000\n');
  expect(readText(`/proc/${pid}/oom_score_adj`)).toBe('0\n');
  // With room again, it serves as before.
  for (const { socket } of clients) socket.destroy();
  await waitFor('no child is left', () => childrenOf(pid).length === 0);
  expect(parseAnswer(await ask(port, get('/'))).status).toBe(200);
});
