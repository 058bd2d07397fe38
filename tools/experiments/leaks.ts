/**
 * Experiments on what a server leaves behind: connections that never end,
 * descriptors, zombies.
 */

import { formatPair } from '#shared/sockets';
import { count } from '../common/words';
import type { Client } from '../harness/clients';
import type { Defer } from '../harness/programs';
import {
  familyOf,
  isRunning,
  NoServer,
  type Server,
  setSoftLimit,
  startServer,
  type Target,
  watchIdle,
} from '../harness/servers';
import { waitFor } from '../harness/wait';
import {
  descriptorsOf,
  listProcesses,
  threadsOfUser,
  userOf,
  zombiesOf,
} from '../kernel/processes';
import { listSockets } from '../kernel/sockets';
import {
  describeEnd,
  describeRole,
  type Finding,
  fewOf,
  serverEndOf,
} from './findings';
import { failed, visit } from './visits';

const REQUESTS = 20;

/** After the answer, does the client see end-of-file? If not, who is it? */
export async function hanging(target: Target, defer: Defer): Promise<Finding> {
  const server = await startServer(target, defer);
  const { answered, failure } = await visit(server, REQUESTS, defer, 'stay');
  if (failure && answered.length === 0) return failed(server, failure);
  const waiting = () => answered.filter((client) => !client.ended());
  const idle = watchIdle(server);
  await waitFor('all have seen end-of-file', () => {
    return waiting().length === 0 || idle();
  });
  const clients = answered.length;
  const hanging = waiting().length;
  return {
    verdict: hanging === 0 ? 'good' : 'bad',
    figure: `${hanging} of ${clients} clients hang`,
    measured: { clients, hanging },
    evidence: fewOf(waiting(), (client) => whoKeeps(server, client)),
  };
}

function whoKeeps(server: Server, client: Client): string {
  const end = serverEndOf(server, client);
  const [holder] = end?.holders ?? [];
  if (!end || !holder) return `nobody holds the connection of ${client.port}`;
  const who = end.holders.map(({ pid }) => describeRole(server, pid));
  return (
    `${describeEnd(end, holder)} is still open in ${who.join(' and ')}: ` +
    'the client got no FIN'
  );
}

/** How many more descriptors does a server have after some requests? */
export async function descriptors(
  target: Target,
  defer: Defer,
): Promise<Finding> {
  const server = await startServer(target, defer);
  const first = await visit(server, 1, defer); // whatever is opened only once
  if (first.failure) return failed(server, first.failure);
  const before = await descriptorsWhenIdle(server);
  const { failure } = await visit(server, REQUESTS, defer);
  if (failure) return failed(server, { ...failure, at: failure.at + 1 });
  const after = await descriptorsWhenIdle(server);
  const more = after.size - before.size;
  const leaked = [...after].filter(([fd]) => !before.has(fd));
  return {
    verdict: more * 2 < REQUESTS ? 'good' : 'bad',
    figure: `${more < 0 ? '' : '+'}${more} descriptors`,
    measured: { requests: REQUESTS, more },
    evidence: fewOf(leaked, ([fd, target]) => {
      const who = describeRole(server, server.pid);
      return `descriptor ${fd} → ${describeTarget(target)} is new in ${who}`;
    }),
  };
}

/** A socket by its name, as long as it has one; anything else as it is. */
function describeTarget(target: string): string {
  const named = listSockets().find(
    ({ inode }) => target === `socket:[${inode}]`,
  );
  return named ? `${formatPair(named)} (${named.state})` : target;
}

async function descriptorsWhenIdle(
  server: Server,
): Promise<Map<number, string>> {
  await waitFor('the server is idle', watchIdle(server));
  return descriptorsOf(server.pid) ?? new Map();
}

const OPEN_FILES = 64;

/** With a limit on descriptors, how many requests does a server survive? */
export async function openFiles(
  target: Target,
  defer: Defer,
): Promise<Finding> {
  const server = await startServer(target, defer);
  const open = [...(descriptorsOf(server.pid)?.keys() ?? [])];
  const own = open.filter((fd) => fd < OPEN_FILES).length;
  setSoftLimit(server.pid, 'nofile', OPEN_FILES);
  return survive(server, OPEN_FILES + 6, defer, { limit: OPEN_FILES, own });
}

