/**
 * What an experiment has found, in figures and in the kernel's words.
 */
import { formatPair } from '#shared/sockets';
import type { Verdict } from '../common/marks';
import { count } from '../common/words';
import type { Client } from '../harness/clients';
import type { Defer } from '../harness/programs';
import {
  familyOf,
  isRunning,
  type Server,
  startServer,
  type Target,
} from '../harness/servers';
import type { Holder } from '../kernel/descriptors';
import { childrenOf, readProcess, treeOf } from '../kernel/processes';
import { describeState } from '../kernel/sleeps';
import { findHolders, listSockets } from '../kernel/sockets';
import type { TcpSocket } from '../kernel/tcp';

/** What one experiment on one server has found. */
export interface Finding {
  /** `none` if the server does not do what the experiment is about. */
  verdict: Verdict;
  /** What was measured, in a few words: `20 of 20 clients hang`. */
  figure: string;
  /** The same for programs. */
  measured: Record<string, number | string | boolean | null>;
  /** What the kernel says about it, a line each. */
  evidence: string[];
}

/**
 * An experiment: starts a server of its own, whatever program that is, does
 * something to it, and asks the kernel.
 */
export type Experiment = (target: Target, defer: Defer) => Promise<Finding>;

/** An experiment on a server that has been started as it is. */
export function onServer(
  look: (server: Server, defer: Defer) => Promise<Finding>,
): Experiment {
  return async (target, defer) => look(await startServer(target, defer), defer);
}

/** What is found in a server that does not do what an experiment is about. */
export function none(
  figure: string,
  measured: Finding['measured'] = {},
  evidence: string[] = [],
): Finding {
  return { verdict: 'none', figure, measured, evidence };
}

/** What there is to say of an experiment that could not be made. */
export function notMeasured({ message }: Error): Finding {
  return none(NOT_MEASURED, {}, [message]);
}

export const NOT_MEASURED = 'not measured';

/** The server's end of a connection, and who holds it. */
export interface ServerEnd {
  socket: TcpSocket;
  holders: Holder[];
}

/**
 * The server's end of a client's connection, as the kernel knows it, and who
 * of the server's processes hold it, orphans included.
 *
 * @returns null once it is closed for good
 */
export function serverEndOf(
  { pid, port }: Pick<Server, 'pid' | 'port'>,
  client: Pick<Client, 'port'>,
): ServerEnd | null {
  const socket = listSockets({ port: client.port }).find(
    ({ local, remote }) => local.port === port && remote.port === client.port,
  );
  if (!socket || socket.state === 'TIME_WAIT') return null;
  const holders = findHolders(familyOf(pid)).get(socket.inode) ?? [];
  return { socket, holders };
}

/** Who holds the server's end of a client's connection. */
export function holdersOf(...ends: Parameters<typeof serverEndOf>): Holder[] {
  return serverEndOf(...ends)?.holders ?? [];
}

/** `descriptor 21 → 127.0.0.1:8888 ⇄ 127.0.0.1:53122` */
export function describeEnd({ socket }: ServerEnd, { fd }: Holder): string {
  return `descriptor ${fd} → ${formatPair(socket)}`;
}

/** `PID 4711 (the parent)` */
export function describeRole(server: Server, pid: number): string {
  if (pid !== server.pid) {
    const isChild = treeOf(server.pid).includes(pid);
    return `PID ${pid} (${isChild ? 'a child' : 'an orphan'})`;
  }
  return `PID ${pid} (${isParent(server) ? 'the parent' : 'the server'})`;
}

/** Whether a server has children, or has waited for one since it listens. */
function isParent({ pid, childFaults }: Server): boolean {
  if (childrenOf(pid).length > 0) return true;
  return (readProcess(pid)?.childFaults ?? 0) > childFaults;
}

/** `PID 4711 (the parent) is sleeping in accept(17)` */
export function describeProcess(server: Server, pid: number): string {
  const process = readProcess(pid);
  const state = process ? describeState(process) : 'gone';
  return `${describeRole(server, pid)} is ${state}`;
}

/** What a server does, or that it has ended. */
export function whatItDoes(server: Server): string {
  const { pid } = server;
  return isRunning(pid) ? describeProcess(server, pid) : `PID ${pid} has ended`;
}

/** The first few of many lines, and how many there are besides. */
export function fewOf<T>(all: T[], describe: (one: T) => string): string[] {
  const lines = all.slice(0, FEW).map(describe);
  if (all.length > FEW) lines.push(`… and ${all.length - FEW} more like these`);
  return lines;
}

const FEW = 3;

/**
 * `3 connections wait to be accepted from descriptor 17`: a line, or none if
 * the server listens no more.
 */
export function describeQueue(server: Server): string[] {
  const length = queueLength(server);
  if (length === null) return [];
  const waits = `wait${length === 1 ? 's' : ''} to be accepted`;
  const connections = count(length, 'connection');
  return [`${connections} ${waits} from descriptor ${server.listener.fd}`];
}

/** How many connections wait to be accepted; null if it listens no more. */
export function queueLength({ listener }: Server): number | null {
  const sockets = listSockets({ state: 'LISTEN' });
  const queue = sockets.find(({ inode }) => inode === listener.inode);
  return queue?.receiveQueue ?? null;
}

/** What is found where clients have no child each. */
export function tooFew(children: number, clients: number): Finding {
  const some = count(children, 'child', 'children');
  return none(`${some} for ${clients} clients`, { children });
}
