/**
 * Where a command is, for somebody who waits.
 */
import { shorten } from '#shared/text';

/** A line that the next one takes the place of. Only for somebody watching. */
export function showProgress(line: string): void {
  const { isTTY, columns } = process.stdout;
  if (isTTY)
    process.stdout.write(`\r\x1b[K${shorten(line, (columns || 80) - 1)}`);
}
