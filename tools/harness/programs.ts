/**
 * Programs under observation: real processes, each in a session of its own,
 * and gone when we are, however we end.
 */
import {
  type ChildProcess,
  type SpawnOptions,
  spawn,
} from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { resolve } from 'node:path';
import { readProcess, treeOf } from '../kernel/processes';
import { adoptedOrphans, listDescendants, ours } from './orphans';
import { waitFor } from './wait';

/** How a process ended. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A process that was started here. */
export interface Program {
  pid: number;
  process: ChildProcess;
  /** What it has written to stdout and stderr so far. */
  output: () => string;
  /** How it has ended, if it has. */
  exit: () => Exit | null;
  /** Resolves when it has ended. A program that cannot be started has 127. */
  ended: Promise<Exit>;
}

/**
 * Whoever calls an experiment says where it leaves what has to be undone,
 * whatever happens: `onTestFinished` of vitest is such a function.
 */
export type Defer = (undo: () => void | Promise<void>) => void;

/**
 * Runs a piece of work and undoes what it leaves, the last thing first: at its
 * end, or at once when nobody wants it any more.
 *
 * @throws the reason of `unwanted`, and whatever the work throws
 */
export async function withCleanUp<T>(
  work: (defer: Defer) => Promise<T>,
  unwanted?: AbortSignal,
): Promise<T> {
  const steps: (() => void | Promise<void>)[] = [];
  unwanted?.throwIfAborted();
  let stop = () => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(unwanted?.reason);
  });
  unwanted?.addEventListener('abort', stop);
  const done = work((step) => {
    steps.unshift(step);
    if (unwanted?.aborted) void step(); // it has not noticed yet
  });
  try {
    return await Promise.race([done, stopped]);
  } finally {
    unwanted?.removeEventListener('abort', stop);
    done.catch(() => {}); // once it is unwanted, nobody asks how it ends
    for (const step of steps) await step();
    unwanted?.throwIfAborted();
  }
}

/** Starts a program, and has it ended when the caller is done. */
export function startProgram(
  command: string[],
  defer: Defer,
  options: SpawnOptions = {},
): Program {
  const [file = '', ...args] = command;
  startKeeper();
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
    env: { ...(options.env ?? process.env), ...MARK },
    detached: true, // a session of its own, see setsid(2)
  });
  if (child.pid) ours.add(child.pid);
  defer(() => end(child));
  let output = '';
  const collect = (text: string | Buffer) => {
    output += text;
  };
  child.stdout?.setEncoding('utf8').on('data', collect);
  child.stderr?.setEncoding('utf8').on('data', collect);
  let exit: Exit | null = null;
  const ended = new Promise<Exit>((resolve) => {
    child.on('exit', (code, signal) => {
      exit = { code, signal };
    });
    // Now its output has ended, too.
    child.on('close', (code, signal) => resolve({ code, signal }));
    child.on('error', ({ message }) => {
      collect(message);
      exit = { code: 127, signal: null }; // as a shell would put it
      resolve(exit);
    });
  });
  return {
    pid: child.pid ?? 0,
    process: child,
    output: () => output,
    exit: () => exit,
    ended,
  };
}

// The end of a program ////////////////////////////////////////////////////////

const GONE_MS = 10_000;

/** Processes that were found outside their program's session, and ended. */
export const strays = new Map<number, string>();

/**
 * Ends a program, with all that is in its session, descends from it, or has
 * been adopted from it, and waits until nobody of those is left: until then
 * they count among their user's processes.
 */
async function end(child: ChildProcess): Promise<void> {
  const { pid } = child;
  if (pid === undefined) return; // it could not be started
  const tree = hasEnded(child) ? [] : treeOf(pid);
  for (const one of tree) {
    const process = readProcess(one);
    if (process && process.session !== pid) strays.set(one, process.name);
  }
  const left = () => [
    ...tree.filter((one) => readProcess(one) !== null),
    ...sessionOf(pid),
    ...findStrays(),
  ];
  let those: number[] = [];
  const nobody = () => {
    those = those.filter((one) => readProcess(one) !== null);
    if (those.length > 0) return false;
    those = left(); // at first, and who has come meanwhile
    for (const one of those) kill(one);
    return those.length === 0;
  };
  // Nothing ends a process in uninterruptible sleep. The keeper tries again.
  await waitFor('nobody is left', nobody, GONE_MS).catch(() => {});
  ours.delete(pid);
  // Somebody who has escaped may hold the other end for ever.
  child.stdout?.destroy();
  child.stderr?.destroy();
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** Who is in a session, zombies included. */
function sessionOf(session: number): number[] {
  const members = listDescendants().filter((one) => one.session === session);
  return members.map(({ pid }) => pid);
}

function findStrays(): number[] {
  const found = adoptedOrphans();
  for (const { pid, name } of found) strays.set(pid, name);
  return found.map(({ pid }) => pid);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

// Our own end /////////////////////////////////////////////////////////////////

/** What is in the environment of all that we start, and of what that starts. */
const MARK = { STARTED_BY: randomUUID() };

let keeper: ChildProcess | null = null;

/**
 * Starts a process that ends all others when we have ended, be it by a second
 * Ctrl-C or by SIGKILL.
 */
function startKeeper(): void {
  if (keeper !== null) return;
  keeper = spawn(resolve('tools/harness/keeper'), [MARK.STARTED_BY], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true, // Ctrl-C is not for it
  });
  keeper.on('error', () => {}); // we do without it
  keeper.stdin?.on('error', () => {});
  // We do not wait for it; it waits for us.
  keeper.unref();
  (keeper.stdin as Socket | null)?.unref();
  if (keeper.pid) ours.add(keeper.pid);
}
