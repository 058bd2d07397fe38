/**
 * Performs an experiment: types what a page says, and reads what comes out.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { childrenOf, readProcess } from '../../shared/kernel';
import type { Fence } from '../chapters';
import {
  CTRL_C,
  type Experiment,
  isServer,
  PROMPT,
  parseSteps,
  type Step,
} from './experiment';
import { Names } from './names';

const DEADLINE_MS = 20_000;
const LOOK_MS = 20;
/** So long a reader takes at least between two commands. */
const TYPING_MS = 250;
const QUIET_LOOKS = 5;
/** So long a reader waits before Ctrl-C. */
const PATIENCE_SECONDS = 2;

/**
 * @param port where the server shall listen
 * @returns the lines that each transcript consists of, this time
 */
export async function perform(
  { fences }: Experiment,
  port: number,
): Promise<Map<Fence, string[]>> {
  const names = new Names(process.pid);
  names.port = port;
  const terminals = new Map<string, Terminal>();
  const contents = new Map<Fence, string[]>();
  try {
    for (const fence of fences) {
      const terminal = terminals.get(fence.info) ?? new Terminal(port);
      terminals.set(fence.info, terminal);
      const lines: string[] = [];
      for (const step of parseSteps(fence)) {
        const output = await terminal.take(step, isServer(fence), names);
        const server = terminals.get('console terminal 1');
        await atRest(server?.program);
        names.learn(server?.output ?? '');
        if (step.command) lines.push(PROMPT + step.command);
        lines.push(...clean(names.show(output || terminal.rest())));
      }
      contents.set(fence, lines);
    }
  } finally {
    for (const terminal of terminals.values()) terminal.end();
  }
  return contents;
}

function clean(output: string): string[] {
  const lines = output.split('\n').map((line) => line.trimEnd());
  while (lines.at(-1) === '') lines.pop();
  return lines;
}

/** One of the reader's terminals: a server runs in it, or a shell. */
class Terminal {
  /** Everything that has come out so far. */
  output = '';
  program?: ChildProcess;
  #shown = 0;
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  /** What has come out since the last time somebody looked. */
  rest(): string {
    const news = this.output.slice(this.#shown);
    this.#shown = this.output.length;
    return news;
  }

  /** @returns what came out, if the command has an end */
  async take(step: Step, server: boolean, names: Names): Promise<string> {
    const command = names.type(step.command);
    if (server && command) {
      this.#start(`exec ${expandScript(command, this.#port)}`);
      await this.#until(/listens on/);
    } else if (server && step.interrupted) {
      return this.#interrupt();
    } else if (command) {
      if (!this.program) this.#start();
      return this.#run(command, step.interrupted);
    }
    return '';
  }

  end(): void {
    const { pid, exitCode } = this.program ?? {};
    if (pid === undefined || exitCode !== null) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }

  #start(command?: string): void {
    const args = command ? ['-c', `${command} 2>&1`] : [];
    const env = { ...process.env, NO_COLOR: '1', COLUMNS: '80' };
    const program = spawn('bash', args, { detached: true, env });
    for (const stream of [program.stdout, program.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    this.program = program;
    if (!command) this.#type(`exec 2>&1\n${prelude(this.#port)}`);
  }

  #type(text: string): void {
    this.program?.stdin?.write(`${text}\n`);
  }

  /** Runs a command in the shell, up to its end. */
  async #run(command: string, interrupted: boolean): Promise<string> {
    const end = '\u0001';
    const quoted = `'${command.replaceAll("'", "'\\''")}'`;
    this.#type(
      interrupted
        ? `timeout -s INT ${PATIENCE_SECONDS} bash -c ${quoted}`
        : command,
    );
    this.#type(`printf '${end}'`);
    await this.#until(new RegExp(end));
    this.output = this.output.replace(end, '');
    return this.rest() + (interrupted ? CTRL_C : '') || '\n';
  }

  /** Ctrl-C for the server, and what it still has to say. */
  async #interrupt(): Promise<string> {
    const { program } = this;
    if (!program?.pid) throw new Error('no server runs');
    const before = this.rest();
    process.kill(program.pid, 'SIGINT');
    if (program.exitCode === null && program.signalCode === null) {
      await once(program, 'close');
    }
    return `${before}${CTRL_C}\n${this.rest()}`;
  }

  async #until(pattern: RegExp): Promise<void> {
    const deadline = Date.now() + DEADLINE_MS;
    while (!pattern.test(this.output.slice(this.#shown))) {
      if (this.program?.exitCode != null) return;
      if (Date.now() > deadline) {
        throw new Error(`waited in vain for ${pattern}:\n${this.output}`);
      }
      await pause(LOOK_MS);
    }
  }
}

/** Waits until a server, with all its children, has nothing to do. */
async function atRest(program: ChildProcess | undefined): Promise<void> {
  await pause(TYPING_MS);
  const deadline = Date.now() + DEADLINE_MS;
  for (let quiet = 0; quiet < QUIET_LOOKS && Date.now() < deadline; ) {
    await pause(LOOK_MS);
    const pids = program?.pid ? [program.pid, ...childrenOf(program.pid)] : [];
    const busy = pids.some((pid) => readProcess(pid)?.state === 'R');
    quiet = busy ? 0 : quiet + 1;
  }
}

/** `npm run part2 -- --trace` as the program it starts. */
function expandScript(command: string, port: number): string {
  const [, name = '', flags = ''] =
    /^npm run (\S+)(?: -- (.*))?$/.exec(command) ?? [];
  const program = programOf(name);
  if (!program) throw new Error(`terminal 1 is for a server: ${command}`);
  return `${program} --port ${port} ${flags}`;
}

function programOf(script: string): string | undefined {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
  return /exec (node \S+)$/.exec(scripts[script] ?? '')?.[1];
}

// A page's commands are those of a reader without a proxy, with a terminal.
function prelude(port: number): string {
  const tools = ['client', 'watch'].map(
    (name) => `    ${name}) shift; ${programOf(name)} --port ${port} "$@";;`,
  );
  return `
curl() { command curl -sSN --noproxy '*' "$@"; }
npm() {
  shift
  case $1 in
${tools.join('\n')}
  esac
}
export -f curl npm`;
}
