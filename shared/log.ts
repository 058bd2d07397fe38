/**
 * What a server says: a line an event, in the kernel's words, each process in
 * a colour of its own.
 *
 * Each line is one write(2) of less than PIPE_BUF bytes: then the lines of
 * several processes on one terminal or pipe do not mix, see pipe(7).
 */
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import type { ChalkInstance } from 'chalk';
import { errno, unobserved } from './node/libc';
import { printable, shorten } from './text';

const STDOUT = 1;
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
  if (logging) announce(`[${unobserved.getpid()}] ${words.join(' ')}`);
}

const PALETTE = ['cyan', 'yellow', 'green', 'magenta', 'blue', 'red'] as const;

/** A line that even --quiet does not suppress. */
export function announce(line: string): void {
  const colour = PALETTE[unobserved.getpid() % PALETTE.length] ?? 'cyan';
  const text = printable(line);
  writeLine(STDOUT, colours ? colours[colour](text) : text);
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
export function writeLine(fd: number, line: string): void {
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
