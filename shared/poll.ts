/**
 * Many sockets at once: calls that never wait, and poll(2), which waits for
 * all of them together.
 */
import { constants as files } from 'node:fs';
import { constants } from 'node:os';
import { check, errno, libc, SystemError } from './libc';
import { type Address, connect, SOL_SOCKET } from './sockets';

const { EINTR } = constants.errno;
const F_GETFL = 3;
const F_SETFL = 4;
const SO_ERROR = 4;

/** O_NONBLOCK of fcntl(2): calls that would wait fail with EAGAIN instead. */
export function setNonBlocking(fd: number): void {
  const flags = check(libc.fcntl(fd, F_GETFL, 0), 'fcntl', { fd });
  check(libc.fcntl(fd, F_SETFL, flags | files.O_NONBLOCK), 'fcntl', { fd });
}

/**
 * Begins to connect and does not wait for the handshake: EINPROGRESS in
 * connect(2). The socket becomes writable when the handshake is over, and
 * then `finishConnect` says how it went.
 *
 * @throws SystemError EADDRNOTAVAIL (no ephemeral port is free)
 */
export function startConnect(fd: number, server: Address): void {
  setNonBlocking(fd);
  try {
    connect(fd, server);
  } catch (error) {
    if ((error as SystemError).code !== 'EINPROGRESS') throw error;
  }
}

/** SO_ERROR in socket(7). @throws SystemError ECONNREFUSED, ETIMEDOUT */
export function finishConnect(fd: number, server: Address): void {
  const error = new Int32Array(1);
  const size = new Int32Array([error.byteLength]);
  const got = libc.getsockopt(fd, SOL_SOCKET, SO_ERROR, error, size);
  check(got, 'getsockopt', { fd });
  if (error[0]) throw new SystemError('connect', error[0], server);
}

/** A descriptor and what to wait for. */
export interface Interest {
  fd: number;
  /** POLLIN, POLLOUT, both or neither; failures are reported always. */
  events: number;
}

const POLLFD_BYTES = 8; // int fd; short events; short revents

/**
 * poll(2): waits until something happens on one of the descriptors.
 *
 * @param milliseconds how long at most; without a limit if negative
 * @returns the events of each, in the same order; all 0 if nothing happened
 *   or a signal came
 */
export function poll(interests: Interest[], milliseconds: number): number[] {
  const memory = new ArrayBuffer(POLLFD_BYTES * interests.length);
  const ints = new Int32Array(memory);
  const shorts = new Int16Array(memory);
  interests.forEach(({ fd, events }, i) => {
    ints[2 * i] = fd;
    shorts[4 * i + 2] = events;
  });
  const ready = libc.poll(ints, interests.length, Math.ceil(milliseconds));
  if (ready === -1 && errno() !== EINTR) check(-1, 'poll');
  return interests.map((_, i) => (ready > 0 ? (shorts[4 * i + 3] ?? 0) : 0));
}
