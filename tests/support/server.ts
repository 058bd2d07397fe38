/**
 * Servers under test: real processes, started on a port the kernel chooses,
 * and gone when the test is over, whatever it did.
 */
import { basename, resolve } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { childrenOf, descriptorsOf, limitsOf } from '../../shared/kernel';
import { NODE_FLAGS } from '../../shared/start';
import {
  type Program,
  startProgram as start,
} from '../../tools/experiments/programs';
import type { Target } from '../../tools/experiments/servers';
import { waitFor } from '../../tools/experiments/wait';

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

export const STAGE_NAMES = Object.keys(STAGES) as Stage[];

/** The compiled form of a program of this repository. */
export function built(program: string): string {
  return resolve('build', program);
}

/** A compiled server as the experiments want it. */
export function targetOf(file: string, flags: string[] = []): Target {
  const { hard = MANY } = limitsOf(process.pid)?.processes ?? {};
  return {
    name: basename(file, '.js'),
    // With its flags Node starts once and not twice, see start.ts.
    command: [
      process.execPath,
      ...NODE_FLAGS,
      file,
      '--port',
      '0',
      '--quiet',
      ...flags,
    ],
    dropPrivileges: ['--max-processes', `${Math.min(MANY, hard)}`],
  };
}

const MANY = 4_000; // processes: a limit that says nothing yet

/** A program that listens. */
export interface Server extends Program {
  port: number;
}

/** Starts a compiled program. It does not outlive the test. */
export function startProgram(file: string, args: string[] = []): Program {
  return start([process.execPath, file, ...args], onTestFinished);
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

/** How many descriptors a process has. */
export function countDescriptors(pid: number): number {
  return descriptorsOf(pid)?.size ?? 0;
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
  const taken = descriptorsOf(pid) ?? new Map();
  let number = 0;
  while (taken.has(number)) number++;
  return number;
}
