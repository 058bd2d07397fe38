/**
 * The stages of the course, as programs that can be started.
 */
import { basename, resolve } from 'node:path';
import { limitsOf } from '../../shared/kernel';
import { NODE_FLAGS } from '../../shared/start';
import type { Target } from './servers';

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

const MANY = 4_000; // processes: a limit that says nothing yet
// Silence is what many experiments are about, on machines that are busy.
const PATIENT = ['--timeout', '60'];

/** A compiled server as the experiments want it. */
export function targetOf(file: string, flags = ['--quiet']): Target {
  const { hard = MANY } = limitsOf(process.pid)?.processes ?? {};
  // With its flags Node starts once and not twice, see start.ts.
  const node = [process.execPath, ...NODE_FLAGS];
  return {
    name: basename(file, '.js'),
    command: [...node, file, '--port', '0', ...PATIENT, ...flags],
    dropPrivileges: ['--max-processes', `${Math.min(MANY, hard)}`],
  };
}
