/**
 * Experiments on what a server's children do to it, and to each other.
 */

import { count } from '../common/words';
import { type Client, LAST_REQUEST, openClient } from '../harness/clients';
import type { Defer } from '../harness/programs';
import {
  familyOf,
  isAlive,
  isRunning,
  type Server,
  startServer,
  type Target,
  watchIdle,
} from '../harness/servers';
import { waitFor } from '../harness/wait';
import { childrenOf, isStopped, zombiesOf } from '../kernel/processes';
import { findHolders, listSockets } from '../kernel/sockets';
import {
  describeEnd,
  describeProcess,
  describeRole,
  type Finding,
  fewOf,
  serverEndOf,
} from './findings';
import { describeZombies, zombiesLeft } from './leaks';
import { describeFailure, failed, visit } from './visits';

/** Opens clients, one after the other, that say nothing. */
export async function openSilent(
  server: Server,
  count: number,
  defer: Defer,
): Promise<Client[]> {
  const clients: Client[] = [];
  while (clients.length < count) {
    clients.push(await openClient(server, defer));
  }
  return clients;
}

const CLIENTS = 8;

/** Is the last of many clients answered while the others say nothing? */
export async function waiting(target: Target, defer: Defer): Promise<Finding> {
  const server = await startServer(target, defer);
  // A queue lets clients connect, too. So the last one speaks, and no other.
  const others = await openSilent(server, CLIENTS - 1, defer);
  const last = await openClient(server, defer);
  const answered = () => last.received() !== '';
  const verdict = async () => {
    const idle = watchIdle(server);
    await waitFor('the last is answered or the server idle', () => {
      return answered() || last.over() || idle();
    });
    return answered();
  };
  last.send(LAST_REQUEST);
  const atOnce = await verdict();
  const evidence = atOnce ? [] : whyItWaits(server, others);
  for (const { socket } of others) socket.destroy();
  const afterwards = await verdict();
  return {
    verdict: atOnce ? 'good' : 'bad',
    figure: `last of ${CLIENTS} ${waited(atOnce, afterwards)}`,
    measured: { clients: CLIENTS, atOnce, afterwards },
    evidence,
  };
}

function waited(atOnce: boolean, afterwards: boolean): string {
  if (atOnce) return 'answered first';
  return afterwards ? 'left waiting' : 'never answered';
}

function whyItWaits(server: Server, others: Client[]): string[] {
  const accepted = others.flatMap((client) => {
    const end = serverEndOf(server, client);
    return (end?.holders ?? []).map((holder) => ({ end, holder }));
  });
  return [
    ...fewOf(accepted, ({ end, holder }) => {
      const name = end && describeEnd(end, holder);
      const who = describeRole(server, holder.pid);
      return `${name} in ${who} has been accepted, and its client says nothing`;
    }),
    describeProcess(server, server.pid),
    ...describeQueue(server),
  ];
}

/**
 * `3 connections wait to be accepted from descriptor 17`: a line, or none if
 * the server listens no more.
 */
export function describeQueue({ listener }: Server): string[] {
  const sockets = listSockets({ state: 'LISTEN' });
  const queue = sockets.find(({ inode }) => inode === listener.inode);
  if (!queue) return [];
  const { receiveQueue } = queue;
  const waits = `wait${receiveQueue === 1 ? 's' : ''} to be accepted`;
  const connections = count(receiveQueue, 'connection');
  return [`${connections} ${waits} from descriptor ${listener.fd}`];
}

const SIGNALS = 3;

/** Does a server go on when SIGCHLD arrives while it waits? */
export async function interruption(
  target: Target,
  defer: Defer,
): Promise<Finding> {
  const server = await startServer(target, defer);
  for (let signals = 1; signals <= SIGNALS; signals++) {
    const { failure } = await visit(server, 1, defer);
    if (failure) return failed(server, { ...failure, at: signals });
    // The child's end has sent one. But if it came just before accept began
    // to wait, it has interrupted nothing. So here is another.
    await waitFor('the server sleeps', watchIdle(server));
    if (isAlive(server)) process.kill(server.pid, 'SIGCHLD');
  }
  const { failure } = await visit(server, 1, defer);
  if (failure) return failed(server, { ...failure, at: SIGNALS + 1 });
  return {
    verdict: 'good',
    figure: `goes on after ${SIGNALS} signals`,
    measured: { signals: SIGNALS, failedAt: null, died: false, error: null },
    evidence: [],
  };
}

const TOGETHER = 50;

/** When many children end at once, does the server wait for all of them? */
export async function counting(target: Target, defer: Defer): Promise<Finding> {
  const server = await startServer(target, defer);
  const before = childrenOf(server.pid).length;
  const clients = await openSilent(server, TOGETHER, defer);
  const children = await childrenFor(server, before + TOGETHER);
  if (children.length < before + TOGETHER) {
    return tooFew(children.length - before, TOGETHER);
  }
  await waitFor('the parent is back at accept', watchIdle(server));
  // While the parent is stopped, 50 signals become one: a pending signal is
  // a yes or no, see signal(7).
  process.kill(server.pid, 'SIGSTOP');
  await waitFor('it is stopped', () => isStopped(server.pid));
  for (const client of clients) client.send(LAST_REQUEST);
  await waitFor('all children have ended', () => {
    // Where SIGCHLD is ignored, not even a zombie is left of them.
    const alive = children.filter((pid) => isRunning(pid)).length;
    return alive <= before;
  });
  process.kill(server.pid, 'SIGCONT');
  const awake = await zombiesAwake(server, defer);
  const left = awake.filter((pid) => children.includes(pid));
  if (!isAlive(server)) {
    return failed(server, await describeFailure(server, 1));
  }
  return {
    verdict: left.length === 0 ? 'good' : 'bad',
    figure: `${left.length} of ${TOGETHER} zombies stay`,
    measured: { children: TOGETHER, zombies: left.length },
    evidence: describeZombies(server, left),
  };
}

