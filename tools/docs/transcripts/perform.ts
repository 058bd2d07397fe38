/**
 * Performs a sitting: types what a page says, and reads what comes out.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Obstacle } from '../../common/run';
import { Names } from '../../harness/names';
import { listDescendants } from '../../harness/orphans';
import { childrenOf, type Process, treeOf } from '../../kernel/processes';
import type { Fence } from '../chapters';
import { alike } from './compare';
import {
  CTRL_C,
  isServer,
  PROMPT,
  parseSteps,
  type Sitting,
  type Step,
} from './sitting';

const DEADLINE_MS = 60_000;
/** So long a comparison looks again, until the page's output is seen. */
const PATIENCE_MS = 30_000;
const LOOK_MS = 20;
/** Two within half a second are one to part 3: npm doubles them. */
const ANOTHER_CTRL_C_MS = 600;
/** So often in a row nothing may have happened: then all are at rest. */
const QUIET_LOOKS = 5;

/**
 * @param port where the server shall listen
 * @param patient whether to look again until the page's output is seen
 * @returns the lines that each transcript consists of, this time
 */
export async function perform(
  { fences }: Sitting,
  port: number,
  patient: boolean,
): Promise<Map<Fence, string[]>> {
  const terminals = new Terminals(port, patient ? PATIENCE_MS : 0);
  const contents = new Map<Fence, string[]>();
  try {
    for (const fence of fences) {
      const lines: string[] = [];
      for (const step of parseSteps(fence)) {
        if (step.command) lines.push(PROMPT + step.command);
        lines.push(...(await terminals.play(step, fence)));
      }
      contents.set(fence, lines);
    }
  } finally {
    terminals.end();
  }
  return contents;
}

/** All the terminals of a sitting. */
class Terminals {
  readonly #terminals = new Map<string, Terminal>();
  readonly #names = new Names();
  readonly #port: number;
  readonly #patienceMs: number;
  #server: Terminal | undefined;

  constructor(port: number, patienceMs: number) {
    this.#port = port;
    this.#patienceMs = patienceMs;
    this.#names.learnPort(port);
  }

