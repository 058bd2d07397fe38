/**
 * Do children stay behind as zombies, and what happens when there is no room
 * for another process?
 */
import { count } from '../common/words';
import { untilIdle } from '../harness/idle';
import {
  familyOf,
  isRunning,
  NoServer,
  type Server,
  setSoftLimit,
  startServer,
} from '../harness/servers';
import {
  listProcesses,
  threadsOfUser,
  userOf,
  zombiesOf,
} from '../kernel/processes';
import {
  describeRole,
  type Experiment,
  type Finding,
  fewOf,
  none,
  onServer,
} from './findings';
import { failed, survive, visit } from './visits';

const REQUESTS = 20;

// Longer than many servers wait before they look after their children: twice
// a second is a common habit.
const REAPING_MS = 700;

/** How many zombies are there after some requests? */
export const zombies = onServer(async (server, defer) => {
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
});

/** How many processes of a server have not ended. */
function countLiving({ pid }: Server): number {
  return familyOf(pid).filter(isRunning).length;
}

/** The zombies of a server that has had its time to bury them. */
export async function zombiesLeft(server: Server): Promise<number[]> {
  const found = () => zombiesOf(server.pid).map(({ pid }) => pid);
  const deadline = Date.now() + 15 * REAPING_MS;
  const over = () => found().length === 0 || Date.now() > deadline;
  await untilIdle(server, over, REAPING_MS);
  return found();
}

/** A line for each of the first few zombies. */
export function describeZombies(server: Server, zombies: number[]): string[] {
  return fewOf(zombies, (pid) => {
    const parent = describeRole(server, server.pid);
    return `PID ${pid} is a zombie, a child of ${parent} that nobody has waited for`;
  });
}

const MORE_PROCESSES = 30;

/** With a limit on processes, how many requests does a server survive? */
export const processes: Experiment = async (target, defer) => {
  const server = await startServer(target, defer, 'ordinary').catch(whyNot);
  if ('verdict' in server) return server;
  // Whatever else the user runs counts, too.
  const limit = threadsOfUser(userOf(server.pid) ?? 0) + MORE_PROCESSES;
  setSoftLimit(server.pid, 'nproc', limit);
  const found = await survive(server, 2 * MORE_PROCESSES, defer, { limit });
  if (found.verdict === 'good') return found;
  return { ...found, evidence: [...found.evidence, ...othersZombies(server)] };
};

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
  return none('not as root', { reason }, [reason]);
}