/**
 * The zombies of a server that has certainly noticed its signal. Any thread
 * of a process may take a signal, see signal(7). If it was not the one that
 * waits in accept, that one goes on waiting, until a client comes.
 */
async function zombiesAwake(server: Server, defer: Defer): Promise<number[]> {
  const left = await zombiesLeft(server);
  if (left.length < TOGETHER) return left;
  const [waker] = await openSilent(server, 1, defer).catch(() => []);
  await waitFor('the server is idle', watchIdle(server));
  const awake = zombiesOf(server.pid).map(({ pid }) => pid);
  // Its child's end is a signal of its own: a chance to die of EINTR.
  waker?.socket.destroy();
  await waitFor('the server is idle', watchIdle(server));
  return awake;
}

/** What is found where clients have no child each. */
function tooFew(children: number, clients: number): Finding {
  return {
    verdict: 'none',
    figure: `${count(children, 'child', 'children')} for ${clients} clients`,
    measured: { children },
    evidence: [],
  };
}

/** The children that serve silent clients, all of them or as many as come. */
async function childrenFor(server: Server, count: number): Promise<number[]> {
  const idle = watchIdle(server);
  const children = () => childrenOf(server.pid);
  await waitFor(
    'there are children',
    () => children().length >= count || idle(),
  );
  return children();
}

const BYSTANDERS = 2;

/** When the process that serves one client is killed, who else is lost? */
export async function isolation(
  target: Target,
  defer: Defer,
): Promise<Finding> {
  const server = await startServer(target, defer);
  const [victim, ...others] = await openSilent(server, 1 + BYSTANDERS, defer);
  const evidence = victim ? await killWhoServes(server, victim) : null;
  if (evidence === null) return nobodyKilled;
  for (const client of others) client.send(LAST_REQUEST);
  const idle = watchIdle(server);
  await waitFor('the others are answered', () => {
    return others.every((client) => client.over()) || idle();
  });
  const { answered } = await visit(server, 1, defer);
  const clients = 1 + BYSTANDERS + 1;
  const served = others.filter((client) => client.received() !== '');
  const lost = clients - served.length - answered.length;
  if (!isAlive(server)) evidence.push(`PID ${server.pid} has ended`);
  return {
    verdict: lost === 1 ? 'good' : 'bad',
    figure: `${lost} of ${clients} clients lost`,
    measured: { clients, lost, died: !isAlive(server) },
    evidence: lost === 1 ? [] : evidence,
  };
}

const nobodyKilled: Finding = {
  verdict: 'none',
  figure: 'nobody serves a silent client',
  measured: {},
  evidence: [],
};

/**
 * Kills the child that serves a client, or the server if it does so itself.
 *
 * @returns what it was, or null if nobody serves it
 */
async function killWhoServes(
  server: Server,
  client: Client,
): Promise<string[] | null> {
  await waitFor('the server is idle', watchIdle(server));
  const end = serverEndOf(server, client);
  const holders = end?.holders ?? [];
  const child = holders.find(({ pid }) => pid !== server.pid);
  const victim = child ?? holders[0];
  if (!end || !victim) return null;
  const role = describeRole(server, victim.pid);
  process.kill(victim.pid, 'SIGKILL');
  // Even to die, a process needs its turn.
  await waitFor('it has ended', () => !isRunning(victim.pid));
  // And whatever its parent does about it has been done.
  await waitFor('the server is idle', watchIdle(server));
  return [`${describeEnd(end, victim)} was served by ${role}: it was killed`];
}

const HEIRS = 3;

/** When the parent dies while children work, is its port free at once? */
export async function port(target: Target, defer: Defer): Promise<Finding> {
  const server = await startServer(target, defer);
  const before = new Set(familyOf(server.pid));
  await openSilent(server, HEIRS, defer);
  await waitFor('the server is idle', watchIdle(server));
  // Orphans, too, as after a double fork. Not workers made in advance: they
  // hold the listener because they accept.
  const children = familyOf(server.pid).filter((pid) => !before.has(pid));
  if (children.length < HEIRS) return tooFew(children.length, HEIRS);
  const { inode } = server.listener;
  const holders = findHolders(children).get(inode) ?? [];
  const heirs = [...new Map(holders.map((one) => [one.pid, one])).values()];
  const evidence = fewOf(heirs, ({ pid, fd }) => {
    const who = describeRole(server, pid);
    return `descriptor ${fd} of ${who} is the listener: the port stays taken while it lives`;
  });
  return {
    verdict: heirs.length === 0 ? 'good' : 'bad',
    figure: `${heirs.length} of ${children.length} children keep the port`,
    measured: { children: children.length, keep: heirs.length },
    evidence,
  };
}
