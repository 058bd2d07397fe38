/**
 * What diff(1) says of two texts.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * @param context how many lines to show that stay, above and below
 * @returns its lines; instead of numbers of lines, `@@ … @@`
 */
export function diffOf(
  before: string,
  after: string,
  context: number,
): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'accept-fork-reap-'));
  try {
    const files = [before, after].map((text, index) => {
      const copy = join(folder, `${index}`);
      writeFileSync(copy, text);
      return copy;
    });
    const { stdout } = spawnSync('diff', [`-U${context}`, ...files], {
      encoding: 'utf8',
    });
    const lines = stdout.trimEnd().split('\n').slice(2);
    return lines.map((line) => (line.startsWith('@@') ? '@@ … @@' : line));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
