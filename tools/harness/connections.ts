/**
 * The client's half of the story: real connections, as many as wanted, each
 * taken one step further whenever poll(2) reports something about it.
 */

import { constants as files } from 'node:fs';
import { constants } from 'node:os';
import { check, errno, libc, SystemError } from '#shared/node/libc';
import {
  type Address,
  close,
  encodeAddress,
  formatAddress,
  getsockname,
  type Interest,
  POLLIN,
  POLLOUT,
  poll,
  read,
  SOL_SOCKET,
  type SocketPair,
  socket,
  write,
} from '#shared/sockets';
import { get } from './clients';

/** What a client is going to do. */
export interface Manner {
  /** What it says; a silent client says nothing. */
  request: Buffer;
  /** It says one byte in this many milliseconds, if not 0. */
  byteEveryMs: number;
  /** It leaves when it has said everything, without waiting for an answer. */
  leaves: boolean;
  /** It keeps its own end open when end-of-file has come: CLOSE_WAIT. */
  staysOpen: boolean;
}

/**
 * `connecting` until the handshake is over, `waiting` for end-of-file, and
 * then one of: `ended` (it came), `left` by itself, `failed`.
 */
export type State = 'connecting' | 'waiting' | 'ended' | 'left' | 'failed';

/**
 * One connection, and how long each step took, in ms since `connect`. The
 * local port is the ephemeral one that the kernel gave it.
 */
export interface Connection extends SocketPair {
  readonly manner: Manner;
  /** null once it has been closed */
  fd: number | null;
  state: State;
  unsent: Buffer;
  /** When a slow client says its next byte. */
  nextByteAt: number;
  /** How many bytes have come, and the first of them. */
  bytes: number;
  beginning: Buffer;
  error: SystemError | null;
  startedAt: number;
  connectedAfter: number | null;
  answeredAfter: number | null;
  endedAfter: number | null;
}

export function getRequest(path: string, server: Address): Buffer {
  return Buffer.from(get(path, 'GET', formatAddress(server)));
}

/** Asks at once, waits for end-of-file, closes. */
export function politely(request: Buffer): Manner {
  return { request, byteEveryMs: 0, leaves: false, staysOpen: false };
}

/**
 * Makes a socket and begins to connect. The client never binds: the kernel
 * chooses its port.
 *
 * @throws SystemError EMFILE, EADDRNOTAVAIL
 */
export function openConnection(server: Address, manner: Manner): Connection {
  const fd = socket();
  const startedAt = performance.now();
  startConnect(fd, server);
  return {
    local: getsockname(fd),
    remote: server,
    manner,
    fd,
    state: 'connecting',
    unsent: manner.request,
    nextByteAt: 0,
    bytes: 0,
    beginning: Buffer.alloc(0),
    error: null,
    startedAt,
    connectedAfter: null,
    answeredAfter: null,
    endedAfter: null,
  };
}

const { EINPROGRESS } = constants.errno;
const F_GETFL = 3;
const F_SETFL = 4;
const SO_ERROR = 4;

/**
 * Begins to connect and does not wait for the handshake: EINPROGRESS in
 * connect(2). The socket becomes writable when the handshake is over, and
 * then `finishConnect` says how it went.
 *
 * @throws SystemError EADDRNOTAVAIL (no ephemeral port is free)
 */
function startConnect(fd: number, server: Address): void {
  const flags = check(libc.fcntl(fd, F_GETFL, 0), 'fcntl', { fd });
  check(libc.fcntl(fd, F_SETFL, flags | files.O_NONBLOCK), 'fcntl', { fd });
  const encoded = encodeAddress(server);
  const result = libc.connect(fd, encoded, encoded.length);
  if (result === -1 && errno() === EINPROGRESS) return;
  check(result, 'connect', server);
}

/** SO_ERROR in socket(7). @throws SystemError ECONNREFUSED, ETIMEDOUT */
function finishConnect(fd: number, server: Address): void {
  const error = new Int32Array(1);
  const size = new Int32Array([error.byteLength]);
  const got = libc.getsockopt(fd, SOL_SOCKET, SO_ERROR, error, size);
  check(got, 'getsockopt', { fd });
  if (error[0]) throw new SystemError('connect', error[0], server);
}

/** Whether this end has not been closed: unfinished, or kept open after it. */
export function isOpen({ fd }: Connection): boolean {
  return fd !== null;
}

/** Whether anything can still happen on it. */
export function isUnfinished({ state }: Connection): boolean {
  return state === 'connecting' || state === 'waiting';
}

/**
 * Waits until something happens on one of the connections, and has each of
 * those take its next step.
 *
 * @param milliseconds how long to wait at most; not at all if negative
 */
export function advance(connections: Connection[], milliseconds: number): void {
  const unfinished = connections.filter(isUnfinished);
  const interests = unfinished.map(interestIn);
  const happened = poll(interests, Math.max(0, milliseconds));
  unfinished.forEach((connection, i) => {
    const events = happened[i];
    if (events) takeStep(connection, events);
  });
}

function interestIn(connection: Connection): Interest {
  const { state, unsent, nextByteAt } = connection;
  const fd = connection.fd ?? -1; // which poll ignores
  if (state === 'connecting') return [fd, POLLOUT];
  const due = unsent.length > 0 && performance.now() >= nextByteAt;
  return [fd, due ? POLLIN | POLLOUT : POLLIN];
}

function takeStep(connection: Connection, happened: number): void {
  try {
    if (connection.state === 'connecting') shakeHands(connection);
    else if (happened & ~POLLOUT) receive(connection);
    else say(connection);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    connection.error = error;
    finish(connection, 'failed');
  }
}

function shakeHands(connection: Connection): void {
  finishConnect(connection.fd ?? -1, connection.remote);
  connection.connectedAfter = age(connection);
  connection.state = 'waiting';
  leaveIfDone(connection);
}

function say(connection: Connection): void {
  const { manner, unsent, fd } = connection;
  const piece = manner.byteEveryMs > 0 ? unsent.subarray(0, 1) : unsent;
  connection.unsent = unsent.subarray(write(fd ?? -1, piece));
  connection.nextByteAt = performance.now() + manner.byteEveryMs;
  leaveIfDone(connection);
}

function leaveIfDone(connection: Connection): void {
  if (connection.manner.leaves && connection.unsent.length === 0) {
    finish(connection, 'left');
  }
}

const INBOX = Buffer.alloc(65_536);
const BEGINNING_BYTES = 4_096;

function receive(connection: Connection): void {
  const count = read(connection.fd ?? -1, INBOX);
  if (count === 0) {
    finish(connection, 'ended');
    return;
  }
  connection.answeredAfter ??= age(connection);
  connection.bytes += count;
  if (connection.beginning.length < BEGINNING_BYTES) {
    const more = INBOX.subarray(0, Math.min(count, BEGINNING_BYTES));
    connection.beginning = Buffer.concat([connection.beginning, more]);
  }
}

function finish(connection: Connection, state: State): void {
  connection.state = state;
  connection.endedAfter = age(connection);
  if (state !== 'ended' || !connection.manner.staysOpen) leave(connection);
}

/** Closes this end, if it is open. */
export function leave(connection: Connection): void {
  if (connection.fd !== null) close(connection.fd);
  connection.fd = null;
}

/** How long ago it began to connect, in ms. */
export function age({ startedAt }: Connection): number {
  return performance.now() - startedAt;
}

/** `HTTP/1.1 200 OK`, or what came instead. */
export function statusLine({ beginning }: Connection): string {
  return beginning.toString('latin1').split(/\r?\n/, 1)[0] ?? '';
}
