/**
 * The stages of the course, as programs that can be started.
 */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { NODE_TO_FORK } from '#shared/node/restart';
import { limitsOf } from '../kernel/processes';
import { NoServer, type Target } from './servers';

/** The stages, in the order of the course, and the programs they are. */
export const STAGES = {
  part1: 'part1-iterative/server',
  part2: 'part2-forking/server',
  part3a: 'part3-reaping/steps/a',
  part3b: 'part3-reaping/steps/b',
  part3c: 'part3-reaping/steps/c',
  part3: 'part3-reaping/server',
} as const;

export type Stage = keyof typeof STAGES;

export const STAGE_NAMES = Object.keys(STAGES) as Stage[];

/** The compiled form of a program of this repository. */
export function built(program: string): string {
  return resolve('build', `${program}.js`);
}

/**
 * Compiles a program of this repository, with all the others.
 *
 * @throws NoServer what the compiler says about this one
 */
export function compile(program: string): void {
  const { status, stdout } = spawnSync('tools/compile', [program], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new NoServer(stdout.split('\n')[0] ?? '');
}

const MANY = 4_000; // processes: a limit that says nothing yet
// Silence is what many experiments are about, on machines that are busy.
const SILENCE = ['--timeout', '60'];

/**
 * A server of this repository as the experiments want it. One that forks would
 * at once become Node with other flags: begin with those.
 */
export function targetOf(program: string, flags = ['--quiet']): Target {
  const { hard = MANY } = limitsOf(process.pid)?.processes ?? {};
  const node = program === STAGES.part1 ? [process.execPath] : NODE_TO_FORK;
  const usual = ['--port', '0', ...SILENCE];
  return {
    command: [...node, built(program), ...usual, ...flags],
    dropPrivileges: ['--max-processes', `${Math.min(MANY, hard)}`],
  };
}
