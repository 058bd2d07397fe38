/**
 * The exercises, at work: a file of the reader's own, looked at whenever it is
 * saved.
 *
 *     npm run exercise                   lists them
 *     npm run exercise 2                 begins one, or goes on with it
 *     npm run exercise 2 -- --once       looks once
 *     npm run exercise -- --reset 2      begins anew
 *     npm run exercise 13 -- python3 mine/server.py {port}
 */
import { readFlags, toggle, usageError } from '#shared/flags';
import { takeFlags, word } from '../common/flags';
import { askForPrediction } from '../common/prediction';
import { run } from '../common/run';
import { adoptOrphans } from '../harness/orphans';
import { EXERCISES } from './exercises';
import {
  attemptOf,
  begin,
  forgetAttempt,
  MINE,
  note,
  putAside,
  type Task,
  takeMine,
} from './mine';
import { readWords, type Words } from './page';
import { say, showList, showTask } from './print';
import { celebrate, filesOf, lookOnce, work } from './session';

const NAME = 'exercise';
const EXAMPLE = 'npm run exercise 13 -- python3 mine/server.py {port}';
const SUMMARY =
  'exercises that answer\n\n' +
  'npm run exercise                     lists them\n' +
  'npm run exercise 2                   begins one, or goes on with it\n' +
  'npm run exercise 2 -- [FLAGS]        flags stand behind --\n' +
  'npm run exercise 12 -- COMMAND …     a server in another language;\n' +
  '                                     {port} in it becomes a free port';

const RESET = 'begin exercise N anew, and keep the old file beside it';
const FLAGS = {
  once: toggle('look once, and end with status 0 if it is solved, else 1'),
  reset: word('N', RESET, 'the number of an exercise', null),
};

/**
 * Flags stand before the command; what follows belongs to the command.
 *
 * @returns with the number or the name of an exercise, or null for all of them
 */
function readOrder(args = process.argv.slice(2)) {
  const own = takeFlags(args, '--reset');
  const [named] = args.splice(0, 1);
  own.push(...takeFlags(args, '--reset'));
  const flags = readFlags({ name: NAME, summary: SUMMARY }, FLAGS, own);
  // npm keeps flags that are not behind -- to itself: true, or their value.
  const { npm_config_once: once, npm_config_reset: reset } = process.env;
  const anew = flags.reset ?? (reset === 'true' ? named : reset) ?? null;
  return {
    which: anew ?? named ?? null,
    once: flags.once || once === 'true',
    reset: anew !== null,
    command: args,
  };
}

async function main(): Promise<void> {
  const { which, command, ...order } = readOrder();
  const words = readWords();
  if (which === null) {
    if (order.once) usageError(NAME, '--once takes the number of an exercise');
    showList(words);
    return;
  }
  const task = taskOf(which, command, words);
  adoptOrphans();
  await takeMine(`exercise ${task.words.number}`);
  if (order.reset) reset(task);
  const isWatched = process.stdin.isTTY && process.stdout.isTTY;
  if (isWatched && !order.once) await goThrough(task, words);
  else if (order.reset && !order.once) remember(task);
  else await once(task);
}

/** Ends with one line if there is no such exercise, or no command for it. */
function taskOf(which: string, command: string[], words: Words[]): Task {
  const index = EXERCISES.findIndex(
    ({ name }, index) => which === name || which === `${index + 1}`,
  );
  const task = taskAt(index, words, command);
  if (!task) {
    usageError(NAME, `there is no "${which}"; npm run exercise lists all`);
  }
  if (command.length > 0 && command.every((word) => /^\d+$/.test(word))) {
    usageError(NAME, 'one exercise at a time');
  }
  if (command.length > 0 && task.exercise.name === 'no-race') {
    usageError(NAME, `exercise ${index + 1} is about a server of this course`);
  }
  if (lacksCommand(task)) {
    usageError(NAME, `it takes the command of a server: ${EXAMPLE}`);
  }
  return task;
}

/**
 * Where there is no file to begin with, a command that was given once holds
 * until there is another.
 */
function taskAt(
  index: number,
  words: Words[],
  given: string[] = [],
): Task | null {
  const exercise = EXERCISES[index];
  const its = words[index];
  if (!exercise || !its) return null;
  const { name, start } = exercise;
  const known = start === null ? attemptOf(name).command : null;
  const command = given.length > 0 ? given : (known ?? null);
  const program = `${MINE}/${its.number}-${name}`;
  return { exercise, words: its, program, command };
}

function lacksCommand({ exercise, command }: Task): boolean {
  return exercise.start === null && command === null;
}

function reset({ exercise, program }: Task): void {
  const kept = putAside(program);
  forgetAttempt(exercise.name);
  say(kept ? `Your file is now ${kept}.` : 'There was no file of yours.');
}

/** Without a terminal: a look, and a status. */
async function once(task: Task): Promise<void> {
  remember(task);
  const solved = await lookOnce(task);
  if (solved) celebrate(task);
  process.exitCode = solved ? 0 : 1;
}

/** One exercise after the other, as long as the reader likes. */
async function goThrough(first: Task, words: Words[]): Promise<void> {
  let task: Task | null = first;
  while (task && !lacksCommand(task)) {
    await open(task);
    await work(task);
    task = taskAt(task.words.number, words);
  }
  if (task) say(`\nThe next one takes the command of a server: ${EXAMPLE}`);
  showList(words);
}

async function open(task: Task): Promise<void> {
  const { exercise, words } = task;
  showTask(words);
  if (attemptOf(exercise.name).prediction === undefined) {
    note(exercise.name, { prediction: await askForPrediction() });
  }
  remember(task);
  const files = filesOf(task).join(', ');
  const when = files
    ? `Change ${files}: it is looked at whenever you save it.`
    : 'Press r when you have changed it.'; // and we cannot know what
  say(`\n${when}`);
}

function remember(task: Task): void {
  const { exercise, command } = task;
  note(exercise.name, command && exercise.start === null ? { command } : {});
  if (!command) begin(task);
}

run(NAME, main);
