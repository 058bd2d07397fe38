/**
 * Servers under test: real processes, started on a port the kernel chooses,
 * and gone when the test is over, whatever it did.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { waitFor } from './wait';

/** The stages, in the order of the course, and the programs they are. */
export const STAGES = {
  part1: 'part1-iterative/server.js',
  part2: 'part2-forking/server.js',
  part3a: 'part3-reaping/steps/a-never-waits.js',
  part3b: 'part3-reaping/steps/b-dies-of-eintr.js',
  part3c: 'part3-reaping/steps/c-waits-once-per-signal.js',
  part3: 'part3-reaping/server.js',
} as const;

export type Stage = keyof typeof STAGES;

/** The compiled form of a program of this repository. */
export function built(program: string): string {
  return resolve('build', program);
}

/** How a process ended. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A process that a test has started. */
export interface Program {
  pid: number;
  process: ChildProcess;
  /** What it has written to stdout and stderr so far. */
  output: () => string;
  /** Resolves when it has ended. */
  ended: Promise<Exit>;
}

/** A program that listens. */
export interface Server extends Program {
  port: number;
}

/** Starts a program in a process group that does not outlive the test. */
export function startProgram(file: string, args: string[] = []): Program {
  const child = spawn(process.execPath, [file, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a group of its own, children included
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      output += text;
    });
  }
  const ended = once(child, 'close').then(
    ([code, signal]): Exit => ({ code, signal }),
  );
  const pid = child.pid ?? 0;
  onTestFinished(() => killGroup(pid));
  return { pid, process: child, output: () => output, ended };
}

/** Starts a stage and waits until it listens. */
export async function startStage(
  stage: Stage,
  flags: string[] = [],
): Promise<Server> {
  const args = ['--port', '0', ...flags];
  const program = startProgram(built(STAGES[stage]), args);
  const port = await waitFor(`${stage} listens`, () => {
    if (program.process.exitCode !== null) throw new Error(program.output());
    const found = /listens on http:\/\/[\d.]+:(\d+)\//.exec(program.output());
    return found && Number(found[1]);
  });
  return { ...program, port };
}

/** The PIDs of a process's children, zombies included. */
export function childrenOf(pid: number): number[] {
  const list = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return list.split(' ').filter(Boolean).map(Number);
}

/** How many descriptors a process has. */
export function countDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/**
 * Waits until nothing is left of the clients: no child, no zombie, as many
 * descriptors as before, and no word of a child that failed.
 */
export async function calm(server: Server, descriptors: number): Promise<void> {
  await waitFor('no child is left', () => childrenOf(server.pid).length === 0);
  await waitFor(
    `there are ${descriptors} descriptors`,
    () => countDescriptors(server.pid) === descriptors,
  );
  expect(server.output()).not.toContain('child fails');
}

/** The number that a process's next descriptor will have. */
export function lowestFreeDescriptor(pid: number): number {
  const taken = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
  let number = 0;
  while (taken.has(number)) number++;
  return number;
}

/**
 * Sets a soft limit of a running process, with prlimit(1): what becomes
 * scarce while a server runs.
 */
export function setSoftLimit(
  pid: number,
  resource: 'nofile' | 'nproc',
  limit: number,
): void {
  // Whoever owns the process may do that. Root in a container may not.
  const { uid, gid } = statSync(`/proc/${pid}`);
  const owner = process.getuid?.() === 0 ? { uid, gid } : {};
  const args = ['--pid', `${pid}`, `--${resource}=${limit}:`];
  execFileSync('prlimit', args, owner);
}

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // Nobody of the group is left.
  }
}
