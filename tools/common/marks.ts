/**
 * Good and bad at a glance: a mark for everybody, and a colour for those who
 * have one.
 */
import chalk from 'chalk';

/** What somebody who looks thinks of what they have seen. */
export type Verdict = 'good' | 'bad' | 'none';

export const MARKS = { good: '✓', bad: '✗', none: '·' } as const;

const COLOURS = {
  good: chalk.green,
  bad: chalk.red,
  none: chalk.dim,
} as const;

export function paint(verdict: Verdict, text: string): string {
  return COLOURS[verdict](text);
}
