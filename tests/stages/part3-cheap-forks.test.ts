/**
 * What makes a fork cheap: how the heap of a server lies, read back from the
 * kernel, and that its children compile nothing, told by V8.
 */
import { release } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { type Mapping, mappingsOf } from '#shared/node/memory';
import { startProgram } from '../../tools/harness/programs';
import { readText } from '../../tools/kernel/processes';
import { ask, get } from '../support/client';
import { built, STAGES, shareStage, untilItListens } from '../support/server';

const MiB = 2 ** 20;

const GiB = 1024 * MiB;

/** The size of the largest mapping, in bytes. */
function largest(mappings: Mapping[]): number {
  return Math.max(...mappings.map(({ start, end }) => end - start));
}

/** Mappings that lie together, far away from all others. */
function findIslands(mappings: Mapping[]): Mapping[][] {
  const islands: Mapping[][] = [];
  for (const mapping of mappings) {
    const last = islands.at(-1);
    const shore = last?.at(-1)?.end ?? Number.NEGATIVE_INFINITY;
    if (last && mapping.start - shore < GiB) last.push(mapping);
    else islands.push([mapping]);
  }
  return islands;
}

const server = shareStage('part3');

test('the heap lies in one place', () => {
  const { pid } = server;
  const heaps = findIslands(mappingsOf(pid)).filter(
    (island) =>
      island.every(({ name }) => name === '') && largest(island) > 2 * MiB,
  );
  expect(heaps).toHaveLength(1);
});

test("C's heap lies in huge pages", ({ skip }) => {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  skip(major * 100 + minor < 601, 'Linux joins pages on demand since 6.1');
  const size = readText('/sys/kernel/mm/transparent_hugepage/hpage_pmd_size');
  skip(Number(size) !== 2 * MiB, 'no huge pages of 2 MiB here');
  const { pid } = server;
  const heap = mappingsOf(pid).find(({ name }) => name === '[heap]');
  expect((heap?.start ?? 1) % (2 * MiB)).toBe(0);
  // Two at the least: without them, less than 3 MiB of it have memory.
  const smaps = readText(`/proc/${pid}/smaps`) ?? '';
  const [, kB] = /\[heap\]\n(?:.*\n)*?Rss:\s+(\d+)/.exec(smaps) ?? [];
  expect(Number(kB) * 1024).toBeGreaterThanOrEqual(4 * MiB);
});

test('of the addresses that were taken to pack it none is kept', () => {
  expect(largest(mappingsOf(server.pid))).toBeLessThan(64 * GiB);
});

// Without the order to stop, V8 compiles something in every child.
test('no child compiles anything', async () => {
  const node = [process.execPath, '--trace-opt', '--trace-deopt'];
  const args = [built(STAGES.part3), '--port', '0', '--quiet'];
  const program = startProgram([...node, ...args], onTestFinished);
  const { port } = await untilItListens(program, 'part3');
  const clients = Array.from({ length: 8 }, async () => {
    for (let round = 0; round < 40; round++) await ask(port, get('/'));
  });
  await Promise.all(clients);
  const [, said = ''] = program.output().split('listens on');
  // The parent throws away once what it has only rehearsed.
  const events = said.match(/compiling|optimizing|bailout/g) ?? [];
  expect(events.length).toBeLessThan(20);
});
