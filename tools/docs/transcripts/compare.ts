/**
 * Whether two transcripts say the same, in substance.
 */

/** Whether the same lines came out, in whatever order and columns. */
export function alike(some: string[], others: string[]): boolean {
  return substance(some).join('\n') === substance(others).join('\n');
}

/**
 * What a transcript says: not in which order processes that run at the same
 * time said it, nor how wide the columns were, nor how long it took exactly.
 */
export function substance(lines: string[]): string[] {
  return (
    lines
      .map((line) =>
        line
          .replace(/\s+/g, ' ')
          .trim()
          .replace(/\d+\.\d+ s\b/g, (time) =>
            Number.parseFloat(time) < 1 ? 'at once' : 'after seconds',
          )
          // Programs have versions, and put things in words of their own.
          .replace(/^curl: (\(\d+\)).*/, 'curl: $1')
          .replace(/^(\[\d+\] (?:read|write)\(.*) \d+\) = \d+$/, '$1')
          .replace(/(poll\(…, 1, )\d+/, '$1…')
          .replace(/^(\[\d+\] signal\().*/, '$1'),
      )
      // One more for each mapping that the kernel keeps to itself, and for each
      // signal that a version of Node handles.
      .filter((line, index, all) => {
        return !/ (madvise|signal)\(/.test(line) || all.indexOf(line) === index;
      })
      .filter((line) => !line.startsWith('--max-processes does not bind root'))
      .sort()
  );
}
