/**
 * Performs an experiment: types what a page says, and reads what comes out.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { childrenOf, readProcess } from '../../kernel/processes';
import type { Fence } from '../chapters';
import { alike } from './compare';
import {
  CTRL_C,
  type Experiment,
  isServer,
  PROMPT,
  parseSteps,
  type Step,
} from './experiment';
import { Names } from './names';

const DEADLINE_MS = 60_000;
const LOOK_MS = 20;
/** So long a reader takes at least between two commands. */
const TYPING_MS = 250;
const QUIET_LOOKS = 5;
/** So long what is started in the background takes to begin, at most. */
const BACKGROUND_MS = 1_200;
/**
 * So long a reader waits before Ctrl-C, and looks again before giving up. A
 * comparison is patient: it must not depend on how busy the machine is.
 */
const PACE = { patienceSeconds: 2, stateMs: 0 };
const PATIENT_PACE = { patienceSeconds: 6, stateMs: 30_000 };

/**
 * @param port where the server shall listen
 * @param patient whether to look again until the page's output is seen
 * @returns the lines that each transcript consists of, this time
 */
export async function perform(
  { fences }: Experiment,
  port: number,
  patient: boolean,
): Promise<Map<Fence, string[]>> {
  const stage = new Stage(port, patient ? PATIENT_PACE : PACE);
  const contents = new Map<Fence, string[]>();
  try {
    for (const fence of fences) {
      const lines: string[] = [];
      for (const step of parseSteps(fence)) {
        if (step.command) lines.push(PROMPT + step.command);
        lines.push(...(await stage.play(step, fence)));
      }
      contents.set(fence, lines);
    }
  } finally {
    stage.end();
  }
  return contents;
}

/** All the terminals of an experiment. */
class Stage {
  readonly #terminals = new Map<string, Terminal>();
  readonly #names = new Names();
  readonly #port: number;
  readonly #pace: typeof PACE;
  #server: Terminal | undefined;

  constructor(port: number, pace: typeof PACE) {
    this.#port = port;
    this.#pace = pace;
    this.#names.port = port;
  }

  /** @returns what came out of a step, in the names of the page */
  async play(step: Step, fence: Fence): Promise<string[]> {
    const terminal =
      this.#terminals.get(fence.info) ?? new Terminal(this.#port, this.#pace);
    this.#terminals.set(fence.info, terminal);
    if (isServer(fence)) this.#server = terminal;
    const deadline = Date.now() + this.#pace.stateMs;
    let log = '';
    for (let first = true; ; first = false) {
      const command = this.#names.type(step.command);
      const asks = ASKS.test(command);
      const taken =
        first || asks
          ? await terminal.take({ ...step, command }, isServer(fence))
          : null;
      if (command.includes('&)')) await pause(BACKGROUND_MS);
      await atRest(this.#server?.serverPid);
      this.#names.learn(this.#server?.output ?? '');
      const { serverPid } = this.#server ?? {};
      if (serverPid) this.#names.learnListener(serverPid);
      if (serverPid) this.#names.learnPids(childrenOf(serverPid));
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
  readonly #pace: typeof PACE;

  constructor(port: number, pace: typeof PACE) {
    this.#port = port;
    this.#pace = pace;
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
    } else if (server && step.interrupted) {
      return this.#interrupt();
    } else if (command) {
      if (!this.program) this.#start();
      return this.#run(command, step.interrupted);
    }
    return null;
  }

  end(): void {
    const { serverPid } = this;
    const children = serverPid ? childrenOf(serverPid) : [];
    for (const pid of [...children, serverPid, this.program?.pid]) {
      try {
        if (pid) process.kill(pid, 'SIGKILL');
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
      : ['bash', []];
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
    const quoted = `'${command.replaceAll("'", "'\\''")}'`;
    this.#type(
      interrupted
        ? `timeout -s INT ${this.#pace.patienceSeconds} bash -c ${quoted}`
        : command,
    );
    this.#type(`printf '${end}'`);
    await this.#until(new RegExp(end));
    this.output = this.output.replace(end, '');
    return this.rest() + (interrupted ? CTRL_C : '') || '\n';
  }

  /** Ctrl-C for the server, and what it still has to say. */
  async #interrupt(): Promise<string> {
    const { serverPid } = this;
    if (!serverPid) throw new Error('no server runs');
    const before = this.rest();
    process.kill(serverPid, 'SIGINT');
    const deadline = Date.now() + DEADLINE_MS;
    while (!this.#ended && Date.now() < deadline) await pause(LOOK_MS);
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
async function atRest(server: number | undefined): Promise<void> {
  await pause(TYPING_MS);
  const deadline = Date.now() + DEADLINE_MS;
  for (let quiet = 0; quiet < QUIET_LOOKS && Date.now() < deadline; ) {
    await pause(LOOK_MS);
    const pids = server ? [server, ...childrenOf(server)] : [];
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
