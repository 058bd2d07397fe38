/**
 * Servers under observation: any command that listens, found by what the
 * kernel says about it and not by what it prints.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import {
  type AddressInfo,
  createServer,
  type Server as NameHolder,
} from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Obstacle } from '../common/run';
import {
  isStopped,
  type Process,
  readProcess,
  treeOf,
} from '../kernel/processes';
import { findHolders, findListeners, type Listener } from '../kernel/sockets';
import { listDescendants } from './orphans';
import { type Defer, type Program, startProgram } from './programs';
import { startStopwatch, waitFor } from './wait';

/** A server that can be started again and again. */
export interface Target {
  /** The command and its arguments; `{port}` stands for a free port. */
  command: string[];
  /**
   * The arguments by which the server, started by root, becomes an ordinary
   * user. One that has none is started as an ordinary user.
   */
  dropPrivileges?: string[];
  /** How long it may take until it listens, in seconds: 60 unless told. */
  patience?: number;
}

/**
 * A server that listens. The program is what was started: the server itself,
 * or one such as npm that started it.
 */
export interface Server extends Program {
  /** The process that listens. */
  pid: number;
  /** Its descriptor for that, and the inode of the socket behind it. */
  listener: { fd: number; inode: number };
  /** Where a client finds it. */
  host: string;
  port: number;
  /** Those of `Process`, when it began to listen. */
  childFaults: number;
}

/** What is wrong with a command that is no server. */
export class NoServer extends Obstacle {
  override readonly name = 'NoServer';
}

const STDOUT = 1;
const STDERR = 2;

const START_SECONDS = 60;
const START_TRIES = 3;
const STEP_MS = 20;
const LAST_WORDS_MS = 500;

/**
 * Starts a server and waits until it listens.
 *
 * @param user what to be if root starts it: root, or an ordinary user
 * @throws NoServer if it ends before it listens, or does not listen in time
 */
export async function startServer(
  target: Target,
  defer: Defer,
  user: 'same' | 'ordinary' = 'same',
): Promise<Server> {
  for (let tries = 1; ; tries++) {
    try {
      return await startOnce(target, defer, user);
    } catch (error) {
      // A port that was free a moment ago may be somebody else's by now.
      const taken = /EADDRINUSE|already in use/i.test(`${error}`);
      if (!taken || !choosesPort(target) || tries === START_TRIES) throw error;
    }
  }
}

async function startOnce(
  target: Target,
  defer: Defer,
  user: 'same' | 'ordinary',
): Promise<Server> {
  const program = await startTarget(target, defer, user);
  const { patience = START_SECONDS } = target;
  const waited = startStopwatch();
  for (;;) {
    const [listener] = listenersOf(program);
    if (listener) return describeServer(program, listener);
    if (program.exit()) throw new NoServer(await howItEnded(program));
    if (waited() > patience * 1000) {
      throw new NoServer(`it does not listen within ${patience} s`);
    }
    await pause(STEP_MS);
  }
}

function listenersOf(program: Program): Listener[] {
  const pids = treeOf(program.pid);
  // The list of all sockets can be long. So first: have they one at all,
  // besides those that are their stdout and stderr? (Their stdin is none.)
  const holders = [...findHolders(pids).values()];
  const some = holders.some((all) =>
    all.every(({ fd }) => fd !== STDOUT && fd !== STDERR),
  );
  return some ? findListeners(pids) : [];
}

// A user of our own: a limit on processes counts all that a user has.
const ORDINARY_USER = 64_000 + (process.pid % 1000);

async function startTarget(
  { command, dropPrivileges }: Target,
  defer: Defer,
  user: 'same' | 'ordinary',
): Promise<Program> {
  const port = choosesPort({ command }) ? await freePort() : 0;
  const words = command.map((word) => word.replaceAll('{port}', `${port}`));
  if (user === 'same' || process.getuid?.() !== 0) {
    return startProgram(words, defer);
  }
  if (dropPrivileges) {
    await takeTurn(defer);
    return startProgram([...words, ...dropPrivileges], defer);
  }
  return startProgram(words, defer, { uid: ORDINARY_USER, gid: ORDINARY_USER });
}

const TURN_MS = 300_000;

