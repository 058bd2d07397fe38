/**
 * One look at a reader's server.
 */
import type { Finding } from '../experiments/findings';
import { startProgram, withCleanUp } from '../harness/programs';
import { NoServer, type Target } from '../harness/servers';
import type { Aim } from './exercises';
import { bad } from './looks';

/**
 * Looks whether something is as it is to be: then the verdict is `good`.
 *
 * @throws the reason of `signal`
 */
export async function lookFor(
  aim: Aim,
  target: Target,
  signal?: AbortSignal,
): Promise<Finding> {
  try {
    return await withCleanUp((defer) => aim.look(target, defer), signal);
  } catch (error) {
    signal?.throwIfAborted();
    const { message } = error as Error;
    const what = error instanceof NoServer ? 'no server' : 'not measured';
    return bad(what, [message]);
  }
}

/** What the compiler says of one place. Lines and columns begin at 1. */
export interface Problem {
  file: string;
  line: number;
  column: number;
  message: string;
}

/**
 * Compiles a reader's program, and no other.
 *
 * @returns what is wrong with it, or with shared/
 */
export async function compileOwn(
  program: string,
  signal?: AbortSignal,
): Promise<Problem[]> {
  return withCleanUp(async (defer) => {
    const compiler = startProgram(['tools/compile', program], defer);
    const { code } = await compiler.ended;
    return code === 0 ? [] : parseProblems(compiler.output());
  }, signal);
}

/** `mine/2-one-line.ts(15,7): error TS2304: Cannot find name 'clos'.` */
const PROBLEM = /^(.+)\((\d+),(\d+)\): error TS\d+: (.*)$/;

function parseProblems(output: string): Problem[] {
  const lines = output.split('\n').filter(Boolean);
  return lines.map((text) => {
    const [, file = '', line, column, message = text] =
      PROBLEM.exec(text) ?? [];
    return { file, line: Number(line), column: Number(column), message };
  });
}
