/**
 * The difference between two stages, as the chapters show it.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * What diff(1) says of two source files, less what a reader of a chapter has
 * no use for, or should not know yet: the comment at the top of each, the
 * summary for --help at the end, and the numbers of lines.
 */
export function differenceOf(before: string, after: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'accept-fork-reap-'));
  try {
    const files = [before, after].map((file, index) => {
      const copy = join(folder, `${index}`);
      writeFileSync(copy, withoutSummary(readFileSync(file, 'utf8')));
      return copy;
    });
    const { stdout } = spawnSync('diff', ['-U2', ...files], {
      encoding: 'utf8',
    });
    const lines = stdout.trimEnd().split('\n').slice(2);
    return lines.map((line) => (line.startsWith('@@') ? '@@ … @@' : line));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function withoutSummary(source: string): string {
  return source
    .replace(/^\/\*\*[\s\S]*?\*\/\n/, '')
    .replace(/^(start\w*\('\w+', )'[^']*'/m, "$1'…'");
}
