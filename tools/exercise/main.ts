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
import { word } from '../common/flags';
import { askForPrediction } from '../common/prediction';
import { run } from '../common/run';
import { adoptOrphans } from '../harness/orphans';
import { EXERCISES } from './exercises';
import { begin, programOf, putAside } from './file';
import { forgetAttempt, note, readAttempts, takeMine } from './mine';
import { readWords, type Words } from './page';
import { say, showList, showTask } from './print';
import { celebrate, filesOf, lookOnce, type Task, work } from './session';

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

/** What is wanted. */
interface Order {
  /** The number or the name of an exercise; null: all of them. */
  which: string | null;
  once: boolean;
  reset: boolean;
  command: string[];
}

/** Flags stand before the command; what follows belongs to the command. */
function readOrder(args = process.argv.slice(2)): Order {
  const words: string[] = [];
  const own: string[] = [];
  while (words.length < 2 && args.length > 0) {
    const [arg = ''] = args.splice(0, 1);
    if (!arg.startsWith('-')) words.push(arg);
    else own.push(arg, ...(arg === '--reset' ? args.splice(0, 1) : []));
  }
  const flags = readFlags({ name: NAME, summary: SUMMARY }, FLAGS, own);
  const [named, ...command] = words;
  // npm keeps flags that are not behind -- to itself: true, or their value.
  const { npm_config_once: once, npm_config_reset: reset } = process.env;
  const anew = flags.reset ?? (reset === 'true' ? named : reset) ?? null;
  return {
    which: anew ?? named ?? null,
    once: flags.once || once === 'true',
    reset: anew !== null,
    command: [...command, ...args],
  };
}

async function main(): Promise<void> {
  const order = readOrder();
  const words = readWords();
  if (order.which === null) {
    if (order.once) usageError(NAME, '--once takes the number of an exercise');
    showList(EXERCISES, words, readAttempts());
    return;
  }
  const task = taskOf(order, words);
  adoptOrphans();
  await takeMine(`exercise ${task.words.number}`);
  if (order.reset) reset(task);
  const isWatched = process.stdin.isTTY && process.stdout.isTTY;
  if (isWatched && !order.once) await goThrough(task, words);
  else if (order.reset && !order.once) remember(task);
  else await once(task);
}

/** Ends with one line if there is no such exercise, or no command for it. */
function taskOf({ which, command }: Order, words: Words[]): Task {
  const index = EXERCISES.findIndex(
    ({ name }, index) => which === name || which === `${index + 1}`,
  );
  const task = taskAt(index, words);
  if (!task) {
    usageError(NAME, `there is no "${which}"; npm run exercise lists all`);
  }
  if (command.length === 0) return withCommand(task);
  if (command.every((word) => /^\d+$/.test(word))) {
    usageError(NAME, 'one exercise at a time');
  }
  if (task.exercise.name === 'no-race') {
    usageError(NAME, `exercise ${index + 1} is about a server of this course`);
  }
  return withCommand({ ...task, command });
}

function taskAt(index: number, words: Words[]): Task | null {
  const exercise = EXERCISES[index];
  const its = words[index];
  return exercise && its ? { exercise, words: its, command: null } : null;
}

/**
 * Where there is no file to begin with, a command that was given once holds
 * until there is another.
 */
function withCommand(task: Task): Task {
  const { name, start } = task.exercise;
  if (task.command || start !== null) return task;
  const command = readAttempts()[name]?.command ?? null;
  if (command === null) {
    usageError(NAME, `it takes the command of a server: ${EXAMPLE}`);
  }
  return { ...task, command };
}

function reset({ exercise, words }: Task): void {
  const kept = putAside(programOf(exercise, words));
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
  while (task) {
    await open(task);
    await work(task);
    task = taskAt(task.words.number, words);
    if (task?.exercise.start === null && withoutCommand(task)) task = null;
  }
  showList(EXERCISES, words, readAttempts());
}

/** The last one takes a command, which has to come from the command line. */
function withoutCommand({ exercise }: Task): boolean {
  if (readAttempts()[exercise.name]?.command) return false;
  say(`\nThe next one takes the command of a server: ${EXAMPLE}`);
  return true;
}

async function open(task: Task): Promise<void> {
  const { exercise, words } = task;
  showTask(words);
  if (readAttempts()[exercise.name]?.prediction === undefined) {
    note(exercise.name, { prediction: await askForPrediction() });
  }
  remember(task);
  const files = filesOf(task).join(', ');
  const when = files
    ? `Change ${files}: it is looked at whenever you save it.`
    : 'Press r when you have changed it.'; // and we cannot know what
  say(`\n${when}`);
}

function remember({ exercise, words, command }: Task): void {
  const lasts = command !== null && exercise.start === null;
  note(exercise.name, lasts ? { command } : {});
  if (!command) begin(exercise, words);
}

run(NAME, main);
