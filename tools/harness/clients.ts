/**
 * Clients under our control: they connect, say something, and see what has
 * come and whether the connection has ended.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Defer } from './programs';

/** One connection to a server, and what has come over it. */
export interface Client {
  socket: Socket;
  /** The ephemeral port that the kernel gave this end. */
  port: number;
  /** Everything received so far. */
  received: () => string;
  /** Whether end-of-file has come: the server's side has sent its FIN. */
  ended: () => boolean;
  /** Whether the connection is over, by a FIN or by a reset. */
  over: () => boolean;
  send: (text: string | Buffer) => void;
}

const CONNECT_MS = 20_000;

/**
 * Connects.
 *
 * @throws Error ECONNREFUSED and others, as Node reports them; AbortError if
 *   the handshake takes more than 20 seconds
 */
export async function openClient(
  { host = '127.0.0.1', port }: { host?: string; port: number },
  defer: Defer,
): Promise<Client> {
  // Half-open, so that end-of-file is seen and not answered by a close.
  const socket = connect({ host, port, allowHalfOpen: true });
  defer(() => {
    socket.destroy();
  });
  let received = '';
  let ended = false;
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => {
    received += chunk;
  });
  socket.on('end', () => {
    ended = true;
  });
  socket.on('error', () => {}); // a reset is something we look for
  await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_MS) });
  return {
    socket,
    port: socket.localPort ?? 0,
    received: () => received,
    ended: () => ended,
    over: () => ended || socket.closed,
    send: (text) => {
      socket.write(text);
    },
  };
}

/** As many clients as wanted, one after the other. */
export async function openClients(
  server: { host?: string; port: number },
  count: number,
  defer: Defer,
): Promise<Client[]> {
  const clients: Client[] = [];
  while (clients.length < count) {
    clients.push(await openClient(server, defer));
  }
  return clients;
}

/** The request that a browser would send, less its decoration. */
export function get(path: string, method = 'GET', host = 'localhost'): string {
  return `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
}

/** The same from a client that wants nothing after the answer. */
export const LAST_REQUEST = get('/').replace(
  /\r\n$/,
  'Connection: close\r\n\r\n',
);