  /** @returns what came out of a step, in the names of the page */
  async play(step: Step, fence: Fence): Promise<string[]> {
    const terminal = this.#open(fence);
    const deadline = Date.now() + this.#patienceMs;
    let log = '';
    for (let first = true; ; first = false) {
      const command = this.#names.type(step.command);
      const asks = ASKS.test(command);
      const taken =
        first || asks
          ? await terminal.take({ ...step, command }, isServer(fence))
          : null;
      await this.#atRest();
      this.#learnNames();
      if (taken === null) log += terminal.rest();
      const lines = clean(this.#names.show(taken ?? log));
      const mayChange = asks || taken === null;
      if (!mayChange || alike(lines, step.output)) return lines;
      if (Date.now() >= deadline) return lines;
    }
  }

  end(): void {
    for (const terminal of this.#terminals.values()) terminal.end();
  }

  #open(fence: Fence): Terminal {
    const known = this.#terminals.get(fence.info);
    if (known) return known;
    const terminal = new Terminal(this.#port, () => this.#atRest());
    this.#terminals.set(fence.info, terminal);
    if (isServer(fence)) this.#server = terminal;
    return terminal;
  }

  #learnNames(): void {
    const { output = '', serverPid } = this.#server ?? {};
    this.#names.learn(output);
    if (!serverPid) return;
    this.#names.learnListener(serverPid);
    this.#names.learnPids(childrenOf(serverPid));
  }

  /**
   * Waits until all sleep, in every terminal: whoever has something to do runs
   * or waits for a core, and that is seen. (One that wakes now and then only to
   * look at its watch, as curl does, is at rest.)
   */
  async #atRest(): Promise<void> {
    const terminals = [...this.#terminals.values()];
    const deadline = Date.now() + DEADLINE_MS;
    let before = '';
    for (let quiet = 0; quiet < QUIET_LOOKS && Date.now() < deadline; ) {
      await pause(LOOK_MS);
      const all = listDescendants();
      const processes = terminals.flatMap((one) => one.processes(all));
      const now = processes.map(({ pid, state }) => pid + state).join();
      const rests = processes.every((one) => isAtRest(one, processes));
      quiet = rests && now === before ? quiet + 1 : 0;
      before = now;
    }
  }
}

/** A zombie that a stranger has adopted will be gone in a moment. */
function isAtRest({ state, parent }: Process, all: Process[]): boolean {
  if (state === 'Z') return all.some(({ pid }) => pid === parent);
  return state !== 'R' && state !== 'D';
}

// Commands that only look may look again, until the state is the expected one;
// and a log goes on.
const ASKS = /^(ps|ss|lsof|ls|find|cat|grep|readlink) /;

function clean(output: string): string[] {
  const lines = output.split('\n').map((line) => line.trimEnd());
  while (lines.at(-1) === '') lines.pop();
  return lines;
}

// Carriage returns and colours.
// biome-ignore lint/suspicious/noControlCharactersInRegex: the very subject
const DECORATION = /\r|\x1b\[[\d;]*m/g;

/** What comes out, unseen, when the server in a terminal has ended. */
const THE_END = '\u0002';

/** One of the reader's terminals: a server runs in it, or a shell. */
class Terminal {
  /** Everything that has come out so far. */
  output = '';
  program?: ChildProcess;
  #ended = false;
  #shown = 0;
  readonly #port: number;
  readonly #untilAtRest: () => Promise<void>;
  readonly #sessions = new Set<number>();

  constructor(port: number, untilAtRest: () => Promise<void>) {
    this.#port = port;
    this.#untilAtRest = untilAtRest;
  }

  /**
   * All that was started in it, orphans included: they stay in the session in
   * which they were started, see setsid(2).
   */
  processes(all = listDescendants()): Process[] {
    const tree = new Set(treeOf(this.program?.pid ?? 0));
    for (const { pid, session } of all) {
      if (tree.has(pid)) this.#sessions.add(session);
    }
    return all.filter(({ session }) => this.#sessions.has(session));
  }

  /** What has come out since the last time somebody looked. */
  rest(): string {
    const news = this.output.slice(this.#shown);
    this.#shown = this.output.length;
    return news;
  }

  /** The PID of the server in this terminal. */
  get serverPid(): number | undefined {
    const [, pid] = /, PID (\d+)/.exec(this.output) ?? [];
    return pid === undefined ? undefined : Number(pid);
  }

  /** @returns what came out, if the command has an end */
  async take(step: Step, server: boolean): Promise<string | null> {
    const { command } = step;
    if (server && command) {
      const program = expandScript(command, this.#port);
      // The terminal stays open when the server ends, as a reader's does. What
      // the shell has to say about its end is not part of the story.
      const quietly = 'exec 3>&2 2>/dev/null;';
      const atEnd = `printf '${THE_END}'; exec sleep 600`;
      this.#start(`${quietly} ${program} 2>&3 3>&-; ${atEnd}`);
      await this.#until(/listens on/);
    } else if (server && step.interrupts > 0) {
      return this.#interrupt(step.interrupts);
    } else if (command) {
      if (!this.program) this.#start();
      return this.#run(command, step.interrupts > 0);
    }
    return null;
  }

  end(): void {
    for (const { pid } of this.processes()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
  }

  #start(command?: string): void {
    const local = { no_proxy: '*', TERM: 'xterm', COLUMNS: '80' };
    const env = { ...process.env, ...local };
    // The server runs in a pseudo-terminal: in one, Node has more descriptors.
    const [file, args] = command
      ? ['script', ['-qefc', command, '/dev/null']]
      : ['bash', ['--norc']]; // which it reads for whoever writes to it through a socket
    const program = spawn(file, args, { detached: true, env });
    for (const stream of [program.stdout, program.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#ended ||= text.includes(THE_END);
        this.output += text.replace(DECORATION, '').replace(THE_END, '');
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
    this.#type(command);
    this.#type(`printf '${end}'`);
    if (interrupted) await this.#interruptCommand();
    await this.#until(new RegExp(end));
    this.output = this.output.replace(end, '');
    return this.rest() + (interrupted ? CTRL_C : '') || '\n';
  }

  /** Ctrl-C for what the shell runs, as soon as it only waits. */
  async #interruptCommand(): Promise<void> {
    await this.#untilAtRest();
    const [, ...running] = treeOf(this.program?.pid ?? 0);
    for (const pid of running) process.kill(pid, 'SIGINT');
  }

  /** Ctrl-C for the server, the last of which ends it. */
  async #interrupt(times: number): Promise<string> {
    const { serverPid } = this;
    if (!serverPid) throw new Obstacle('no server runs');
    let before = this.rest();
    for (let left = times; left > 0; left--) {
      process.kill(serverPid, 'SIGINT');
      before += `${CTRL_C}\n`;
      if (left === 1) break;
      await pause(ANOTHER_CTRL_C_MS);
      await this.#untilAtRest();
      before += this.rest();
    }
    const deadline = Date.now() + DEADLINE_MS;
    while (!this.#ended && Date.now() < deadline) await pause(LOOK_MS);
    return before + this.rest();
  }

  async #until(pattern: RegExp): Promise<void> {
    const deadline = Date.now() + DEADLINE_MS;
    while (!pattern.test(this.output.slice(this.#shown))) {
      if (this.program?.exitCode != null) return;
      if (Date.now() > deadline) {
        throw new Obstacle(`waited in vain for ${pattern}:\n${this.output}`);
      }
      await pause(LOOK_MS);
    }
  }
}

/** `npm run part2 -- --trace` as the program it starts. */
function expandScript(command: string, port: number): string {
  if (command.startsWith('node build/')) return `${command} --port ${port}`;
  const [, name = '', flags = ''] =
    /^npm run (\S+)(?: -- (.*))?$/.exec(command) ?? [];
  const program = programOf(name);
  if (!program) throw new Obstacle(`terminal 1 is for a server: ${command}`);
  return `${program} --port ${port} ${flags}`;
}

/** A server as it runs in the end, and a tool as npm starts it. */
function programOf(script: string): string | undefined {
  const [, program] =
    /^exec tools\/run (\S+)$/.exec(scripts()[script] ?? '') ?? [];
  if (!program) return undefined;
  const isServer = program.startsWith('part');
  return isServer ? `node build/${program}.js` : `tools/run ${program}`;
}

function scripts(): Record<string, string> {
  return JSON.parse(readFileSync('package.json', 'utf8')).scripts;
}

// Those that take --port.
const ON_A_PORT = /^(part|client$|watch$)/;

// A page's commands are those of a reader without a proxy, with a terminal.
function prelude(port: number): string {
  const tools = Object.keys(scripts())
    .filter((name) => programOf(name))
    .map(
      (name) =>
        `    ${name}) shift; [ "$1" = -- ] && shift; ${programOf(name)} ${ON_A_PORT.test(name) ? `--port ${port}` : ''} "$@";;`,
    );
  return `
curl() { command curl -N --no-progress-meter "$@"; }
npm() {
  shift
  case $1 in
${tools.join('\n')}
  esac
}
export -f curl npm`;
}
