/**
 * Lines of text in pieces, each with a style: cut to a width before they are
 * painted, because escape sequences have no width.
 */
import chalk from 'chalk';

const STYLES = {
  plain: (text: string) => text,
  bold: chalk.bold,
  dim: chalk.dim,
  good: chalk.green,
  busy: chalk.cyan,
  warn: chalk.yellow,
  bad: chalk.red,
  dead: chalk.magenta,
  title: chalk.bold.inverse,
};

export type Style = keyof typeof STYLES;
/** A text without control characters, and how it looks. */
export type Piece = [text: string, style?: Style];
export type Line = Piece[];

/** Cut to a width; an ellipsis says that something is missing. */
export function cut(line: Line, width: number): Line {
  if (widthOf(line) <= width) return line;
  let room = Math.max(0, width - 1);
  const kept: Line = [];
  for (const [text, style = 'plain'] of line) {
    kept.push([text.slice(0, room), style]);
    room = Math.max(0, room - text.length);
  }
  return [...kept, ['…', 'dim']];
}

function widthOf(line: Line): number {
  return line.reduce((sum, [text]) => sum + text.length, 0);
}

/** A line as the terminal wants it. */
export function coloured(line: Line): string {
  return line
    .map(([text, style = 'plain']) => STYLES[style](text))
    .join('')
    .trimEnd();
}

/** How wide the column is in which the sections have their names. */
export const HEADING = 13;

export function heading(title: string): Piece {
  return [` ${title.padEnd(HEADING)}`, 'bold'];
}

/** A text at the right edge, one column free, two columns from the rest. */
export function flushRight(text: string, left: Line, columns: number): Piece {
  const room = Math.max(text.length + 2, columns - widthOf(left) - 1);
  return [text.padStart(room), 'dim'];
}
