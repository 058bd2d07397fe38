/**
 * Flags that tools have and servers do not.
 */
import type { Flag } from '#shared/flags';

/** A flag that takes a word of a form, or any word at all. */
export function word<T extends string | null>(
  value: string,
  help: string,
  expects: string,
  initial: T,
  form = /./,
): Flag<string | T> {
  const read = (text: string) => (form.test(text) ? text : undefined);
  return { help, initial, value, expects, read };
}

/** A flag that takes some of many names, separated by commas. All at first. */
export function someOf<T extends string>(
  help: string,
  all: readonly T[],
): Flag<T[]> {
  const expects = `names of ${all.join(', ')}`;
  const read = (text: string) => {
    const chosen = text.split(',').map((name) => name.trim());
    const known = chosen.every((name) => all.includes(name as T));
    return known ? all.filter((name) => chosen.includes(name)) : undefined;
  };
  return { help, initial: [...all], value: 'NAMES', expects, read };
}

/**
 * Takes the flags at the beginning, where a command with flags of its own may
 * follow.
 *
 * @param args what is left has no flag at its beginning
 * @param withValue the flag that takes the word behind it
 */
export function takeFlags(args: string[], withValue: string): string[] {
  const own: string[] = [];
  while (args[0]?.startsWith('-')) {
    own.push(...args.splice(0, args[0] === withValue ? 2 : 1));
  }
  return own;
}
