/**
 * Flags on the command line: read, checked, explained.
 */
import { isIPv4 } from 'node:net';
import { parseArgs } from 'node:util';
import { wrap } from './text';

/** One flag: a switch, or one that takes a value. */
export interface Flag<T> {
  help: string;
  initial: T;
  /** What to write after the flag's name, if it takes a value. */
  value?: string;
  /** What the value has to be, for the error: `a number from 1 to 10`. */
  expects?: string;
  /** @returns undefined if the text is no such value */
  read?: (text: string) => T | undefined;
}

/** Flags by name, in camelCase: `maxOpenFiles` is --max-open-files. */
// biome-ignore lint/suspicious/noExplicitAny: each flag has a type of its own
export type Flags = Record<string, Flag<any>>;
/** What reading the flags gives: a value for each. */
export type Values<F extends Flags> = {
  [Name in keyof F]: F[Name] extends Flag<infer T> ? T : never;
};

/** How a program is called, and what it does. */
interface Usage {
  name: string;
  summary: string;
}

/** A flag that is there or not. */
export function toggle(help: string): Flag<boolean> {
  return { help, initial: false };
}

/** Flags that take a number of some kind, within a range. */
function numeric(value: string, kind: string, form: RegExp) {
  return <T extends number | null>(
    help: string,
    [min, max]: [min: number, max: number],
    initial: T,
  ): Flag<number | T> => {
    const expects = `${kind} from ${min} to ${max}`;
    const read = (text: string) => {
      const number = Number(text);
      const valid = form.test(text) && number >= min && number <= max;
      return valid ? number : undefined;
    };
    return { help, initial, value, expects, read };
  };
}

/** A flag that takes a whole number. */
export const integer = numeric('N', 'a whole number', /^\d+$/);

/** A flag that takes a number of seconds, fractions included. */
export const seconds = numeric('S', 'a number of seconds', /^\d+(\.\d+)?$/);

/** A flag that takes an IPv4 address, this machine's own if not given. */
export function address(help: string): Flag<string> {
  const initial = '127.0.0.1';
  const expects = `an IPv4 address such as ${initial}`;
  const read = (text: string) => {
    if (text === 'localhost') return initial;
    return isIPv4(text) ? text : undefined;
  };
  return { help, initial, value: 'ADDRESS', expects, read };
}

/**
 * Reads a command line. Prints the help and ends for --help; ends with one
 * line and status 2 for anything that is wrong.
 */
export function readFlags<F extends Flags>(
  usage: Usage,
  flags: F,
  args = process.argv.slice(2),
): Values<F> {
  const all = Object.entries(flags);
  const values = Object.fromEntries(
    all.map(([name, { initial }]) => [name, initial]),
  );
  const types = all.map(([name, { value }]) => {
    const type = value ? ('string' as const) : ('boolean' as const);
    return [dashed(name), { type }];
  });
  const options = Object.fromEntries(types);
  const given = parseArgs({ args, options, strict: false, tokens: true });
  for (const token of given.tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') refuseWord(usage.name, token.value);
    if (['--help', '-h'].includes(token.rawName)) showHelp(usage, flags);
    const found = all.find(([name]) => token.rawName === `--${dashed(name)}`);
    if (!found) usageError(usage.name, `unknown flag ${token.rawName}`);
    const [name, flag] = found;
    values[name] = checkValue(usage.name, token.rawName, flag, token.value);
  }
  return values as Values<F>;
}

function refuseWord(program: string, word: string): never {
  const isUnderNpm = process.env.npm_lifecycle_event === program;
  const hint = `: flags stand behind --, as in npm run ${program} -- --port 9000`;
  usageError(program, `unexpected word "${word}"${isUnderNpm ? hint : ''}`);
}

function checkValue(
  program: string,
  name: string,
  { read, expects }: Flag<unknown>,
  text: string | undefined,
): unknown {
  if (!read) {
    if (text === undefined) return true;
    usageError(program, `${name} takes no value`);
  }
  if (text === undefined) usageError(program, `${name} takes ${expects}`);
  const value = read(text);
  if (value !== undefined) return value;
  usageError(program, `${name} takes ${expects}, not "${text}"`);
}

/** Ends the program: one line on stderr, exit status 2. */
export function usageError(program: string, problem: string): never {
  console.error(`${program}: ${problem} (--help lists the flags)`);
  process.exit(2);
}

const HELP_COLUMNS = 80;
/** Where what a flag does begins. */
const HELP_START = 23;

function showHelp({ name, summary }: Usage, flags: Flags): never {
  const rows = Object.entries(flags).map(([name, flag]) => {
    const { value = '', initial, help } = flag;
    const shown = Array.isArray(initial) ? initial.join(', ') : initial;
    const known = value && initial !== null ? ` (${shown})` : '';
    const lines = wrap(help + known, HELP_COLUMNS - HELP_START);
    const left = `  --${dashed(name)} ${value}`.padEnd(HELP_START);
    return left + lines.join(`\n${' '.repeat(HELP_START)}`);
  });
  console.log(`${name}: ${summary}\n\n${rows.join('\n')}`);
  process.exit(0);
}

function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
