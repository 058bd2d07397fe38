/**
 * Where a command is, for somebody who waits.
 */

/** A line that the next one takes the place of. Only for somebody watching. */
export function showProgress(line: string): void {
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${line}`);
}
