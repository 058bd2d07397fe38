/**
 * A reader's folder: their files, how those begin and how far they are from
 * the solution; what has been done so far; and who else is at it.
 */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { diffOf } from '../common/diff';
import { Obstacle } from '../common/run';
import { takeName } from '../harness/servers';
import type { Edit, Exercise } from './exercises';
import { linesOf, type Words } from './page';

/** Where a reader's files are: ignored by git, and by every other command. */
export const MINE = 'mine';
const FILE = join(MINE, 'progress.json');

/** What is remembered of an exercise that has been begun. */
export interface Attempt {
  solved: boolean;
  /** How many hints have been shown. */
  hints: number;
  /** Empty if the reader had none; not there if nobody has asked. */
  prediction?: string;
  /** The command of a server in another language. */
  command?: string[];
}

export type Attempts = Record<string, Attempt>;

/** @throws Obstacle if the file is not as we have written it */
export function readAttempts(): Attempts {
  if (!existsSync(FILE)) return {};
  try {
    const read: unknown = JSON.parse(readFileSync(FILE, 'utf8'));
    if (areAttempts(read)) return read;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new Obstacle(
    `${FILE} is damaged: mend it, or remove it to begin with none solved`,
  );
}

function areAttempts(read: unknown): read is Attempts {
  if (typeof read !== 'object' || read === null) return false;
  return Object.values(read).every(
    (one) => typeof one?.solved === 'boolean' && typeof one.hints === 'number',
  );
}

export function attemptOf(name: string): Attempt {
  return readAttempts()[name] ?? { solved: false, hints: 0 };
}

/** Remembers what has changed of one attempt. */
export function note(name: string, change: Partial<Attempt>): Attempt {
  const attempt = { ...attemptOf(name), ...change };
  writeAttempts({ ...readAttempts(), [name]: attempt });
  return attempt;
}

/** Forgets an attempt. */
export function forgetAttempt(name: string): void {
  const { [name]: _, ...others } = readAttempts();
  writeAttempts(others);
}

function writeAttempts(attempts: Attempts): void {
  mkdirSync(MINE, { recursive: true });
  // Under another name first: whoever reads it meanwhile finds it whole.
  writeFileSync(`${FILE}.new`, `${JSON.stringify(attempts, null, 2)}\n`);
  renameSync(`${FILE}.new`, FILE);
}

/**
 * Makes this process the only one at work in mine/, as long as it runs.
 *
 * @param what what it is at, for somebody else who would like to
 * @throws Obstacle if there is another one
 */
export async function takeMine(what: string): Promise<void> {
  mkdirSync(MINE, { recursive: true });
  const { dev, ino } = statSync(MINE);
  const path = `\0accept-fork-reap/${dev}/${ino}`;
  const words = `${what} is open in another terminal (PID ${process.pid})`;
  if (await takeName(path, words)) return;
  const who = await text(connect(path)).catch(() => '');
  const somebody = who || 'an exercise is open in another terminal';
  throw new Obstacle(`${somebody}: end it there, with q`);
}

/** An exercise, its words, and how it is solved. */
export interface Task {
  exercise: Exercise;
  words: Words;
  /** The program in mine/ that it is solved in, without `.ts`. */
  program: string;
  /** A server in another language, instead of a file of ours. */
  command: string[] | null;
}

// What an editor needs to find #shared/*.
const EDITOR_CONFIG = join(MINE, 'tsconfig.json');

/** Writes the file that a reader begins with, unless it is there. */
export function begin({ exercise, words, program }: Task): void {
  const file = `${program}.ts`;
  if (exercise.start === null || existsSync(file)) return;
  mkdirSync(MINE, { recursive: true });
  writeFileSync(EDITOR_CONFIG, '{ "extends": "../tsconfig.mine.json" }\n');
  const { number } = words;
  const named = startOf(exercise).replace(
    NAME,
    `$1('exercise-${number}', 'your exercise ${number}'`,
  );
  writeFileSync(file, headerOf(words) + withoutHeader(named));
}

/** What the last line of each server says: its name, and its title. */
const NAME = /^(start\w*)\('[\w-]+', '[^']*'/m;

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
  return editedSource(start ?? '', edits);
}

/** The source of a program, with edits. @throws Error if it has no such part */
export function editedSource(program: string, edits: Edit[]): string {
  let source = readFileSync(`${program}.ts`, 'utf8');
  for (const [part, replacement] of edits) {
    if (!source.includes(part)) throw new Error(`${program} has no "${part}"`);
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
  { exercise, program }: Task,
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
  return withoutHeader(source).replace(NAME, "$1('…', '…'");
}
