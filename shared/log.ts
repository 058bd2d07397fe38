/**
 * What a server says: a line an event, in the kernel's words, each process in
 * a colour of its own; and, with --trace, every system call.
 *
 * Written with write(2), one call a line: the lines of several processes on
 * one terminal or pipe never mix (pipe(7), PIPE_BUF).
 */
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import type { ChalkInstance } from 'chalk';
import {
  type Argument,
  describeErrno,
  errno,
  libc,
  POLLOUT,
  traceSystemCalls,
} from './libc';

const STDOUT = 1;
const STDERR = 2;
const { EAGAIN } = constants.errno;

// The calls as they are before --trace wraps them: lines are not events.
const { getpid, write, poll } = libc;

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
  if (logging) print(`[${getpid()}] ${words.join(' ')}`);
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
  const colour = PALETTE[getpid() % PALETTE.length] ?? 'cyan';
  return colours[colour](line);
}

function writeLine(fd: number, line: string): void {
  const bytes = Buffer.from(`${line}\n`);
  while (write(fd, bytes, bytes.length) === -1 && errno() === EAGAIN) {
    // A terminal or pipe that is full, and that Node has made non-blocking.
    poll(new Int32Array([fd, POLLOUT]), 1, -1);
  }
}

/** `[4711] accept(20, NULL, NULL) = 21`: every system call, on stderr. */
export function startTrace(): void {
  traceSystemCalls((name, args, result, error) => {
    const call = formatCall(name, args, result);
    const why = result === -1 ? ` ${describeErrno(error)}` : '';
    writeLine(STDERR, `[${getpid()}] ${call}${why}`);
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
