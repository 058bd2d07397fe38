/**
 * Clients under the test's control: connect, say something, look at what has
 * come and whether the connection has ended.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { waitFor } from './wait';

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

/** Connects. The socket is destroyed when the test is over. */
export async function openClient(port: number): Promise<Client> {
  // Half-open, so that end-of-file is seen and not answered by a close.
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  onTestFinished(() => {
    socket.destroy();
  });
  const chunks: Buffer[] = [];
  let ended = false;
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('end', () => {
    ended = true;
  });
  await once(socket, 'connect');
  socket.on('error', () => {}); // a reset is something the test looks for
  return {
    socket,
    port: socket.localPort ?? 0,
    received: () => Buffer.concat(chunks).toString('latin1'),
    ended: () => ended,
    over: () => ended || socket.closed,
    send: (text) => {
      socket.write(text);
    },
  };
}

/** The request that a browser would send, less its decoration. */
export function get(path: string, method = 'GET'): string {
  return `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
}

/**
 * A request in two pieces. Between them a child is busy, for as long as the
 * test wants it to be.
 */
export const BEGINNING = 'GET / HTTP/1.1\r\nHo';
export const REST = 'st: localhost\r\n\r\n';

/** One request on a connection of its own, and all that came until the end. */
export async function ask(
  port: number,
  request: string | Buffer,
): Promise<string> {
  const client = await openClient(port);
  client.send(request);
  await waitFor('the connection ends', client.over);
  client.socket.destroy();
  return client.received();
}

/** Status and body of an answer. */
export function parseAnswer(answer: string): { status: number; body: string } {
  const [head = '', ...body] = answer.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), body: body.join('\r\n\r\n') };
}
