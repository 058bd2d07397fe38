/**
 * Servers that are broken on purpose, made from those that are not.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { built } from './server';

/** Which part of the compiled server becomes what. */
export type Edit = [part: RegExp, replacement: string];

/**
 * A compiled server with edits. It lies as deep as the original, so that it
 * finds its imports, and is gone when the test is over.
 *
 * @param file the original, in build/
 * @returns where it is
 */
export function mutate(file: string, edits: Edit[]): string {
  const original = built(file);
  let code = readFileSync(original, 'utf8');
  for (const [part, replacement] of edits) {
    expect(part.test(code), `${file} still has ${part}`).toBe(true);
    code = code.replace(part, replacement);
  }
  const folder = mkdtempSync(resolve(original, '../../mutant-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const mutant = join(folder, basename(file));
  writeFileSync(mutant, code);
  return mutant;
}
