/**
 * The chapters in docs/, and the code fences in them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const DOCS = 'docs';

/** A code fence, and where it stands. */
export interface Fence {
  /** The words behind the three backquotes: `console terminal 1`. */
  info: string;
  /** The lines between the fences. */
  lines: string[];
  /** The index of the first of these lines in the chapter. */
  start: number;
  /** The heading above it. */
  heading: string;
}

/** A page of the course. */
export interface Chapter {
  file: string;
  lines: string[];
  fences: Fence[];
}

/** Every Markdown page, in the order of the course. */
export function readChapters(): Chapter[] {
  const names = [DOCS, join(DOCS, 'exercises')].flatMap((folder) =>
    readdirSync(folder).map((name) => join(folder, name)),
  );
  const pages = names.filter((name) => name.endsWith('.md')).sort();
  return pages.map(readChapter);
}

export function readChapter(file: string): Chapter {
  const lines = readFileSync(file, 'utf8').split('\n');
  return { file, lines, fences: findFences(lines) };
}

function findFences(lines: string[]): Fence[] {
  const fences: Fence[] = [];
  let open: Fence | null = null;
  let heading = '';
  for (const [index, line] of lines.entries()) {
    if (open && line === '```') {
      fences.push(open);
      open = null;
    } else if (open) {
      open.lines.push(line);
    } else if (line.startsWith('```')) {
      open = { info: line.slice(3), lines: [], start: index + 1, heading };
    } else if (line.startsWith('#')) {
      heading = line.replace(/^#+ /, '');
    }
  }
  return fences;
}

/** A chapter's text with other lines in some of its fences. */
export function replaceFences(
  { lines, fences }: Chapter,
  contents: Map<Fence, string[]>,
): string {
  const text = [...lines];
  for (const fence of fences.toReversed()) {
    const content = contents.get(fence);
    if (content) text.splice(fence.start, fence.lines.length, ...content);
  }
  return text.join('\n');
}
