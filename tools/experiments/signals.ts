/**
 * What does SIGCHLD do to a server: does it end it, and is it counted?
 */
import { type Client, LAST_REQUEST, openClients } from '../harness/clients';
import { untilIdle } from '../harness/idle';
import type { Defer } from '../harness/programs';
import { isAlive, isRunning, type Server, suspend } from '../harness/servers';
import { waitFor } from '../harness/wait';
import { childrenOf, zombiesOf } from '../kernel/processes';
import { onServer, tooFew } from './findings';
import { describeFailure, failed, visit } from './visits';
import { describeZombies, zombiesLeft } from './zombies';

const SIGNALS = 3;

/** Does a server go on when SIGCHLD arrives while it waits? */
export const interruption = onServer(async (server, defer) => {
  for (let signals = 1; signals <= SIGNALS; signals++) {
    const { failure } = await visit(server, 1, defer);
    if (failure) return failed(server, { ...failure, at: signals });
    // The child's end has sent one. But if it came just before accept began
    // to wait, it has interrupted nothing. So here is another.
    await untilIdle(server);
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
});

const TOGETHER = 50;

/** When many children end at once, does the server wait for all of them? */
export const counting = onServer(async (server, defer) => {
  const before = childrenOf(server.pid);
  const clients = await openClients(server, TOGETHER, defer);
  const since = () =>
    childrenOf(server.pid).filter((pid) => !before.includes(pid));
  await untilIdle(server, () => since().length >= TOGETHER);
  const children = since();
  if (children.length < TOGETHER) return tooFew(children.length, TOGETHER);
  await endTogether(server, clients, children);
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
});

/**
 * Stops a parent, and has its children end meanwhile. Their signals become
 * one: a pending signal is a yes or no, see signal(7).
 */
export async function endTogether(
  server: Server,
  clients: Client[],
  children: number[],
): Promise<void> {
  await untilIdle(server); // it is back at accept
  await suspend(server);
  for (const client of clients) client.send(LAST_REQUEST);
  // Where SIGCHLD is ignored, not even a zombie is left of them.
  await waitFor('all have ended', () => !children.some(isRunning));
}

/**
 * The zombies of a server that has certainly noticed its signal. Any thread
 * of a process may take a signal, see signal(7). If it was not the one that
 * waits in accept, that one goes on waiting, until a client comes.
 */
async function zombiesAwake(server: Server, defer: Defer): Promise<number[]> {
  const left = await zombiesLeft(server);
  if (left.length < TOGETHER) return left;
  const [waker] = await openClients(server, 1, defer).catch(() => []);
  await untilIdle(server);
  const awake = zombiesOf(server.pid).map(({ pid }) => pid);
  // Its child's end is a signal of its own: a chance to die of EINTR.
  waker?.socket.destroy();
  await untilIdle(server);
  return awake;
}
