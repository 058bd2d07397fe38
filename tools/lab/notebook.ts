/**
 * What every lab is made of: steps, evidence, and expectations that hold or
 * don't.
 */
import chalk from 'chalk';
import { printable } from '#shared/text';
import { MARKS, paint } from '../common/marks';
import { holdersOf, serverEndOf } from '../experiments/findings';
import { type Client, get, openClient, openClients } from '../harness/clients';
import type { Defer, Program } from '../harness/programs';
import {
  hearOut,
  type Server,
  startServer,
  type Target,
} from '../harness/servers';
import { compile, STAGES, type Stage, targetOf } from '../harness/stages';
import { waitFor } from '../harness/wait';
import { childrenOf, readProcess } from '../kernel/processes';
import { describeState } from '../kernel/sleeps';
import type { Note } from '../model/replay';

/** One experiment that the reader makes. */
export interface Lab {
  /** One line for the list. */
  summary: string;
  /** What is going to be done. */
  plan: string;
  /** What the reader is asked to predict. */
  question: string;
  run: (notebook: Notebook) => Promise<void>;
  /** What was seen and why, in three sentences. */
  conclusion: string;
}

/** Whoever is told what is written into a notebook. */
export interface Witness {
  step: (text: string) => void;
  note: (...notes: Note[]) => void;
  /** Has servers started by another command. */
  command?: (words: string[]) => string[];
  /** Says which server all this is about. */
  follow?: (server: Server) => void;
  look?: () => void;
}

/** What a lab does and writes down, and what it has to put back in order. */
export class Notebook {
  /** How many expectations did not hold. */
  contradictions = 0;
  /** Whatever is handed in is undone when the lab is over. */
  readonly defer: Defer;
  readonly #witness: Witness;

  constructor(defer: Defer, witness = printTo(console.log)) {
    this.defer = defer;
    this.#witness = witness;
  }

  /** Says what is done now. */
  readonly step = (text: string): void => this.#witness.step(text);

  /** Evidence, as the kernel or a program has put it. */
  readonly show = (...lines: string[]): void => {
    const notes = lines.map((line) => ({ show: printable(line) }));
    this.#witness.note(...notes);
  };

  /** Says what was expected, and whether it is so. */
  readonly expect = (expectation: string, holds: boolean): void => {
    if (!holds) this.contradictions++;
    this.#witness.note({ expect: expectation, holds });
  };

  /** Says that something is to be seen, which will be gone soon. */
  readonly look = (): void => this.#witness.look?.();

  /** A program of this repository as a server, to be started. */
  readonly targetOf = (program: string, flags: string[]): Target => {
    const target = targetOf(program, flags);
    const command = this.#witness.command?.(target.command);
    return command ? { ...target, command } : target;
  };

  /** Starts a stage and tells where it is. */
  readonly start = (stage: Stage, ...flags: string[]): Promise<Server> => {
    const command = `npm run ${stage}${flags.length > 0 ? ' --' : ''}`;
    return this.startByCommand(command, STAGES[stage], flags);
  };

  /** Starts a program of this repository and tells how, and where it is. */
  readonly startByCommand = async (
    command: string,
    program: string,
    flags: string[],
  ): Promise<Server> => {
    compile(program);
    const target = this.targetOf(program, flags);
    const server = await startServer(target, this.defer);
    this.#witness.follow?.(server);
    this.show(
      [command, ...flags].join(' '),
      `PID ${server.pid} listens on 127.0.0.1:${server.port}`,
    );
    return server;
  };

  /**
   * A client that connects and says nothing.
   *
   * @param holders how many processes have the other end when it goes on
   */
  readonly connect = async (server: Server, holders = 0): Promise<Client> => {
    const client = await openClient(server, this.defer);
    const isHeld = () => holdersOf(server, client).length === holders;
    if (holders > 0) await comesTrue(isHeld);
    return client;
  };

