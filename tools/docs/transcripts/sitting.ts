/**
 * Sittings: what a reader types from one start of a server to the next, as the
 * transcripts of a chapter tell it.
 *
 * A fence whose info is `console terminal N` is a transcript. `$ ` introduces
 * a command, the lines below are what came out of it, and `^C` is Ctrl-C.
 * Terminal 1 belongs to the server: a sitting begins where it is started,
 * and a fence of terminal 1 without a command goes on with its log.
 */
import type { Chapter, Fence } from '../chapters';

export const PROMPT = '$ ';
export const CTRL_C = '^C';

/** One thing that a reader types, and what comes out of it. */
export interface Step {
  /** Empty for more of what the program before has to say. */
  command: string;
  output: string[];
  /** How often the reader presses Ctrl-C. */
  interrupts: number;
}

/** The transcripts that belong to one start of a server. */
export interface Sitting {
  title: string;
  fences: Fence[];
}

/** The sittings of a chapter, in the order of the page. */
export function findSittings({ fences, file }: Chapter): Sitting[] {
  const sittings: Sitting[] = [];
  for (const fence of fences) {
    if (!fence.info.startsWith('console terminal ')) continue;
    const starts = isServer(fence) && fence.lines[0]?.startsWith(PROMPT);
    if (starts || sittings.length === 0) {
      const title = `${file}: ${fence.heading}: ${fence.lines[0]}`;
      sittings.push({ title, fences: [] });
    }
    sittings.at(-1)?.fences.push(fence);
  }
  return sittings;
}

export function isServer({ info }: Fence): boolean {
  return info === 'console terminal 1';
}

export function parseSteps({ lines }: Fence): Step[] {
  const steps: Step[] = [];
  for (const line of lines.length > 0 ? lines : ['']) {
    if (line.startsWith(PROMPT) || steps.length === 0) {
      const command = line.startsWith(PROMPT) ? line.slice(2) : '';
      steps.push({ command, output: [], interrupts: 0 });
      if (command) continue;
    }
    const step = steps.at(-1) as Step;
    if (line === CTRL_C) step.interrupts += 1;
    step.output.push(line);
  }
  return steps;
}

/** The programs that commands begin with, for a look whether they are here. */
export function programsOf({ fences }: Sitting): string[] {
  const commands = fences.flatMap(parseSteps).map(({ command }) => command);
  const words = commands.flatMap(
    (command) =>
      command.match(/(?:^|[|;(&] *|\$\(|timeout \S+ )[a-z]+(?=[ )]|$)/g) ?? [],
  );
  const names = words.map((word) => word.match(/[a-z]+$/)?.[0] ?? '');
  return [...new Set([...names, 'script'])]; // which makes the terminals
}
