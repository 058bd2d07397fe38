/**
 * The difference between two stages, as the chapters show it.
 */
import { readFileSync } from 'node:fs';
import { diffOf } from '../common/diff';

/**
 * What diff(1) says of two source files, less what a reader of a chapter has
 * no use for, or should not know yet: the comment at the top of each, the
 * summary for --help at the end, and the numbers of lines.
 */
export function differenceOf(before: string, after: string): string[] {
  const [one = '', other = ''] = [before, after].map((file) =>
    withoutSummary(readFileSync(file, 'utf8')),
  );
  return diffOf(one, other, 2);
}

function withoutSummary(source: string): string {
  return source
    .replace(/^\/\*\*[\s\S]*?\*\/\n/, '')
    .replace(/^(start\w*\('\w+', )'[^']*'/m, "$1'…'");
}
