/**
 * What a reader sees, in lines of a terminal of 80 columns.
 */
import { readFileSync } from 'node:fs';
import chalk from 'chalk';
import { printable } from '#shared/text';
import { MARKS, paint } from '../common/marks';
import { count, wrap } from '../common/words';
import type { Finding } from '../experiments/findings';
import { type Aim, EXERCISES, reasonFor, wordsOf } from './exercises';
import { type Attempt, attemptOf, readAttempts, type Task } from './mine';
import { linesOf, type Words } from './page';
import type { Problem } from './round';

const WIDTH = 78;

/** Says something of ours. */
export function say(text: string): void {
  console.log(wrap(text, WIDTH).join('\n'));
}

/** Shows a piece of the page. */
export function show(markdown: string): void {
  console.log(linesOf(markdown, WIDTH).join('\n'));
}

// The list ////////////////////////////////////////////////////////////////////

export function showList(words: Words[]): void {
  const attempts = readAttempts();
  const width = Math.max(...words.map(({ title }) => title.length));
  let last = '';
  for (const [index, exercise] of EXERCISES.entries()) {
    const { number = 0, title = '', after = '' } = words[index] ?? {};
    const lines = linesOf(after, WIDTH);
    if (after !== last) console.log(`\n${chalk.dim(lines.join('\n'))}`);
    last = after;
    const state = stateOf(attempts[exercise.name]);
    const row = `${String(number).padStart(2)}  ${title.padEnd(width)}`;
    console.log(`  ${state.mark} ${row}  ${state.words}`);
  }
  const next = EXERCISES.findIndex(({ name }) => !attempts[name]?.solved);
  const isOwn = EXERCISES[next]?.start === null;
  console.log(`\n  ${bar()}`);
  const how =
    next === -1
      ? 'All are solved. npm run exercise 1 looks at one again.'
      : `npm run exercise ${next + 1}${isOwn ? ' -- COMMAND' : ''} is the next.`;
  console.log(`\n${how}`);
}

function stateOf(attempt?: Attempt): { mark: string; words: string } {
  if (!attempt) return { mark: ' ', words: 'new' };
  const { solved, hints } = attempt;
  const help = hints > 0 ? `, ${count(hints, 'hint')}` : '';
  return solved
    ? { mark: paint('good', MARKS.good), words: `solved${help}` }
    : { mark: MARKS.none, words: `begun${help}` };
}

const BAR = 39;

/** `█████████░░░░░  4 of 13 solved` */
export function bar(): string {
  const attempts = readAttempts();
  const all = EXERCISES.length;
  const solved = EXERCISES.filter(({ name }) => attempts[name]?.solved).length;
  const full = Math.round((BAR * solved) / all);
  const cells = '█'.repeat(full) + '░'.repeat(BAR - full);
  return `${cells}  ${solved} of ${all} solved`;
}

// One exercise ////////////////////////////////////////////////////////////////

export function showTask({ number, title, task, question }: Words): void {
  console.log(`\n${chalk.inverse.bold(` ${number} `)}  ${chalk.bold(title)}\n`);
  show(task);
  const lines = linesOf(`Predict: ${question}`, WIDTH);
  console.log(`\n${chalk.cyan(lines.join('\n'))}`);
}

/** What the compiler says, with the line that it is about. */
export function showProblems(problems: Problem[]): void {
  const [first] = problems;
  console.log(paint('bad', `${MARKS.bad} It does not compile.`));
  for (const { file, line, column, message } of problems.slice(0, SHOWN)) {
    if (!line) {
      if (message === first?.message) say(`  ${message}`);
      continue; // what belongs to the problem above
    }
    console.log(`  ${file}:${line}:${column}`);
    for (const text of wrap(printable(message), WIDTH - 4)) {
      console.log(`    ${text}`);
    }
    showPlace(lineOf(file, line), column);
  }
  const more = problems.length - SHOWN;
  if (more > 0) console.log(`  … and ${more} more`);
}

const SHOWN = 3;

function showPlace(source: string, column: number): void {
  if (source.trim() === '') return;
  const place = source.slice(0, column - 1).replace(/\S/g, ' ');
  console.log(chalk.dim(`      ${source}\n      ${place}^`));
}

function lineOf(file: string, line: number): string {
  return readFileSync(file, 'utf8').split('\n')[line - 1] ?? '';
}

/** What was expected, and what the kernel says. */
export function showSeen(aim: Aim, finding: Finding): void {
  const { verdict, figure, evidence } = finding;
  const isSo = verdict === 'good';
  const head = isSo ? aim.expected : `Expected: ${aim.expected}`;
  const [first, ...rest] = wrap(head, WIDTH - 2);
  const lines = [`${MARKS[isSo ? 'good' : 'bad']} ${first}`];
  lines.push(...rest.map((line) => `  ${line}`));
  console.log(paint(isSo ? 'good' : 'bad', lines.join('\n')));
  indent(isSo ? figure : `Seen: ${figure}`, '  ', '  ');
  for (const line of evidence) indent(printable(line), '    ', '      ');
  const reason = reasonFor(aim, wordsOf(finding));
  if (!isSo && reason) indent(reason, '  ', '  ');
}

function indent(text: string, first: string, rest: string): void {
  const lines = wrap(text, WIDTH - rest.length);
  for (const [index, line] of lines.entries()) {
    console.log((index === 0 ? first : rest) + line);
  }
}

export function showSolved({ solution }: Words, prediction = ''): void {
  console.log(`\n${paint('good', 'Solved.')}`);
  if (prediction) {
    say(`Your prediction was: ${prediction}`);
    say('Compare it with what was seen, and with this:');
  }
  console.log('');
  show(solution);
}

export function showDifference(lines: string[]): void {
  for (const line of lines) {
    const colour = { '+': chalk.green, '-': chalk.red }[line[0] ?? ''];
    console.log(colour ? colour(line) : line);
  }
}

/** The keys that there are now. */
export function showKeys({ exercise, words }: Task): void {
  const { hints } = attemptOf(exercise.name);
  const all = words.hints.length;
  const hint = hints < all ? `h hint ${hints + 1} of ${all}` : 'h hints again';
  const keys = [hint, 's solution', 'r look again', 'n next', 'q quit'];
  console.log(`\n${chalk.dim(keys.join('   '))}`);
}
