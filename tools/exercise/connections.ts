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
  whatItDoes,
} from '../experiments/findings';
import { ask } from '../experiments/visits';
import { type Client, get, LAST_REQUEST, openClient } from '../harness/clients';
import { untilIdle } from '../harness/idle';
import type { Defer } from '../harness/programs';
import {
  hearOut,
  isAlive,
  lastWords,
  type Server,
  startServer,
  suspend,
  type Target,
} from '../harness/servers';
import { waitFor } from '../harness/wait';
import { descriptorsOf } from '../kernel/descriptors';

/** What was found, where something is to be so. */
export function judge(
  isSo: boolean,
  figure: string,
  evidence: string[],
): Finding {
  return { verdict: isSo ? 'good' : 'bad', figure, measured: {}, evidence };
}

export function good(figure: string, evidence: string[] = []): Finding {
  return judge(true, figure, evidence);
}

export function bad(figure: string, evidence: string[] = []): Finding {
  return judge(false, figure, evidence);
}

/** Is a connection closed before anybody has read what came over it? */
export async function tooEarly(target: Target, defer: Defer): Promise<Finding> {
  const server = await startServer(target, defer);
  // While the server is stopped, the kernel completes the handshake, and the
  // request arrives.
  await suspend(server);
  const client = await openClient(server, defer);
  client.send(LAST_REQUEST);
  await waitFor('the request has arrived', () => {
    return (serverEndOf(server, client)?.socket.receiveQueue ?? 0) > 0;
  });
  process.kill(server.pid, 'SIGCONT');
  await untilIdle(server, client.over);
  // The reset arrives before the server has come to its end, and said why.
  if (await untilIdle(server, () => !isAlive(server))) {
    await hearOut(server.program);
  }
  const words = lastWords(server.program, /EBADF/);
  const evidence = [whatItDoes(server)];
  if (words) evidence.push(`it printed: ${words}`);
  const got = client.received() === '' ? 'no answer' : 'its answer';
  const figure = `the client got ${got} and ${endOf(client)}`;
  const reset = client.over() && !client.ended();
  const ofTheClient = words !== '' && !words.includes('accept');
  return judge(got === 'no answer' && reset && ofTheClient, figure, evidence);
}

/** How a connection has ended for a client. */
function endOf(client: Client): string {
  if (client.ended()) return 'a FIN';
  return client.over() ? 'a reset (RST)' : 'no end';
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
    await untilIdle(server, client.over);
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
  return judge(held.length === COUNTING, figure, evidence);
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
  await ask(server, [client]);
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
  const isSo = kept.length === 0;
  const rest = isSo
    ? ' and nothing else'
    : `, and ${kept.join(', ')} are not free`;
  return judge(isSo, `the client got its page${rest}`, lines);
}

function listenerLine({ listener }: Server): string[] {
  return listener.fd > 2 ? [] : [`descriptor ${listener.fd} is the listener`];
}

/** Neither a connection or pipe to whoever started it, nor a terminal. */
function isNobodys(target: string): boolean {
  return target.startsWith('/') && !/^\/dev\/(pts|tty)/.test(target);
}
