/**
 * Servers that are broken on purpose, made from those that are not.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { expect } from 'vitest';
import type { Edit } from '../../tools/exercise/exercises';
import { editedSource } from '../../tools/exercise/mine';

export type { Edit };

/** A server, and what is to be changed in it. */
export interface Mutant {
  /** The original, as in STAGES. */
  program: string;
  edits: Edit[];
}

/**
 * Writes servers with edits and compiles them, all at once. They lie in a
 * folder of this repository, so that they find their imports.
 *
 * @returns the program that each has become, and what removes them again
 */
export function compileMutants<Name extends string>(
  mutants: Record<Name, Mutant>,
): { programs: Record<Name, string>; remove: () => void } {
  mkdirSync('build', { recursive: true });
  const folder = mkdtempSync(resolve('build', 'mutants-'));
  const names = Object.keys(mutants) as Name[];
  const programs = names.map((name, i) => {
    const file = join(folder, `mutant-${i}`);
    const { program, edits } = mutants[name];
    writeFileSync(`${file}.ts`, editedSource(program, edits));
    return [name, relative('build', file)];
  });
  // Without a look at types or imports: those of the originals are right.
  const flags = '--module commonjs --target es2022 --noCheck --noResolve';
  const files = programs.map(([, program]) => `build/${program}.ts`);
  const { status, stdout } = spawnSync(
    'node_modules/.bin/tsc',
    ['--ignoreConfig', ...flags.split(' '), ...files],
    { encoding: 'utf8' },
  );
  expect(status, stdout).toBe(0);
  const remove = () => rmSync(folder, { recursive: true });
  return { programs: Object.fromEntries(programs), remove };
}
