/**
 * Clients that visit a server one after the other.
 */
import { type Client, LAST_REQUEST, openClient } from '../harness/clients';
import { untilEndedOrIdle, watchIdle } from '../harness/idle';
import type { Defer } from '../harness/programs';
import { hearOut, isAlive, lastWords, type Server } from '../harness/servers';
import { waitFor } from '../harness/wait';
import { childrenOf, readProcess } from '../kernel/processes';
import { describeProcess, type Finding } from './findings';

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
 * @param after what a client does that has been answered: keep its end of
 *   the connection open, or leave
 */
export async function visit(
  server: Server,
  count: number,
  defer: Defer,
  after: 'stay' | 'leave' = 'leave',
): Promise<Visits> {
  const answered: Client[] = [];
  const children = watchChildren(server);
  const before = children();
  let hangs = false;
  while (answered.length < count) {
    const client = await askOnce(server, defer, hangs);
    if (client === null) {
      return {
        answered,
        failure: await whyUnanswered(server, answered.length + 1),
      };
    }
    answered.push(client);
    hangs ||= !client.ended();
    if (after === 'leave') client.socket.destroy();
    const idle = watchIdle(server);
    await waitFor('its child has ended', () => {
      return children() <= before || idle();
    });
  }
  return { answered, failure: null };
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
  const idle = watchIdle(server);
  const answered = () => client.received() !== '';
  await waitFor('the server has answered or gone idle', () => {
    return client.over() || (hasty && answered()) || idle();
  });
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

async function whyUnanswered(server: Server, at: number): Promise<Failure> {
  await untilEndedOrIdle(server);
  return describeFailure(server, at);
}

/** What is wrong with a server that does not answer. */
export async function describeFailure(
  server: Server,
  at: number,
): Promise<Failure> {
  const died = !isAlive(server);
  if (died) await hearOut(server.program);
  const output = server.program.output();
  const error = ERRORS.find(([, words]) => words.test(output));
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
  const words = lastWords(
    server.program,
    ERRORS.find(([name]) => name === error)?.[1],
  );
  const { pid } = server;
  const evidence = [
    died ? `PID ${pid} has ended` : describeProcess(server, pid),
  ];
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
