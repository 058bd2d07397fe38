/**
 * Programs under observation: started as real processes, in a session of
 * their own, and gone when we are, however we end.
 */
import {
  type ChildProcess,
  type SpawnOptions,
  spawn,
} from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { readProcess, treeOf } from '../kernel/processes';

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

/** Runs a piece of work and undoes what it leaves, the last thing first. */
export async function withCleanUp<T>(
  work: (defer: Defer) => Promise<T>,
): Promise<T> {
  const undo: (() => void | Promise<void>)[] = [];
  try {
    return await work((step) => undo.unshift(step));
  } finally {
    for (const step of undo) await step();
  }
}

/** Starts a program, and has it ended when the caller is done. */
export function startProgram(
  command: string[],
  defer: Defer,
  options: SpawnOptions = {},
): Program {
  const [file = '', ...args] = command;
  endWithUs();
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
    detached: true, // a session of its own, see setsid(2)
  });
  running.add(child);
  defer(async () => {
    killAll(child);
    await untilGone(child.pid);
  });
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

// Nothing outlives us /////////////////////////////////////////////////////////

const running = new Set<ChildProcess>();
const ENDING = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;
let prepared = false;

/** To be called before a program starts: a signal may come while it does. */
function endWithUs(): void {
  if (prepared) return;
  prepared = true;
  process.on('exit', killEverybody);
  for (const name of ENDING) process.once(name, endOf);
}

/** The signal does what it would have done without us, a moment later. */
function endOf(name: NodeJS.Signals): void {
  killEverybody();
  process.kill(process.pid, name);
}

function killEverybody(): void {
  for (const child of running) killAll(child);
}

/** Ends a program that was started here, and all that descends from it. */
function killAll(child: ChildProcess): void {
  running.delete(child);
  const { pid, exitCode, signalCode } = child;
  if (pid === undefined) return; // it could not be started
  const ended = exitCode !== null || signalCode !== null;
  // The number of a process that has ended may be somebody else's by now.
  // As long as it names our process group, it is not.
  if (ended && readProcess(pid)) return;
  const descendants = ended ? [] : treeOf(pid);
  for (const target of [...descendants, -pid]) {
    try {
      process.kill(target, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
}

const GONE_MS = 3_000;

/**
 * Waits until the last of a process group has been waited for, by us or by
 * whoever adopts orphans: until then it counts among its user's processes.
 */
async function untilGone(group: number | undefined): Promise<void> {
  const deadline = Date.now() + GONE_MS;
  while (group && Date.now() < deadline) {
    try {
      process.kill(-group, 0);
    } catch {
      return;
    }
    await pause(5);
  }
}
