/**
 * One client, from its first byte to the last: receive a request, send the
 * answer, leave in order. The caller closes the descriptor.
 */
import { parseBody } from './body';
import {
  CONTINUE,
  formatHead,
  parseHead,
  Rejection,
  type Request,
  reject,
} from './http';
import { log } from './log';
import { SystemError } from './node/libc';
import { answer, type Reply, refusal } from './pages';
import {
  POLLIN,
  POLLRDHUP,
  read,
  readWaiting,
  SHUT_WR,
  setKeepAlive,
  shutdown,
  waitForEvents,
  writeAll,
} from './sockets';
import { shorten } from './text';

/**
 * Serves one client. Whatever it does, this returns: at the latest when it has
 * been silent for the time limit, or has read nothing, see `patience` in
 * sockets.ts.
 *
 * @param timeout seconds for the head of the request, and again for its body
 */
export function serveClient(
  client: number,
  { timeout }: { timeout: number },
): void {
  try {
    const inbox = openInbox(client, timeout);
    const request = receiveRequest(client, inbox);
    if (request === null) {
      log('the client left without a request');
      return;
    }
    const refused = request instanceof Rejection;
    const reply = refused
      ? refusal(request.status, request.message)
      : answer(request, client);
    send(client, reply, inbox.method === 'HEAD');
    const asked = refused
      ? request.message
      : `${request.method} ${request.path}`;
    log(shorten(asked, MAX_ASKED), '→', reply.status);
    hangUp(client, refused);
  } catch (error) {
    const known = error instanceof SystemError && GONE[error.code];
    if (!known) throw error; // nothing else may go wrong here
    log(known);
  }
}

/** How many characters of what a client asks are logged. */
const MAX_ASKED = 200;

/** The client is gone, or might as well be. */
const GONE: Record<string, string> = {
  EPIPE: 'the client left early',
  ECONNRESET: 'the client left early',
  ENOTCONN: 'the client left early',
  ETIMEDOUT: 'the client reads nothing: given up',
};

// Receiving ///////////////////////////////////////////////////////////////////

// Where every request begins. There is only one at a time in a process.
const ROOM = Buffer.alloc(8_192);
const NONE = Buffer.alloc(0);

/** A request on its way, from a client that has only so much time. */
function openInbox(client: number, timeout: number) {
  let deadline = 0;
  let room = ROOM;
  const inbox = {
    bytes: NONE,
    at: 0,
    method: undefined as string | undefined,

    startClock(): void {
      deadline = performance.now() + timeout * 1000;
    },

    /** @returns false if there is nothing: the client has sent its FIN */
    receive(): boolean {
      if (!waitForEvents(client, POLLIN, deadline)) {
        reject(408, `no request within ${timeout} s`);
      }
      const { length } = inbox.bytes;
      if (length === room.length) room = Buffer.concat([room], 2 * length);
      const count = read(client, room.subarray(length));
      inbox.bytes = room.subarray(0, length + count);
      return count > 0;
    },

    more(): void {
      if (!inbox.receive()) reject(400, 'the request is not complete');
    },
  };
  inbox.startClock();
  return inbox;
}

type Inbox = ReturnType<typeof openInbox>;

/** @returns null if the client left before it said anything */
function receiveRequest(
  client: number,
  inbox: Inbox,
): Request | Rejection | null {
  try {
    if (!inbox.receive()) return null;
    const head = parseHead(inbox);
    const { method, path } = head;
    // What comes with another method means nothing (RFC 9110 section 9.3.1).
    if (method !== 'POST') return { method, path, body: NONE };
    const begun = inbox.bytes.length > inbox.at;
    if (head.expectsContinue && !begun) writeAll(client, CONTINUE);
    inbox.startClock();
    return { method, path, body: parseBody(inbox, head) };
  } catch (error) {
    if (error instanceof Rejection) return error;
    throw error;
  }
}

// Sending /////////////////////////////////////////////////////////////////////

/** @param bare true for HEAD, which is answered without a body */
function send(client: number, reply: Reply, bare: boolean): void {
  const head = formatHead(reply.status);
  const unsent = reply.delay ? keepWaiting(client, reply.delay, head) : head;
  const body = bare ? '' : reply.body();
  if (typeof body === 'string') {
    writeAll(client, Buffer.from(unsent + body));
    return;
  }
  writeAll(client, Buffer.from(unsent));
  for (const bytes of body) writeAll(client, bytes);
}

const PROBE_SECONDS = 15;

/**
 * Lets time pass before an answer, but only while the client is there.
 *
 * A FIN does not tell: a client that was killed sends one, and so does one
 * that closes its half and waits (`nc -N`). Bytes tell: for a connection that
 * no process holds any more, they bring RST (RFC 9293 section 3.6.1), which
 * ends the wait and fails the next write. So whoever sends a FIN gets the head
 * of the answer early, and all are sent a probe by the kernel now and then.
 *
 * @returns what of the head has not been sent yet: all or nothing
 */
function keepWaiting(client: number, seconds: number, head: string): string {
  const deadline = performance.now() + seconds * 1000;
  setKeepAlive(client, PROBE_SECONDS);
  if (waitForEvents(client, POLLRDHUP, deadline) === 0) return head;
  writeAll(client, Buffer.from(head));
  waitForEvents(client, 0, deadline);
  return '';
}

const LINGER_SECONDS = 2;

/**
 * Leaves so that the answer arrives. To close with bytes unread sends RST,
 * which can overtake the answer and destroy it. So, if anything is left: say
 * that we are done, and read until the client is, too. RFC 9112 section 9.6.
 */
function hangUp(client: number, refused: boolean): void {
  if (!refused && readWaiting(client, ROOM) === 0) return;
  shutdown(client, SHUT_WR);
  const deadline = performance.now() + LINGER_SECONDS * 1000;
  // To a client that never stops sending, waiting alone would set no limit.
  while (
    performance.now() < deadline &&
    waitForEvents(client, POLLIN, deadline)
  ) {
    if (read(client, ROOM) === 0) return;
  }
}