  /** Many clients that ask for a page and then wait. */
  readonly askTogether = async (
    server: Server,
    path: string,
    clients: number,
  ): Promise<Client[]> => {
    const all = await openClients(server, clients, this.defer);
    this.look();
    for (const client of all) client.send(get(path));
    return all;
  };

  /** One of them. */
  readonly ask = async (server: Server, path: string): Promise<Client> => {
    const [client] = await this.askTogether(server, path, 1);
    return client as Client;
  };

  /**
   * The same in two steps, so that the clients can be looked at before they
   * say a word.
   */
  readonly connectAndAsk = async (
    server: Server,
    clients: number,
  ): Promise<Client[]> => {
    const one = clients === 1;
    this.step(one ? 'A client connects.' : `${clients} clients connect.`);
    const all = await openClients(server, clients, this.defer);
    this.step(`${one ? 'It asks' : 'They ask'} for /.`);
    for (const client of all) client.send(get('/'));
    return all;
  };
}

/** Lines for somebody who reads along. */
export function printTo(print: (line: string) => void): Witness {
  return {
    step: (text) => print(`\n${chalk.bold(text)}`),
    note: (...notes) => {
      for (const note of notes) print(lineOf(note));
    },
  };
}

function lineOf(note: Note): string {
  if ('show' in note) return `    ${note.show}`;
  const verdict = note.holds ? 'good' : 'bad';
  const text = note.holds ? note.expect : `NOT SO: ${note.expect}`;
  return `  ${paint(verdict, `${MARKS[verdict]} ${text}`)}`;
}

// Pieces of labs //////////////////////////////////////////////////////////////

/** For servers whose clients say nothing until the lab has seen enough. */
export const SILENCE = ['--timeout', '600'];

/**
 * Whether a state comes about. A lab goes on if not, and says so.
 *
 * @param seconds how long to wait for it
 */
export function comesTrue(ask: () => boolean, seconds = 60): Promise<boolean> {
  return waitFor('', ask, seconds * 1000).catch(() => false);
}

/** The PIDs of a server's children, as soon as there is one. */
export async function childOf({ pid }: Server): Promise<number[]> {
  await comesTrue(() => childrenOf(pid).length > 0);
  return childrenOf(pid);
}

/** `/proc/4711/stat: 4711 (part2) Z 4700`: number, name, state, parent. */
export function statLine(pid: number): string {
  const process = readProcess(pid);
  if (!process) return `/proc/${pid}: there is no such process`;
  const { name, state, parent } = process;
  return `/proc/${pid}/stat: ${pid} (${name}) ${state} ${parent}`;
}

/** `/proc/4711/fd/18 -> socket:[33058]` for each who holds the server's end. */
export function holderLines(server: Server, client: Client): string[] {
  const end = serverEndOf(server, client);
  if (!end) return [`no process holds the server's end of port ${client.port}`];
  const target = `socket:[${end.socket.inode}]`;
  return end.holders.map(({ pid, fd }) => `/proc/${pid}/fd/${fd} -> ${target}`);
}

/** `127.0.0.1:8888 ⇄ 127.0.0.1:53122 ESTABLISHED`, the server's end. */
export function socketLine(server: Server, client: Client): string {
  const end = serverEndOf(server, client);
  const pair = `127.0.0.1:${server.port} ⇄ 127.0.0.1:${client.port}`;
  return `${pair}  ${end?.socket.state ?? 'closed'}`;
}

/** The lines of a page that a client has received. */
export function pageLines(client: Client): string[] {
  const [, bytes = ''] = client.received().split('\r\n\r\n');
  const page = Buffer.from(bytes, 'latin1').toString();
  return page.trimEnd().split('\n').filter(Boolean);
}

/** `PID 4711 is sleeping in accept(17)` */
export function stateLine(pid: number): string {
  const process = readProcess(pid);
  return `PID ${pid} is ${process ? describeState(process) : 'gone'}`;
}

/** Waits until a program has ended and all its output has come. */
export async function hasEnded(program: Program): Promise<void> {
  await comesTrue(() => program.exit() !== null);
  await hearOut(program);
}
