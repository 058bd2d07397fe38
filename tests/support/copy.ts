/**
 * A copy of the course, for a command that writes into its folder.
 */
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Defer } from '../../tools/harness/programs';

const PARTS = [
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'tsconfig.mine.json',
  'part1-iterative',
  'part2-forking',
  'part3-reaping',
  'shared',
  'tools',
  'docs/exercises',
];

/** @returns its folder, which is gone when the test is over */
export function copyCourse(defer: Defer): string {
  const folder = mkdtempSync(join(tmpdir(), 'accept-fork-reap-'));
  defer(() => rmSync(folder, { recursive: true }));
  for (const part of PARTS) {
    cpSync(part, join(folder, part), { recursive: true });
  }
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  return folder;
}
