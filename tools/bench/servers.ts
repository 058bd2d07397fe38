/**
 * The servers that are compared: how each is started.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { startServer } from '../harness/servers';
import { built, STAGES } from '../harness/stages';
import type { Load } from './load';

const TWINS = 'tools/bench/twins';
const C_PROGRAM = resolve('build/twins/server');
const PYTHON_PROGRAM = join(TWINS, 'server.py');
/** How many forks are timed. */
export const FORK_COUNT = 500;
const FORKS = String(FORK_COUNT);
// Long enough for every client of the load to wait in it.
const BACKLOG = '4096';
// A machine that stops for a while must not look like a client that does.
const TIMEOUT = '60';

/** A server in the comparison. */
export interface Contestant {
  /** What it is for the reader. */
  label: string;
  /** The command, on port 0. */
  command: string[];
  ends: Load['ends'];
  /** For one that leaks: how many requests it gets before it is ended. */
  bound?: number;
  /**
   * For one that forks: its short name, and a program like it whose children
   * do nothing. It says how long each fork took, in µs.
   */
  forks?: { name: string; command: string[] };
  /** What the command needs first. @returns why that cannot be had */
  prepare?: () => string | undefined;
}

/** By the names that --only knows, in the order of the table. */
export const CONTESTANTS = {
  part1: stage('part 1: one after the other', STAGES.part1),
  part2: {
    ...stage('part 2: forks and leaks', STAGES.part2),
    ends: 'client',
    bound: 400,
  },
  part3: {
    ...stage('part 3: forks and cleans up', STAGES.part3),
    forks: {
      name: 'part 3',
      command: [process.execPath, built(`${TWINS}/forks`), FORKS],
    },
  },
  http: node('node:http, closing', 'close', 'server'),
  keepalive: node('node:http, keep-alive', 'keep-alive', 'nobody'),
  c1: c('C: one after the other', 'iterative'),
  c3: {
    ...c('C: forks and cleans up', 'forking'),
    forks: { name: 'C', command: [C_PROGRAM, FORKS, 'forks'] },
  },
  python: {
    label: 'Python: forks and cleans up',
    command: ['python3', PYTHON_PROGRAM, '0'],
    forks: {
      name: 'Python',
      command: ['python3', PYTHON_PROGRAM, FORKS, 'forks'],
    },
    ends: 'server',
    prepare: () => missing('python3', 'Python'),
  },
} satisfies Record<string, Contestant>;

export type Name = keyof typeof CONTESTANTS;

function stage(label: string, program: string): Contestant {
  const limits = ['--backlog', BACKLOG, '--timeout', TIMEOUT];
  const flags = ['--quiet', '--port', '0', ...limits];
  return {
    label,
    command: [process.execPath, built(program), ...flags],
    ends: 'server',
  };
}

function node(label: string, mode: string, ends: Load['ends']): Contestant {
  const file = built(`${TWINS}/http`);
  return { label, command: [process.execPath, file, '0', mode], ends };
}

function c(label: string, mode: string): Contestant {
  const command = [C_PROGRAM, '0', mode];
  return { label, command, ends: 'server', prepare: compile };
}

function compile(): string | undefined {
  const reason = missing('cc', 'a C compiler');
  if (reason !== undefined) return reason;
  mkdirSync(dirname(C_PROGRAM), { recursive: true });
  const args = ['-O2', '-o', C_PROGRAM, join(TWINS, 'server.c')];
  const { status, stderr } = spawnSync('cc', args, { encoding: 'utf8' });
  return status === 0 ? undefined : `cc: ${stderr.trim().split('\n')[0]}`;
}

function missing(command: string, what: string): string | undefined {
  return versionOf(command) ? undefined : `${what} (${command}) is not there`;
}

/** The first line of `command --version`, or undefined. */
export function versionOf(command: string): string | undefined {
  const { stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' });
  return stdout?.split('\n')[0] || undefined;
}

/** A server that listens. */
export interface Running {
  pid: number;
  port: number;
  stop: () => Promise<void>;
}

/** Starts a server. @throws NoServer if it does not listen */
export async function startContestant({
  command,
}: Contestant): Promise<Running> {
  let stop = async () => {};
  const { pid, port } = await startServer({ command }, (undo) => {
    stop = async () => undo();
  });
  return { pid, port, stop };
}
