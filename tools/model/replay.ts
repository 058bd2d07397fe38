/**
 * Labs that were recorded: what was said, and what the picture was. Pure, and
 * without Node: it runs in browsers as well.
 */
import type { Frame } from './frames';

/**
 * What JSON can hold. In a patch, null stands for what has gone, see RFC 7396
 * (JSON Merge Patch); so there is none in what is patched.
 */
export type Value =
  | string
  | number
  | boolean
  | Value[]
  | { [name: string]: Value | null };

/** What turns one value into another; null if they are the same. */
export function patchBetween(before: Value, after: Value): Value | null {
  if (!isTree(before) || !isTree(after)) {
    return JSON.stringify(before) === JSON.stringify(after) ? null : after;
  }
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const changes = [...names].flatMap((name): [string, Value | null][] => {
    const [known, value] = [before, after].map((tree) =>
      Object.hasOwn(tree, name) ? tree[name] : null,
    );
    if (value == null) return [[name, null]];
    const change = known == null ? value : patchBetween(known, value);
    return change === null ? [] : [[name, change]];
  });
  return changes.length > 0 ? Object.fromEntries(changes) : null;
}

/** What a patch makes of a value. */
export function applyPatch(before: Value, patch: Value): Value {
  if (!isTree(patch)) return patch;
  const after = new Map<string, Value | null>(
    isTree(before) ? Object.entries(before) : [],
  );
  for (const [name, change] of Object.entries(patch)) {
    if (change === null) after.delete(name);
    else after.set(name, applyPatch(after.get(name) ?? {}, change));
  }
  return Object.fromEntries(after);
}

function isTree(value: Value): value is { [name: string]: Value | null } {
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
  frame?: Value;
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
