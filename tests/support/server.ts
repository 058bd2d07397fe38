/**
 * Servers and tools under test: real processes, on a port the kernel chooses,
 * started as readers start them, and gone when the test is over.
 */
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import {
  type Defer,
  type Program,
  startProgram as start,
} from '../../tools/harness/programs';
import {
  STAGE_NAMES,
  STAGES,
  type Stage,
  targetOf,
} from '../../tools/harness/stages';
import { waitFor } from '../../tools/harness/wait';
import { countDescriptors } from '../../tools/kernel/descriptors';
import { childrenOf, readProcess } from '../../tools/kernel/processes';

export {
  built,
  STAGE_NAMES,
  STAGES,
  type Stage,
  targetOf,
} from '../../tools/harness/stages';

/** The stages that are tested: those named behind `npm test --`, or all. */
export function chosenStages(): Stage[] {
  const chosen = process.env.STAGES?.split(' ').filter(Boolean) ?? [];
  return STAGE_NAMES.filter(
    (name) => chosen.length === 0 || chosen.includes(name),
  );
}

/** A program that listens. */
export interface Server extends Program {
  port: number;
}

/** Starts a compiled program. It does not outlive the test. */
export function startProgram(file: string, args: string[] = []): Program {
  return start([process.execPath, file, ...args], onTestFinished);
}

/** The command that `npm run NAME` stands for. */
export function toolCommand(name: string, args: string[] = []): string[] {
  return ['tools/run', `tools/${name}/main`, ...args];
}

/** Starts a tool as npm does. It does not outlive the test. */
export function startTool(name: string, args: string[] = []): Program {
  return start(toolCommand(name, args), onTestFinished);
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
  const { command } = targetOf(STAGES[stage], flags);
  return untilItListens(start(command, defer), stage);
}

/** What is to be undone when the last test of this file is over. */
export function untilTheLastTest(): Defer {
  const undo: Parameters<Defer>[0][] = [];
  afterAll(async () => {
    for (const step of undo) await step();
  });
  return (step) => undo.unshift(step);
}

/** A stage that the tests of a file share. It is there when they begin. */
export function shareStage(stage: Stage, flags: string[] = []): Server {
  const server = {} as Server;
  const defer = untilTheLastTest();
  beforeAll(async () => {
    Object.assign(server, await startStage(stage, flags, defer));
  });
  return server;
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

/** The stages that a tool has started and that are ready. */
export function serversOf(tool: number): number[] {
  return childrenOf(tool).filter((pid) =>
    Object.hasOwn(STAGES, readProcess(pid)?.name ?? ''),
  );
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
