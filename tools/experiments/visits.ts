/**
 * Clients that visit a server one after the other.
 */
import { type Client, LAST_REQUEST, openClient } from '../harness/clients';
import { untilIdle } from '../harness/idle';
import type { Defer } from '../harness/programs';
import { hearOut, isAlive, lastWords, type Server } from '../harness/servers';
import { childrenOf, readProcess } from '../kernel/processes';
import { type Finding, whatItDoes } from './findings';

/** How a number of visits went. */
export interface Visits {
  /** Who got an answer. Some may still wait for the end of it. */
  answered: Client[];
  /** Why the next one got none, if there was a next one. */
  failure: Failure | null;
}

/** Why a server does not answer. */
export interface Failure {
  /** Which visitor noticed, the first being 1. */
  at: number;
  /** Whether the server has ended. */
  died: boolean;
  /** The error of errno(3) that it spoke of: EMFILE, EAGAIN, EINTR. */
  error: string | null;
}

/**
 * Lets clients visit, each after the one before has been answered and its
 * child, if it had one, has ended. Ends early when one gets no answer.
 *
 * @param then what a client does that has been answered: it leaves
 */
export async function visit(
  server: Server,
  count: number,
  defer: Defer,
  then: (client: Client) => void = leave,
): Promise<Visits> {
  const answered: Client[] = [];
  const children = watchChildren(server);
  const before = children();
  let hangs = false;
  while (answered.length < count) {
    const client = await askOnce(server, defer, hangs);
    if (client === null) {
      const failure = await describeFailure(server, answered.length + 1);
      return { answered, failure };
    }
    answered.push(client);
    hangs ||= !client.ended();
    then(client);
    await untilIdle(server, () => children() <= before);
  }
  return { answered, failure: null };
}

function leave({ socket }: Client): void {
  socket.destroy();
}

/** A visitor who keeps its end of the connection open. */
export function stay(): void {}

/** Lets clients ask. @returns how many of them got an answer */
export async function ask(server: Server, clients: Client[]): Promise<number> {
  for (const client of clients) client.send(LAST_REQUEST);
  await untilIdle(server, () => clients.every((client) => client.over()));
  return clients.filter((client) => client.received() !== '').length;
}

/**
 * One client, one request.
 *
 * @param hasty not to wait for the end of the answer
 * @returns null if it got no answer, although the server had its time
 */
async function askOnce(
  server: Server,
  defer: Defer,
  hasty: boolean,
): Promise<Client | null> {
  const client = await openClient(server, defer).catch(() => null);
  if (client === null) return null;
  client.send(LAST_REQUEST);
  const answered = () => client.received() !== '';
  await untilIdle(server, () => client.over() || (hasty && answered()));
  return answered() ? client : null;
}

/** Tells, again and again, how many children of a server have not ended. */
function watchChildren({ pid }: Server): () => number {
  const zombies = new Set<number>(); // which stay what they are
  return () => {
    const others = childrenOf(pid).filter((child) => !zombies.has(child));
    const living = others.filter((child) => readProcess(child)?.state !== 'Z');
    for (const child of others) if (!living.includes(child)) zombies.add(child);
    return living.length;
  };
}

/** What is wrong with a server that does not answer. */
export async function describeFailure(
  server: Server,
  at: number,
): Promise<Failure> {
  const died = await untilIdle(server, () => !isAlive(server));
  if (died) await hearOut(server);
  const error = ERRORS.find(([, words]) => words.test(server.output()));
  return { at, died, error: error?.[0] ?? null };
}

// By the name that C has for them, or by the words of strerror(3).
const ERRORS = [
  ['EMFILE', /EMFILE|Too many open files/i],
  ['EAGAIN', /EAGAIN|Resource temporarily unavailable/i],
  ['EINTR', /EINTR|Interrupted system call/i],
] as const;

/** What is found when a server does not live to the end of an experiment. */
export function failed(
  server: Server,
  { at, died, error }: Failure,
  measured: Finding['measured'] = {},
): Finding {
  const what = died ? 'dies at' : 'answers nobody from';
  const words = lastWords(server, ERRORS.find(([name]) => name === error)?.[1]);
  const evidence = [whatItDoes(server)];
  if (words) evidence.push(`it printed: ${words}`);
  return {
    verdict: 'bad',
    figure: `${what} request ${at}${error ? `: ${error}` : ''}`,
    measured: { ...measured, failedAt: at, died, error },
    evidence,
  };
}

/** Whether a server answers so many requests, at some limit. */
export async function survive(
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
