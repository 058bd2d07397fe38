/**
 * Figures in words, for people.
 */
export { wrap } from '#shared/text';

/** `0.42 ms`, `17 ms`, `1.03 s`, `75 s`, `12 min`: so many milliseconds. */
export function formatTime(ms: number): string {
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  if (ms < 1_000) return `${ms.toFixed(0)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(2)} s`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(0)} s`;
  return `${(ms / 60_000).toFixed(0)} min`;
}

/** `2 s`, `12 min`, `3 h`, `5 d`: how old something is, in seconds. */
export function formatAge(seconds: number): string {
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** `1 client`, `300 clients`. */
export function count(
  number: number,
  noun: string,
  plural = `${noun}s`,
): string {
  return `${number} ${number === 1 ? noun : plural}`;
}

/** How often each of some texts occurs, the most frequent first. */
export function countEach(texts: string[]): [text: string, number: number][] {
  const numbers = new Map<string, number>();
  for (const text of texts) numbers.set(text, (numbers.get(text) ?? 0) + 1);
  return [...numbers].sort(([, a], [, b]) => b - a);
}

/** The first few of many: `4711, 4712, 4713 … and 297 more`. */
export function listSome(items: (string | number)[], shown = 5): string {
  const rest = items.length - shown;
  const first = items.slice(0, shown).join(', ');
  return rest > 0 ? `${first} … and ${rest} more` : first;
}

/** `1,048,576`; `no limit` for what has none. */
export function plainNumber(number: number): string {
  return number === Infinity ? 'no limit' : number.toLocaleString('en-US');
}
