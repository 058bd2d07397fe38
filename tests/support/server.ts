/**
 * Servers under test: real processes, started on a port the kernel chooses,
 * and gone when the test is over, whatever it did.
 */
import { expect, onTestFinished } from 'vitest';
import { childrenOf, descriptorsOf } from '../../shared/kernel';
import {
  type Defer,
  type Program,
  startProgram as start,
} from '../../tools/experiments/programs';
import {
  built,
  STAGES,
  type Stage,
  targetOf,
} from '../../tools/experiments/stages';
import { waitFor } from '../../tools/experiments/wait';

export {
  built,
  STAGE_NAMES,
  STAGES,
  type Stage,
  targetOf,
} from '../../tools/experiments/stages';

/** A program that listens. */
export interface Server extends Program {
  port: number;
}

/** Starts a compiled program. It does not outlive the test. */
export function startProgram(file: string, args: string[] = []): Program {
  return start([process.execPath, file, ...args], onTestFinished);
}

/**
 * Starts a stage and waits until it listens.
 *
 * @param defer what ends it: by default, the end of the test
 */
export async function startStage(
  stage: Stage,
  flags: string[] = [],
  defer: Defer = onTestFinished,
): Promise<Server> {
  const { command } = targetOf(built(STAGES[stage]), flags);
  return untilItListens(start(command, defer), stage);
}

/** Waits until a stage that has been started listens. */
export async function untilItListens(
  program: Program,
  stage: Stage,
): Promise<Server> {
  const port = await waitFor(`${stage} listens`, () => {
    if (program.process.exitCode !== null) throw new Error(program.output());
    const found = /listens on http:\/\/[\d.]+:(\d+)\//.exec(program.output());
    return found && Number(found[1]);
  });
  return { ...program, port };
}

/**
 * Does something again and again, at the latest until the test is over.
 *
 * @returns what ends it before
 */
export function repeatedly(milliseconds: number, act: () => void): () => void {
  const timer = setInterval(act, milliseconds);
  const end = () => clearInterval(timer);
  onTestFinished(end);
  return end;
}

/**
 * Waits until a program has said something. What it has written may be on its
 * way to us when the kernel already shows what came of it.
 */
export async function untilItSays(
  { output }: Program,
  words: string,
): Promise<void> {
  await waitFor(`it says "${words}"`, () => output().includes(words));
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
