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