const MORE_PROCESSES = 30;

/** With a limit on processes, how many requests does a server survive? */
export async function processes(
  target: Target,
  defer: Defer,
): Promise<Finding> {
  const server = await startServer(target, defer, 'ordinary').catch(whyNot);
  if ('verdict' in server) return server;
  // Whatever else the user runs counts, too.
  const limit = threadsOfUser(userOf(server.pid) ?? 0) + MORE_PROCESSES;
  setSoftLimit(server.pid, 'nproc', limit);
  const found = await survive(server, 2 * MORE_PROCESSES, defer, { limit });
  if (found.verdict === 'good') return found;
  return { ...found, evidence: [...found.evidence, ...othersZombies(server)] };
}

/** Zombies count as well, and not only those that are the server's children. */
function othersZombies({ pid }: Server): string[] {
  const family = familyOf(pid);
  const user = userOf(pid);
  const zombies = listProcesses().filter(
    (one) =>
      one.state === 'Z' &&
      !family.includes(one.parent) &&
      userOf(one.pid) === user,
  );
  if (zombies.length === 0) return [];
  const parents = new Set(zombies.map(({ parent }) => `PID ${parent}`));
  const who = [...parents].join(' and ');
  return [
    `zombies of its user that ${who} has not waited for count as well: ${zombies.length}`,
  ];
}

/** Root is exempt from this limit, and may be unable to become another. */
function whyNot(error: unknown): Finding {
  if (!(error instanceof NoServer)) throw error;
  const reason = `started as an ordinary user, ${error.message}`;
  return {
    verdict: 'none',
    figure: 'not as root',
    measured: { reason },
    evidence: [reason],
  };
}

async function survive(
  server: Server,
  requests: number,
  defer: Defer,
  limits: Finding['measured'],
): Promise<Finding> {
  const { failure } = await visit(server, requests, defer);
  if (failure) return failed(server, failure, limits);
  return {
    verdict: 'good',
    figure: `answers ${requests} of ${requests}`,
    measured: { ...limits, requests, died: false, error: null },
    evidence: [],
  };
}

// Longer than many servers wait before they look after their children: twice
// a second is a common habit.
const REAPING_MS = 700;

/** How many zombies are there after some requests? */
export async function zombies(target: Target, defer: Defer): Promise<Finding> {
  const server = await startServer(target, defer);
  const before = countLiving(server);
  const { failure } = await visit(server, REQUESTS, defer);
  if (failure) return failed(server, failure);
  const found = await zombiesLeft(server);
  const living = countLiving(server) - before;
  const stay = living * 2 >= REQUESTS;
  const figure = stay
    ? `${living} processes live on`
    : count(found.length, 'zombie');
  return {
    verdict: found.length === 0 && !stay ? 'good' : 'bad',
    figure,
    measured: { requests: REQUESTS, zombies: found.length, living },
    evidence: stay
      ? [`${count(living, 'process', 'processes')} more than before run`]
      : describeZombies(server, found),
  };
}

/** How many processes of a server have not ended. */
function countLiving({ pid }: Server): number {
  return familyOf(pid).filter(isRunning).length;
}

/** The zombies of a server that has had its time to bury them. */
export async function zombiesLeft(server: Server): Promise<number[]> {
  const found = () => zombiesOf(server.pid).map(({ pid }) => pid);
  const idle = watchIdle(server, REAPING_MS);
  const deadline = Date.now() + 15 * REAPING_MS;
  await waitFor('there are no zombies', () => {
    return found().length === 0 || idle() || Date.now() > deadline;
  });
  return found();
}

/** A line for each of the first few zombies. */
export function describeZombies(server: Server, zombies: number[]): string[] {
  return fewOf(zombies, (pid) => {
    const parent = describeRole(server, server.pid);
    return `PID ${pid} is a zombie, a child of ${parent} that nobody has waited for`;
  });
}
