/**
 * What exercises look at besides the experiments: connections and descriptors.
 */
import { formatPair } from '#shared/sockets';
import {
  describeProcess,
  describeRole,
  type Finding,
  fewOf,
  serverEndOf,
} from '../experiments/findings';
import { type Client, get, LAST_REQUEST, openClient } from '../harness/clients';
import { untilEndedOrIdle, untilIdle, watchIdle } from '../harness/idle';
import type { Defer } from '../harness/programs';
import {
  hearOut,
  isAlive,
  lastWords,
  type Server,
  startServer,
  type Target,
} from '../harness/servers';
import { waitFor } from '../harness/wait';
import { descriptorsOf } from '../kernel/descriptors';
import { isStopped } from '../kernel/processes';

export function good(figure: string, evidence: string[] = []): Finding {
  return { verdict: 'good', figure, measured: {}, evidence };
}

export function bad(figure: string, evidence: string[] = []): Finding {
  return { verdict: 'bad', figure, measured: {}, evidence };
}

/** Is a connection closed before anybody has read what came over it? */
export async function tooEarly(target: Target, defer: Defer): Promise<Finding> {
  const server = await startServer(target, defer);
  // While the server is stopped, the kernel completes the handshake, and the
  // request arrives.
  process.kill(server.pid, 'SIGSTOP');
  await waitFor('it is stopped', () => isStopped(server.pid));
  const client = await openClient(server, defer);
  client.send(LAST_REQUEST);
  await waitFor('the request has arrived', () => {
    return (serverEndOf(server, client)?.socket.receiveQueue ?? 0) > 0;
  });
  process.kill(server.pid, 'SIGCONT');
  await untilOver(server, [client]);
  // The reset arrives before the server has come to its end, and said why.
  await untilEndedOrIdle(server);
  if (!isAlive(server)) await hearOut(server.program);
  const words = lastWords(server.program, /EBADF/);
  const evidence = [
    isAlive(server)
      ? describeProcess(server, server.pid)
      : `PID ${server.pid} has ended`,
    ...(words ? [`it printed: ${words}`] : []),
  ];
  const got = client.received() === '' ? 'no answer' : 'its answer';
  const figure = `the client got ${got} and ${endOf(client)}`;
  const reset = client.over() && !client.ended();
  const ofTheClient = words !== '' && !words.includes('accept');
  const asPlanned = got === 'no answer' && reset && ofTheClient;
  return asPlanned ? good(figure, evidence) : bad(figure, evidence);
}

/** How a connection has ended for a client. */
function endOf(client: Client): string {
  if (client.ended()) return 'a FIN';
  return client.over() ? 'a reset (RST)' : 'no end';
}

/** Waits until all connections are over, or the server does nothing more. */
export async function untilOver(
  server: Server,
  clients: Client[],
): Promise<void> {
  const idle = watchIdle(server);
  await waitFor('all connections are over or the server is idle', () => {
    return clients.every((client) => client.over()) || idle();
  });
}

const COUNTING = 3;

/** Can clients count, and leave by themselves while the parent still holds? */
export async function length(target: Target, defer: Defer): Promise<Finding> {
  const server = await startServer(target, defer);
  const clients: Client[] = [];
  while (clients.length < COUNTING) {
    const client = await openClient(server, defer);
    client.send(get('/'));
    clients.push(client);
    await untilOver(server, [client]);
    const mistake = wrongLength(client.received());
    if (mistake !== null) {
      return bad(mistake, [describeProcess(server, server.pid)]);
    }
    client.socket.destroy(); // content
  }
  await untilIdle(server);
  const ends = clients.flatMap((client) => serverEndOf(server, client) ?? []);
  const held = ends.filter(({ holders }) =>
    holders.some(({ pid }) => pid === server.pid),
  );
  const figure = `${COUNTING} clients left by themselves, the parent holds ${held.length}`;
  const evidence = fewOf(held, ({ socket, holders }) => {
    const { fd } = holders.find(({ pid }) => pid === server.pid) ?? { fd: -1 };
    return `descriptor ${fd} → ${formatPair(socket)} is in the state ${socket.state} in ${describeRole(server, server.pid)}`;
  });
  return held.length === COUNTING
    ? good(figure, evidence)
    : bad(figure, evidence);
}

/** @returns what is wrong with the length that an answer says, if anything */
function wrongLength(answer: string): string | null {
  if (answer === '') return 'the client got no answer';
  const end = answer.indexOf('\r\n\r\n');
  if (end === -1) return 'the head of the answer does not end';
  const said = /^content-length: *(\d+)\r$/im.exec(answer.slice(0, end + 2));
  if (!said) return 'the head of the answer says no length';
  const came = answer.length - (end + '\r\n\r\n'.length);
  if (Number(said[1]) === came) return null;
  return `the head says ${said[1]} bytes, and ${came} came`;
}

/** Is anything written to a client that is not its page? */
export async function standard(target: Target, defer: Defer): Promise<Finding> {
  const server = await startServer(target, defer);
  const client = await openClient(server, defer);
  client.send(LAST_REQUEST);
  await untilOver(server, [client]);
  const open = descriptorsOf(server.pid) ?? new Map<number, string>();
  const lines = [0, 1, 2].map(
    (fd) => `descriptor ${fd} → ${open.get(fd) ?? 'nothing'}`,
  );
  const text = Buffer.from(client.received(), 'latin1').toString();
  const [first = ''] = text.split(/\r?\n/);
  if (!first.startsWith('HTTP/')) {
    const figure = `the first line that a client got: ${first || 'none'}`;
    return bad(figure, [...lines, ...listenerLine(server)]);
  }
  const kept = [0, 1, 2].filter((fd) => !isNobodys(open.get(fd) ?? ''));
  return kept.length > 0
    ? bad(`the client got its page, and ${kept.join(', ')} are not free`, lines)
    : good('the client got its page and nothing else', lines);
}

function listenerLine({ listener }: Server): string[] {
  return listener.fd > 2 ? [] : [`descriptor ${listener.fd} is the listener`];
}

/** Neither a connection or pipe to whoever started it, nor a terminal. */
function isNobodys(target: string): boolean {
  return target.startsWith('/') && !/^\/dev\/(pts|tty)/.test(target);
}
