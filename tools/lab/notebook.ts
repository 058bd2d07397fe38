/**
 * What every lab is made of: steps, evidence, and expectations that hold or
 * don't.
 */
import chalk from 'chalk';
import { printable } from '#shared/log';
import { MARKS, paint } from '../common/marks';
import { serverEndOf } from '../experiments/findings';
import { type Client, get, openClient } from '../harness/clients';
import type { Defer, Program } from '../harness/programs';
import { type Server, startServer } from '../harness/servers';
import { compile, STAGES, type Stage, targetOf } from '../harness/stages';
import { waitFor } from '../harness/wait';
import { describeState, readProcess } from '../kernel/processes';
import { listSockets } from '../kernel/sockets';

/** One experiment that the reader makes. */
export interface Lab {
  /** One line for the list. */
  summary: string;
  /** The chapter that explains it. */
  chapter: string;
  /** What is going to be done. */
  plan: string;
  /** What the reader is asked to predict. */
  question: string;
  run: (notebook: Notebook) => Promise<void>;
  /** What was seen and why, in three sentences. */
  conclusion: string;
}

/** What a lab writes down, and what it has to put back in order. */
export interface Notebook {
  /** Whatever is handed in is undone when the lab is over. */
  defer: Defer;
  /** Says what is done now. */
  step: (text: string) => void;
  /** Evidence, as the kernel or a program has put it. */
  show: (...lines: string[]) => void;
  /** Says what was expected, and whether it is so. */
  expect: (expectation: string, holds: boolean) => void;
  /** How many expectations did not hold. */
  contradictions: () => number;
}

/** @param print where a line of it goes */
export function openNotebook(
  defer: Defer,
  print: (line: string) => void = console.log,
): Notebook {
  let contradictions = 0;
  return {
    defer,
    step: (text) => print(`\n${chalk.bold(text)}`),
    show: (...lines) => {
      for (const line of lines) print(`    ${printable(line)}`);
    },
    expect: (expectation, holds) => {
      const verdict = holds ? 'good' : 'bad';
      if (!holds) contradictions++;
      const text = holds ? expectation : `NOT SO: ${expectation}`;
      print(`  ${paint(verdict, `${MARKS[verdict]} ${text}`)}`);
    },
    contradictions: () => contradictions,
  };
}

// Pieces of labs //////////////////////////////////////////////////////////////

/** Starts a stage and tells where it is. */
export async function startStage(
  { defer, show }: Notebook,
  stage: Stage,
  ...flags: string[]
): Promise<Server> {
  compile(STAGES[stage]);
  const target = targetOf(STAGES[stage], flags);
  const server = await startServer(target, defer);
  const command = ['npm run', stage, ...(flags.length > 0 ? ['--'] : [])];
  show(
    [...command, ...flags].join(' '),
    `PID ${server.pid} listens on 127.0.0.1:${server.port}`,
  );
  return server;
}

/** For servers whose clients say nothing until the lab has seen enough. */
export const SILENCE = ['--timeout', '600'];

/** A client that asks for a page and then waits. */
export async function askFor(
  server: Server,
  path: string,
  defer: Defer,
): Promise<Client> {
  const client = await openClient(server, defer);
  client.send(get(path));
  return client;
}

/** Many of them at once. */
export function askTogether(
  server: Server,
  path: string,
  clients: number,
  defer: Defer,
): Promise<Client[]> {
  const all = Array.from({ length: clients }, () =>
    askFor(server, path, defer),
  );
  return Promise.all(all);
}

/**
 * Whether a state comes about. A lab goes on if not, and says so.
 *
 * @param seconds how long to wait for it
 */
export async function comesTrue(
  ask: () => boolean,
  seconds = 60,
): Promise<boolean> {
  try {
    return await waitFor('', ask, seconds * 1000);
  } catch {
    return false;
  }
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

/** How many connections wait to be accepted. */
export function queueLength({ listener }: Server): number {
  const row = listSockets({ state: 'LISTEN' }).find(
    ({ inode }) => inode === listener.inode,
  );
  return row?.receiveQueue ?? 0;
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
export function hasEnded({ ended }: Program): Promise<boolean> {
  let over = false;
  ended.then(() => {
    over = true;
  });
  return comesTrue(() => over);
}
