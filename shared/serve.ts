/**
 * One client, from its first byte to the last: receive a request, send the
 * answer, leave in order. The caller closes the descriptor.
 */
import { performance } from 'node:perf_hooks';
import { parseBody } from './body';
import {
  CONTINUE,
  formatHead,
  type Head,
  isRejection,
  parseHead,
  type Rejection,
  type Request,
} from './http';
import { log } from './log';
import { SystemError } from './node/libc';
import { answer, type Reply, refuse } from './pages';
import {
  read,
  readWaiting,
  SHUT_WR,
  shutdown,
  waitReadable,
  writeAll,
  writeNow,
} from './sockets';

/**
 * Serves one client. Whatever the client does, this returns: at the latest
 * when it has been silent for the time limit, or when the kernel has given up
 * one that reads nothing, see `listenOn`.
 *
 * @param timeout seconds for the head of the request, and again for its body
 */
export function serveClient(
  client: number,
  { timeout }: { timeout: number },
): void {
  try {
    const inbox = { bytes: INBOX, used: 0 };
    const request = receiveRequest(client, inbox, timeout);
    if (request === null) {
      log('the client left without a request');
      return;
    }
    const bare = isHead(inbox);
    const refused = isRejection(request);
    const reply = refused ? refuse(request) : answer(request, client);
    send(client, reply, bare);
    log(summary(request), '→', reply.status);
    hangUp(client, refused);
  } catch (error) {
    giveUp(error);
  }
}

/** The client is gone, or might as well be. Nothing else may go wrong here. */
function giveUp(error: unknown): void {
  const known = error instanceof SystemError && GONE[error.code];
  if (!known) throw error;
  log(known);
}

const GONE: Record<string, string> = {
  EPIPE: 'the client left early',
  ECONNRESET: 'the client left early',
  ENOTCONN: 'the client left early',
  ETIMEDOUT: 'the client reads nothing: given up',
};

/**
 * Tells a client that there is no process for it: 503, without waiting for
 * anything, since it is the parent that says so. The answer is lost if the
 * request arrives only now, and the client's system discards what it has
 * received when it gets our RST.
 */
export function turnAway(client: number): void {
  const text = '503: no process is free for this request, try again\n';
  readWaiting(client, INBOX);
  writeNow(client, Buffer.from(formatHead(503) + text));
  log('turned away → 503');
}

/** Whether it is HEAD that is asked, in a request that may be refused, too. */
function isHead({ bytes, used }: Inbox): boolean {
  return /^\s*HEAD /.test(bytes.toString('latin1', 0, Math.min(used, 7)));
}

function summary(request: Request | Rejection): string {
  return isRejection(request)
    ? request.reason
    : `${request.method} ${request.path}`;
}

// Receiving ///////////////////////////////////////////////////////////////////

// Where every request begins. There is only one at a time in a process.
const INBOX = Buffer.alloc(8_192);

/** What has come so far: the first `used` of `bytes`. */
interface Inbox {
  bytes: Buffer;
  used: number;
}

/** @returns null if the client left before it said anything */
function receiveRequest(
  client: number,
  inbox: Inbox,
  timeout: number,
): Request | Rejection | null {
  const head = receiveUntil(client, inbox, timeout, parseHead);
  if (head === null || isRejection(head)) return head;
  const { method, path } = head;
  if (method !== 'POST') return { method, path, body: Buffer.alloc(0) };
  const body = receiveBody(client, inbox, timeout, head);
  if (body === null || isRejection(body)) return body;
  return { method, path, body };
}

function receiveBody(
  client: number,
  inbox: Inbox,
  timeout: number,
  head: Head,
): Buffer | Rejection | null {
  const expected = head.fields.get('expect')?.join();
  if (expected !== undefined && expected.toLowerCase() !== '100-continue') {
    return { status: 417, reason: `${expected} cannot be met` };
  }
  if (expected && inbox.used === head.bytes) writeAll(client, CONTINUE);
  let progress = { at: head.bytes, length: 0 };
  return receiveUntil(client, inbox, timeout, (bytes) => {
    const parsed = parseBody(head, bytes, progress);
    if (Buffer.isBuffer(parsed) || isRejection(parsed)) return parsed;
    progress = parsed;
    return undefined;
  });
}

/** Reads until the parser has seen enough, or the time limit is over. */
function receiveUntil<T>(
  client: number,
  inbox: Inbox,
  timeout: number,
  parse: (bytes: Buffer) => T | Rejection | undefined,
): T | Rejection | null {
  const deadline = performance.now() + timeout * 1000;
  for (;;) {
    if (inbox.used > 0) {
      const parsed = parse(inbox.bytes.subarray(0, inbox.used));
      if (parsed !== undefined) return parsed;
    }
    if (!waitReadable(client, deadline)) {
      return { status: 408, reason: `no request within ${timeout} s` };
    }
    const count = receiveMore(client, inbox);
    if (count > 0) continue;
    if (inbox.used === 0) return null;
    return { status: 400, reason: 'the request is not complete' };
  }
}

function receiveMore(client: number, inbox: Inbox): number {
  if (inbox.used === inbox.bytes.length) {
    inbox.bytes = Buffer.concat([inbox.bytes], 2 * inbox.bytes.length);
  }
  const count = read(client, inbox.bytes.subarray(inbox.used));
  inbox.used += count;
  return count;
}

// Sending /////////////////////////////////////////////////////////////////////

/** @param bare true for HEAD, which is answered without a body */
function send(client: number, reply: Reply, bare: boolean): void {
  const head = formatHead(reply.status);
  const body = bare ? '' : reply.body;
  if (typeof body === 'string') {
    writeAll(client, Buffer.from(head + body));
    return;
  }
  writeAll(client, Buffer.from(head));
  for (const bytes of body) writeAll(client, bytes);
}

const LINGER_SECONDS = 2;

/**
 * Leaves so that the answer arrives. When a connection is closed with bytes
 * unread, the kernel sends RST, which can overtake the answer and destroy it.
 * So, if anything is left: say that we are done, and read until the client
 * is done too. See RFC 9112 section 9.6.
 */
function hangUp(client: number, refused: boolean): void {
  if (!refused && readWaiting(client, INBOX) === 0) return;
  shutdown(client, SHUT_WR);
  const deadline = performance.now() + LINGER_SECONDS * 1000;
  while (waitReadable(client, deadline) && read(client, INBOX) > 0);
}
