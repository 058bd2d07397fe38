/**
 * What a server says: a line an event, in the kernel's words, each process in
 * a colour of its own; and, with --trace, every system call.
 *
 * Each line is one write(2) of less than PIPE_BUF bytes: then the lines of
 * several processes on one terminal or pipe do not mix, see pipe(7).
 */
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import type { ChalkInstance } from 'chalk';
import {
  type Argument,
  describeErrno,
  errno,
  observe,
  unobserved,
} from './node/libc';

const STDOUT = 1;
const STDERR = 2;
const POLLOUT = 4; // see poll(2)
const { EAGAIN, EINTR } = constants.errno;

let colours: ChalkInstance | null = null;
let logging = false;

/** Turns the event log on. Without this call, a program is silent. */
export function startLog(): void {
  logging = true;
  const { NO_COLOR, FORCE_COLOR } = process.env;
  if (NO_COLOR || !(FORCE_COLOR || isatty(STDOUT))) return;
  // Loaded here and not at the top: who shows no colours has no use for it,
  // and what is loaded is paid for at every fork.
  const { default: chalk } = require('chalk') as typeof import('chalk');
  if (chalk.level > 0) colours = chalk;
}

/**
 * One event of the process that calls, if the log is on. In pieces: where it
 * is off, nobody has to make a text of them.
 */
export function log(...words: (string | number)[]): void {
  if (logging) print(`[${unobserved.getpid()}] ${words.join(' ')}`);
}

const logged = new Set<string>();

/** An event that is worth one line, however often it happens. */
export function logOnce(event: string): void {
  if (!logged.has(event)) log(event);
  logged.add(event);
}

/** A line that even --quiet does not suppress. */
export function announce(line: string): void {
  print(line);
}

function print(line: string): void {
  writeLine(STDOUT, paint(printable(line)));
}

/**
 * A text that is safe on a terminal. What clients send ends up in the log,
 * and an escape sequence in there could rewrite the screen.
 */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the very subject
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return `\\x${code.padStart(2, '0')}`;
  });
}

const PALETTE = ['cyan', 'yellow', 'green', 'magenta', 'blue', 'red'] as const;

function paint(line: string): string {
  if (!colours) return line;
  const colour = PALETTE[unobserved.getpid() % PALETTE.length] ?? 'cyan';
  return colours[colour](line);
}

/** How many characters of a line are printed, of at most three bytes each. */
const MAX_LINE = 1_000;
/** How long somebody who reads the log, a pager for instance, may pause. */
const PATIENCE_MS = 1_000;

/** Whether a line was lost because nobody had read those before. */
let unread = false;

/**
 * Prints a line. A log that nobody reads must not keep a server from doing
 * what it is told to: a line that finds no room within a second is lost, and
 * so are the next ones, until there is room again.
 */
function writeLine(fd: number, line: string): void {
  const deadline = performance.now() + (unread ? 0 : PATIENCE_MS);
  let rest = Buffer.from(`${shorten(line, MAX_LINE)}\n`);
  while (rest.length > 0) {
    unread = !hasRoom(fd, deadline);
    if (unread) return;
    const written = unobserved.write(fd, rest, rest.length);
    if (written !== -1) rest = rest.subarray(written);
    else if (errno() !== EINTR && errno() !== EAGAIN) return; // nobody is there
  }
}

/** Whether a write would not wait, or not longer than until the deadline. */
function hasRoom(fd: number, deadline: number): boolean {
  for (;;) {
    const left = Math.max(0, Math.ceil(deadline - performance.now()));
    const ready = unobserved.poll(new Int32Array([fd, POLLOUT]), 1, left);
    if (ready > 0) return true;
    if (left === 0 || errno() !== EINTR) return false;
  }
}

function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}

/** `[4711] accept(20, NULL, NULL) = 21`: every system call, on stderr. */
export function startTrace(): void {
  observe((name, args, result, error) => {
    const call = formatCall(name, args, result);
    const why = result === -1 ? ` ${describeErrno(error)}` : '';
    writeLine(STDERR, `[${unobserved.getpid()}] ${call}${why}`);
  });
}

function formatCall(name: string, args: Argument[], result: number): string {
  const size = name === 'read' || name === 'recv' ? result : args[2];
  const list = args.map((arg) => formatArgument(arg, Number(size))).join(', ');
  return `${name}(${list}) = ${Number.isNaN(result) ? '?' : result}`;
}

const SHOWN_BYTES = 32;

/** As strace(1) prints it: text shortened, other memory not looked into. */
function formatArgument(argument: Argument, size: number): string {
  if (argument === null) return 'NULL';
  if (typeof argument === 'string') return JSON.stringify(argument);
  if (!Buffer.isBuffer(argument)) {
    return typeof argument === 'number' ? String(argument) : '…';
  }
  const shown = argument.toString('latin1', 0, Math.min(size, SHOWN_BYTES));
  return JSON.stringify(shown) + (size > SHOWN_BYTES ? '…' : '');
}