/**
 * Waits until no other program of the course, in whatever folder, has
 * processes counted that belong to user nobody.
 *
 * @param defer when it is another one's turn
 */
export async function takeTurn(defer: Defer): Promise<void> {
  const take = () => takeName('\0accept · fork · reap: nobody');
  const turn = await waitFor('user nobody is ours', take, TURN_MS);
  defer(() => void turn.close());
}

/**
 * Takes a name that only one socket can have, an abstract one of unix(7): it is
 * in no folder, and the kernel gives it back when we end, however that is.
 *
 * @param words what is said to whoever would like to have it
 * @returns null if somebody else has it
 */
export async function takeName(
  name: string,
  words = '',
): Promise<NameHolder | null> {
  const holder = createServer((socket) => {
    socket.on('error', () => {}).end(words);
  });
  holder.listen(name).unref();
  return once(holder, 'listening').then(
    () => holder,
    () => null,
  );
}

/** Whether we choose the port that it listens on. */
function choosesPort({ command }: Pick<Target, 'command'>): boolean {
  return command.some((word) => word.includes('{port}'));
}

/** A port that nobody listens on at the moment. The kernel chooses it. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

function describeServer(program: Program, listener: Listener): Server {
  const { pid, fd, socket } = listener;
  const { address, port } = socket.local;
  const everywhere = address === '0.0.0.0' || address === '[::]';
  return {
    ...program,
    pid,
    listener: { fd, inode: socket.inode },
    host: everywhere ? '127.0.0.1' : address.replace(/[[\]]/g, ''),
    port,
    childFaults: readProcess(pid)?.childFaults ?? 0,
  };
}

async function howItEnded(program: Program): Promise<string> {
  await hearOut(program);
  const { code, signal } = program.exit() ?? { code: null, signal: null };
  const how = signal ? `was killed by ${signal}` : `ended with status ${code}`;
  const words = lastWords(program);
  return `it ${how} before it listened${words && `: ${words}`}`;
}

/**
 * The last words of a program that has ended may still be on their way. If it
 * left a process in the background, there is no end of them.
 */
export async function hearOut(program: Program): Promise<void> {
  await Promise.race([program.ended, pause(LAST_WORDS_MS)]);
}

/** Whether the process that listened is still there, and not a zombie. */
export function isAlive({ pid }: Server): boolean {
  return isRunning(pid);
}

/** Whether a process is there, and not a zombie. */
export function isRunning(pid: number): boolean {
  const process = readProcess(pid);
  return process !== null && !'ZX'.includes(process.state);
}

/** Stops a server, with SIGSTOP, and waits until it has stopped. */
export async function suspend({ pid }: Server): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await waitFor('it is stopped', () => isStopped(pid));
}

// Not a place in the code, nor what else Node prints below an error.
const NOT_A_STACK = /^(?!Node\.js v|\}$)\S/;

/** The last line that a program has printed, of those about something. */
export function lastWords(program: Program, about = NOT_A_STACK): string {
  const lines = program.output().split('\n');
  return lines.findLast((line) => about.test(line))?.trim() ?? '';
}

/** The processes of a server: itself, its descendants, and its orphans. */
export function familyOf(pid: number): number[] {
  const tree = treeOf(pid);
  return [...tree, ...orphansOf(pid, tree).map((orphan) => orphan.pid)];
}

/**
 * Those that are not among a server's descendants any more, but still in its
 * session. (So is whatever has started it.)
 */
export function orphansOf(pid: number, tree = treeOf(pid)): Process[] {
  const session = readProcess(pid)?.session;
  const family = new Set(tree);
  return listDescendants().filter(
    (one) => one.session === session && !family.has(one.pid),
  );
}

/**
 * Sets a soft limit of a running process, with prlimit(1): what becomes
 * scarce while a server runs.
 */
export function setSoftLimit(
  pid: number,
  resource: 'nofile' | 'nproc',
  limit: number,
): void {
  // Whoever owns the process may do that. Root in a container may not.
  const { uid, gid } = statSync(`/proc/${pid}`);
  const owner = process.getuid?.() === 0 ? { uid, gid } : {};
  const args = ['--pid', `${pid}`, `--${resource}=${limit}:`];
  execFileSync('prlimit', args, owner);
}
