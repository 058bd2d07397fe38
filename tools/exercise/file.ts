/**
 * A reader's file: how it begins, and how far it is from the solution.
 */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { diffOf } from '../common/diff';
import type { Exercise } from './exercises';
import { MINE } from './mine';
import { linesOf, type Words } from './page';

/** The program in mine/ that an exercise is solved in, without `.ts`. */
export function programOf({ name }: Exercise, { number }: Words): string {
  return join(MINE, `${number}-${name}`);
}

// What an editor needs to find #shared/*.
const EDITOR_CONFIG = join(MINE, 'tsconfig.json');

/** Writes the file that a reader begins with, unless it is there. */
export function begin(exercise: Exercise, words: Words): void {
  const file = `${programOf(exercise, words)}.ts`;
  if (exercise.start === null || existsSync(file)) return;
  mkdirSync(MINE, { recursive: true });
  writeFileSync(EDITOR_CONFIG, '{ "extends": "../tsconfig.mine.json" }\n');
  const source = startOf(exercise);
  const { number } = words;
  const named = source.replace(
    /^(start\w*)\('\w+', '[^']*'/m,
    `$1('exercise-${number}', 'your exercise ${number}'`,
  );
  writeFileSync(file, headerOf(words) + withoutHeader(named));
}

/** Puts a reader's file aside. @returns what it is called now */
export function putAside(program: string): string | null {
  if (!existsSync(`${program}.ts`)) return null;
  let kept = `${program}.old.ts`;
  for (let i = 2; existsSync(kept); i++) kept = `${program}.old${i}.ts`;
  renameSync(`${program}.ts`, kept);
  return kept;
}

/** The source of what a reader begins with, as it is in the course. */
function startOf({ start, edits = [] }: Exercise): string {
  let source = readFileSync(`${start}.ts`, 'utf8');
  for (const [part, replacement] of edits) {
    if (!source.includes(part)) throw new Error(`${start} has no "${part}"`);
    source = source.replace(part, replacement);
  }
  return source;
}

const COMMENT_WIDTH = 77; // and 3 for what is before it

function headerOf({ number, title, after, task, question }: Words): string {
  const lines = [
    `Exercise ${number}: ${title}`,
    '',
    ...linesOf(`${after}. ${task}`, COMMENT_WIDTH),
    '',
    ...linesOf(`Predict: ${question}`, COMMENT_WIDTH),
  ];
  const body = lines.map((line) => ` * ${line}`.trimEnd());
  return ['/**', ...body, ' */', ''].join('\n');
}

function withoutHeader(source: string): string {
  return source.replace(/^\/\*\*[\s\S]*?\*\/\n/, '');
}

/** What has to change in a reader's file, as diff(1) has it. */
export function stepsTo(
  solution: string,
  exercise: Exercise,
  program: string,
): string[] {
  const after = comparable(readFileSync(`${solution}.ts`, 'utf8'));
  const kept = new Set(after.split('\n'));
  // Comments that came with the stage are not the reader's.
  const stages = new Set(startOf(exercise).split('\n').filter(isComment));
  const before = comparable(readFileSync(`${program}.ts`, 'utf8'))
    .split('\n')
    .filter((line) => kept.has(line) || !stages.has(line));
  return diffOf(before.join('\n'), after, 2);
}

function isComment(line: string): boolean {
  return /^\s*(\/\/|\/\*\*|\*)/.test(line);
}

/** Without what each file has of its own: its header and its name. */
function comparable(source: string): string {
  return withoutHeader(source).replace(
    /^(start\w*)\('[\w-]+', '[^']*'/m,
    "$1('…', '…'",
  );
}
