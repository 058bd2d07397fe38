/**
 * The words of the exercises. There is one source of them, a page of the
 * course: docs/exercises/README.md.
 */
import { readFileSync } from 'node:fs';
import { wrap } from '../common/words';

const PAGE = 'docs/exercises/README.md';

/** What the page says of one exercise, in Markdown. */
export interface Words {
  number: number;
  title: string;
  /** `After chapter 2` */
  after: string;
  /** What is to be done. */
  task: string;
  /** What to predict. */
  question: string;
  hints: string[];
  solution: string;
}

const HEADING = /^## (\d+)\. (.*)$/m;
const DETAILS =
  /<details>\n<summary>(Hint \d|Solution)<\/summary>\n\n([\s\S]*?)\n\n<\/details>/g;

/** All of them, in the order of the page. */
export function readWords(page = readFileSync(PAGE, 'utf8')): Words[] {
  // The number and the title of each, and then what follows.
  const [, ...pieces] = page.split(HEADING);
  const all: Words[] = [];
  while (pieces.length > 0) {
    const [number, title = '', text = ''] = pieces.splice(0, 3);
    all.push({ number: Number(number), title, ...readSection(text) });
  }
  return all;
}

function readSection(text: string): Omit<Words, 'number' | 'title'> {
  const details = [...text.matchAll(DETAILS)];
  const folded = (name: RegExp) =>
    details.filter(([, summary = '']) => name.test(summary)).map((it) => it[2]);
  const [open = ''] = text.split('<details>');
  const [, after = '', all = ''] =
    /^\s*\*(.*?)\.\*\s+([\s\S]*)$/.exec(open) ?? [];
  const [task = '', question = ''] = all.split('**Predict:**');
  const [solution = ''] = folded(/^Solution/);
  return {
    after: plainText(after),
    task: task.trim(),
    question: question.trim(),
    hints: folded(/^Hint/).map((hint = '') => hint),
    solution,
  };
}

/** Markdown without its links and its emphasis. */
function plainText(markdown: string): string {
  return markdown
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/\*\*(.+?)\*\*/g, '$1')
    .replace(/(?<![\w*])\*([^\s*][^*]*)\*/g, '$1');
}

/** Markdown as lines of text, broken between words. */
export function linesOf(markdown: string, width: number): string[] {
  const blocks = markdown.split(/\n{2,}|\n(?=- )/);
  return blocks.flatMap((block, index) => {
    const isItem = block.startsWith('- ');
    const space = index === 0 || isItem ? [] : [''];
    return [...space, ...linesOfBlock(block, width)];
  });
}

function linesOfBlock(block: string, width: number): string[] {
  if (block.startsWith('```')) {
    const code = block.split('\n').slice(1, -1);
    return code.map((line) => `    ${line}`);
  }
  const [first, rest] = block.startsWith('- ') ? ['- ', '  '] : ['', ''];
  const text = plainText(block.slice(first.length)).replace(/\s+/g, ' ');
  const lines = wrap(text, width - first.length);
  return lines.map((line, index) => (index === 0 ? first : rest) + line);
}
