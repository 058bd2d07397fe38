/**
 * Clients under the test's control, gone when the test is over.
 */
import { onTestFinished } from 'vitest';
import { type Client, openClient as open } from '../../tools/harness/clients';
import { waitFor } from '../../tools/harness/wait';

export { type Client, get } from '../../tools/harness/clients';

/** Connects. The socket is destroyed when the test is over. */
export function openClient(port: number): Promise<Client> {
  return open({ port }, onTestFinished);
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
