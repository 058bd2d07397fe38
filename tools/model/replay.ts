/**
 * Labs that were recorded: what was said, and what the picture was. Pure, and
 * without Node: it runs in browsers as well.
 */
import type { Frame } from './frames';

/** What JSON can hold, but no null: that stands for what has gone. */
export type Value =
  | string
  | number
  | boolean
  | Value[]
  | { [name: string]: Value };

/** A JSON Merge Patch, see RFC 7396. */
export type Patch =
  | string
  | number
  | boolean
  | Value[]
  | { [name: string]: Patch | null };

/** What turns one value into another; null if they are the same. */
export function patchBetween(before: Value, after: Value): Patch | null {
  if (!isTree(before) || !isTree(after)) {
    return JSON.stringify(before) === JSON.stringify(after) ? null : after;
  }
  const gone = Object.keys(before).filter(
    (name) => !Object.hasOwn(after, name),
  );
  const changes = Object.entries(after).flatMap(([name, value]) => {
    const known = Object.hasOwn(before, name) ? before[name] : undefined;
    const change = known === undefined ? value : patchBetween(known, value);
    return change === null ? [] : [[name, change] as const];
  });
  const all = [...gone.map((name) => [name, null] as const), ...changes];
  return all.length > 0 ? Object.fromEntries(all) : null;
}

/** What a patch makes of a value. */
export function applyPatch(before: Value, patch: Patch): Value {
  if (!isTree(patch)) return patch;
  const after = new Map<string, Value>(
    isTree(before) ? Object.entries(before) : [],
  );
  for (const [name, change] of Object.entries(patch)) {
    if (change === null) after.delete(name);
    else after.set(name, applyPatch(after.get(name) ?? {}, change));
  }
  return Object.fromEntries(after);
}

type Tree<T> = Extract<T, { [name: string]: unknown }>;

function isTree<T extends Patch>(value: T): value is Tree<T> {
  return typeof value === 'object' && !Array.isArray(value);
}

/** What a lab says at some moment. */
export type Note =
  | { show: string }
  /** What was expected, and whether it held. */
  | { expect: string; holds: boolean };

/** A lab that was recorded. */
export interface Replay {
  summary: string;
  chapter: string;
  plan: string;
  question: string;
  /** What happens before the first step has no words of its own. */
  steps: { words: string; moments: Moment[] }[];
  conclusion: string;
}

/** What is to be seen at one time. */
export interface Moment {
  /** What has changed in the picture since the moment before. */
  frame?: Patch;
  notes: Note[];
}

/**
 * All moments of a replay, each with its whole picture: null before there is
 * one.
 */
export function unfold(replay: Replay) {
  let frame: Value | null = null;
  return replay.steps.flatMap(({ words, moments }, step) =>
    moments.map(({ frame: patch, notes }) => {
      if (patch !== undefined) frame = applyPatch(frame ?? {}, patch);
      return { step, words, notes, frame: frame as Frame | null };
    }),
  );
}
