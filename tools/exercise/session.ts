/**
 * A reader at work on one exercise: their server is looked at whenever they
 * save it, and keys do the rest.
 */
import { existsSync, unwatchFile, watchFile } from 'node:fs';
import chalk from 'chalk';
import { takeTerminal } from '../common/keyboard';
import { showProgress } from '../common/progress';
import type { Target } from '../harness/servers';
import { targetOf } from '../harness/stages';
import { attemptOf, MINE, note, stepsTo, type Task } from './mine';
import {
  bar,
  say,
  show,
  showDifference,
  showKeys,
  showProblems,
  showSeen,
  showSolved,
} from './print';
import { compileOwn, lookFor } from './round';

/** How long a reader's server may take until it listens. */
const PATIENCE_SECONDS = 15;

function targetFor({ exercise, program, command }: Task): Target {
  const patience = PATIENCE_SECONDS;
  if (command) return { command, patience };
  return { ...targetOf(program, exercise.flags), patience };
}

/** The files that a reader changes, as far as we know them. */
export function filesOf({ program, command }: Task): string[] {
  // It may be there only later: a server of one's own begins with no file.
  const isFile = (word: string) =>
    word.startsWith(`${MINE}/`) || existsSync(word);
  return command?.filter(isFile) ?? [`${program}.ts`];
}

/**
 * Looks at a reader's server once, and says what was seen.
 *
 * @returns whether the exercise is solved
 * @throws the reason of `signal`
 */
export async function lookOnce(
  task: Task,
  signal?: AbortSignal,
): Promise<boolean> {
  const { exercise, program, command } = task;
  const time = new Date().toTimeString().slice(0, 8);
  const what = command?.join(' ') ?? `${program}.ts`;
  console.log(`\n${chalk.dim(`${time}  ${what}`)}`);
  if (!command && !(await compiles(program, signal))) return false;
  const target = targetFor(task);
  for (const aim of exercise.aims) {
    showProgress(`  … ${aim.expected}`);
    const finding = await lookFor(aim, target, signal);
    showProgress('');
    showSeen(aim, finding);
    if (finding.verdict === 'good') continue;
    const isLast = aim === exercise.aims.at(-1);
    if (!isLast) say('(The rest is looked at when this is so.)');
    return false;
  }
  return true;
}

async function compiles(
  program: string,
  signal?: AbortSignal,
): Promise<boolean> {
  const file = `${program}.ts`;
  if (!existsSync(file)) {
    say(missing(file));
    return false;
  }
  showProgress('  … compiling');
  const compiling = compileOwn(program, signal);
  const problems = await compiling.finally(() => showProgress(''));
  if (problems.length > 0) showProblems(problems);
  return problems.length === 0;
}

function missing(file: string): string {
  return `${file} is not there any more: renamed, or removed? It is looked at when it is back.`;
}

/** Says that it is solved, and remembers it. */
export function celebrate({ exercise, words }: Task): void {
  const { prediction } = note(exercise.name, { solved: true });
  showSolved(words, prediction);
  console.log(`\n${bar()}`);
}

const LOOK_EVERY_MS = 200;
/** Some editors save by removing a file and writing another. */
const GONE_MS = 800;

/** Looks at a server at every save, until the reader wants the next one. */
export function work(task: Task): Promise<void> {
  const rounds = openRounds(task);
  const files = filesOf(task);
  let gone: NodeJS.Timeout | undefined;
  let asked = false;
  const changed = (file: string, isThere: boolean) => {
    clearTimeout(gone);
    asked = false;
    if (isThere) rounds.begin();
    else gone = setTimeout(() => say(`\n${missing(file)}`), GONE_MS);
  };
  for (const file of files) {
    watchFile(file, { interval: LOOK_EVERY_MS }, (now, before) => {
      // It may not be there yet: then there is nothing to say.
      if (now.nlink > 0 || before.nlink > 0) changed(file, now.nlink > 0);
    });
  }
  rounds.begin();
  return new Promise((resolve) => {
    const keys: Record<string, () => void> = {
      h: () => showHint(task),
      s: () => {
        asked = true;
        say('\nThe solution? y shows it.');
      },
      r: () => rounds.begin(),
      n: () => {
        for (const file of files) unwatchFile(file);
        clearTimeout(gone);
        process.stdin.off('end', leave);
        giveBack();
        rounds.end().then(resolve);
      },
    };
    const press = (key: string) => {
      const wasAsked = asked;
      asked = false;
      showProgress('');
      if (!wasAsked) keys[key.toLowerCase()]?.();
      else if (key.toLowerCase() === 'y') showSolution(task);
      else showKeys(task);
    };
    const resume = () => showKeys(task);
    const giveBack = takeTerminal({ press, resume });
    process.stdin.on('end', leave);
  });
}

/** The terminal is gone. */
function leave(): void {
  process.exit(0);
}

/** Looks, one at a time: a new one ends that which is under way. */
function openRounds(task: Task) {
  const { exercise } = task;
  let solved = attemptOf(exercise.name).solved;
  let current = new AbortController();
  let running: Promise<void> = Promise.resolve();
  const round = async (signal: AbortSignal) => {
    if (signal.aborted) return; // there is another one already
    const isSo = await lookOnce(task, signal).catch(unlessAborted(signal));
    if (signal.aborted) return;
    if (isSo && !solved) celebrate(task);
    else if (isSo) console.log('\nSolved, as before.');
    solved ||= isSo;
    showKeys(task);
  };
  const end = () => {
    current.abort();
    return running;
  };
  const begin = () => {
    const before = end();
    current = new AbortController();
    const { signal } = current;
    running = before.then(() => round(signal));
  };
  return { begin, end };
}

/** A look that is not wanted any more has found nothing. */
function unlessAborted(signal: AbortSignal) {
  return (error: unknown): false => {
    if (!signal.aborted) throw error;
    return false;
  };
}

function showHint(task: Task): void {
  const { exercise, words } = task;
  const { hints } = words;
  const shown = attemptOf(exercise.name).hints;
  // The next one; all of them when there is no next one.
  const first = shown < hints.length ? shown : 0;
  const last = Math.min(shown + 1, hints.length);
  for (const [index, hint] of hints.entries()) {
    if (index < first || index >= last) continue;
    console.log(chalk.bold(`\nHint ${index + 1} of ${hints.length}`));
    show(hint);
  }
  note(exercise.name, { hints: last });
  showKeys(task);
}

function showSolution(task: Task): void {
  const { exercise, words, program, command } = task;
  const { solution } = exercise;
  const file = `${program}.ts`;
  if (command || solution === null) {
    console.log('');
    show(words.solution);
  } else if (existsSync(file)) {
    const steps = stepsTo(solution, task);
    console.log(`\nFrom ${file} to ${solution}.ts:\n`);
    showDifference(steps);
    if (steps.length === 0) console.log('There is no difference.');
  } else say(missing(file));
  showKeys(task);
}
