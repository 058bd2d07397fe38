/**
 * Flags on the command line: read, checked, explained.
 */
import { isIPv4 } from 'node:net';
import { parseArgs } from 'node:util';

/** One flag: a switch, or one that takes a value. */
export interface Flag<T> {
  /** What to write after the flag's name, if it takes a value. */
  value?: string;
  help: string;
  initial: T;
  /** @returns undefined if the text is no such value */
  read?: (text: string) => T | undefined;
  /** What the value has to be, for the error: `a number from 1 to 10`. */
  expects?: string;
}

/** Flags by name, in camelCase: `maxOpenFiles` is --max-open-files. */
// biome-ignore lint/suspicious/noExplicitAny: each flag has a type of its own
export type Flags = Record<string, Flag<any>>;
/** What reading the flags gives: a value for each. */
export type Values<F extends Flags> = {
  [Name in keyof F]: F[Name] extends Flag<infer T> ? T : never;
};

/** A flag that is there or not. */
export function toggle(help: string): Flag<boolean> {
  return { help, initial: false };
}

/** A flag that takes a whole number. */
export function integer<T extends number | null>(
  help: string,
  [min, max]: [min: number, max: number],
  initial: T,
): Flag<number | T> {
  return number(help, [min, max], initial, /^\d+$/, 'a whole number');
}

/** A flag that takes a number of seconds, fractions included. */
export function seconds(
  help: string,
  [min, max]: [min: number, max: number],
  initial: number,
): Flag<number> {
  const form = /^\d+(\.\d+)?$/;
  return number(help, [min, max], initial, form, 'a number of seconds');
}

/** A flag that takes an IPv4 address, this machine's own if not given. */
export function address(help: string): Flag<string> {
  return {
    value: 'ADDRESS',
    help,
    initial: '127.0.0.1',
    expects: 'an IPv4 address such as 127.0.0.1',
    read: (text) => {
      if (text === 'localhost') return '127.0.0.1';
      return isIPv4(text) ? text : undefined;
    },
  };
}

/** A flag that takes some of many names, separated by commas. All at first. */
export function someOf<T extends string>(
  help: string,
  all: readonly T[],
): Flag<T[]> {
  return {
    value: 'NAMES',
    help,
    initial: [...all],
    expects: `names of ${all.join(', ')}`,
    read: (text) => {
      const chosen = text.split(',').map((name) => name.trim());
      const known = chosen.every((name) => all.includes(name as T));
      return known ? all.filter((name) => chosen.includes(name)) : undefined;
    },
  };
}

function number<T extends number | null>(
  help: string,
  [min, max]: [min: number, max: number],
  initial: T,
  form: RegExp,
  what: string,
): Flag<number | T> {
  const read = (text: string): number | undefined => {
    const value = Number(text);
    return form.test(text) && value >= min && value <= max ? value : undefined;
  };
  const expects = `${what} from ${min} to ${max}`;
  return {
    value: what === 'a whole number' ? 'N' : 'S',
    help,
    initial,
    read,
    expects,
  };
}

/**
 * Reads a command line. Prints the help and ends for --help; ends with one
 * line and status 2 for anything that is wrong.
 *
 * @param usage how the program is called, and what it does
 */
export function readFlags<F extends Flags>(
  usage: { name: string; summary: string },
  flags: F,
  args = process.argv.slice(2),
): Values<F> {
  const values: Record<string, unknown> = {};
  for (const name of Object.keys(flags)) values[name] = flags[name]?.initial;
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [
      dashed(name),
      { type: flag.value ? ('string' as const) : ('boolean' as const) },
    ]),
  );
  const { tokens } = parseArgs({
    args,
    options,
    strict: false,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') {
      const hint = `: flags stand behind --, as in npm run ${usage.name} -- --port 9000`;
      const isUnderNpm = process.env.npm_lifecycle_event === usage.name;
      const why = isUnderNpm ? hint : '';
      usageError(usage.name, `unexpected word "${token.value}"${why}`);
    }
    if (['--help', '-h'].includes(token.rawName)) showHelp(usage, flags);
    const name = camelCase(token.name);
    const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
    if (!flag || !token.rawName.startsWith('--')) {
      usageError(usage.name, `unknown flag ${token.rawName}`);
    }
    values[name] = checkValue(usage.name, token.rawName, flag, token.value);
  }
  return values as Values<F>;
}

function checkValue(
  program: string,
  name: string,
  flag: Flag<unknown>,
  text: string | undefined,
): unknown {
  if (!flag.read) {
    if (text === undefined) return true;
    usageError(program, `${name} takes no value`);
  }
  if (text === undefined) usageError(program, `${name} takes ${flag.expects}`);
  const value = flag.read(text);
  if (value !== undefined) return value;
  usageError(program, `${name} takes ${flag.expects}, not "${text}"`);
}

/** Ends the program: one line on stderr, exit status 2. */
export function usageError(program: string, problem: string): never {
  console.error(`${program}: ${problem} (--help lists the flags)`);
  process.exit(2);
}

const HELP_COLUMNS = 80;
/** Where what a flag does begins. */
const HELP_START = 23;

function showHelp(
  usage: { name: string; summary: string },
  flags: Flags,
): never {
  const rows = Object.entries(flags).map(([name, flag]) => {
    const { value = '', initial, help } = flag;
    const shown = Array.isArray(initial) ? initial.join(', ') : initial;
    const known = value && initial !== null ? ` (${shown})` : '';
    const lines = wrap(help + known, HELP_COLUMNS - HELP_START);
    const left = `  --${dashed(name)} ${value}`.padEnd(HELP_START);
    return left + lines.join(`\n${' '.repeat(HELP_START)}`);
  });
  console.log(`${usage.name}: ${usage.summary}\n\n${rows.join('\n')}`);
  process.exit(0);
}

/** Breaks a sentence into lines of a width, between words. */
export function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line === '') lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${line} ${word}`;
    } else lines.push(word);
  }
  return lines;
}

function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter) => letter.toUpperCase());
}
