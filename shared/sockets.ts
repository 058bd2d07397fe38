/**
 * Sockets: the calls of a TCP server, and bytes on their way. Descriptors are
 * plain numbers, as the kernel hands them out, and belong to whoever calls.
 */
import { constants } from 'node:os';
import { announce, log } from './log';
import { check, errno, libc } from './node/libc';

/** An IPv4 address in dotted form, and a port. */
export interface Address {
  address: string;
  port: number;
}

/** The name of a connection: both ends. No two connections share it. */
export interface SocketPair {
  local: Address;
  remote: Address;
}

const { EINTR } = constants.errno;

/** Numbers that <sys/socket.h> and <netinet/in.h> have names for. */
export const AF_INET = 2;
export const IPPROTO_TCP = 6;
export const SOL_SOCKET = 1;
export const SHUT_WR = 1; // for shutdown(2)
const SOCK_STREAM = 1;
const MSG_DONTWAIT = 0x40;
const SO_REUSEADDR = 2;
const SO_KEEPALIVE = 9;
const TCP_KEEPIDLE = 4;
const TCP_USER_TIMEOUT = 18;

/** Events of poll(2). */
export const POLLIN = 1;
export const POLLOUT = 4;
export const POLLRDHUP = 0x2000;

// The calls ///////////////////////////////////////////////////////////////////

/** socket(2) for TCP over IPv4. @throws SystemError EMFILE, ENFILE */
export function socket(): number {
  const fd = check(libc.socket(AF_INET, SOCK_STREAM, 0), 'socket');
  log('socket →', fd);
  return fd;
}

/** bind(2). @throws SystemError EADDRINUSE, EACCES, EADDRNOTAVAIL */
export function bind(fd: number, name: Address): void {
  const encoded = encodeAddress(name);
  check(libc.bind(fd, encoded, encoded.length), 'bind', name);
  log(`bind(${fd}, ${formatAddress(name)})`);
}

/**
 * listen(2). The kernel now completes handshakes by itself and keeps up to
 * `backlog` + 1 connections until somebody accepts them.
 *
 * @throws SystemError EADDRINUSE
 */
export function listen(fd: number, backlog: number): void {
  check(libc.listen(fd, backlog), 'listen', { fd });
  log(`listen(${fd}, ${backlog})`);
}

/**
 * accept(2): takes the oldest connection from the listener's queue, or waits
 * for one. The connection gets a descriptor of its own, the lowest free one.
 *
 * @throws SystemError EINTR (a signal), EMFILE, ENFILE, ECONNABORTED
 */
export function accept(listener: number): number {
  const fd = libc.accept(listener, null, null);
  check(fd, 'accept', { fd: listener });
  accepted += 1;
  log('accept →', fd);
  return fd;
}

let accepted = 0;

/** How many connections this process has accepted, or had when it was forked. */
export function clientsSoFar(): number {
  return accepted;
}

/** shutdown(2): ends the connection, whoever else holds it. */
export function shutdown(fd: number, how: number): void {
  check(libc.shutdown(fd, how), 'shutdown', { fd });
  log(`shutdown(${fd}, ${how === SHUT_WR ? 'SHUT_WR' : how})`);
}

/**
 * close(2): gives the descriptor back. The connection itself ends when its
 * last descriptor, in whatever process, is closed.
 *
 * @throws SystemError EBADF
 */
export function close(fd: number): void {
  check(libc.close(fd), 'close', { fd });
  log(`close(${fd})`);
}

/**
 * read(2). Begins again when a signal interrupts it.
 *
 * @returns how many bytes came; 0 is end-of-file: the other side sent a FIN
 * @throws SystemError ECONNRESET
 */
export function read(fd: number, into: Uint8Array): number {
  return transfer('read', fd, into);
}

/**
 * write(2). Begins again when a signal interrupts it.
 *
 * @returns how many bytes the kernel took, which may be fewer than offered
 * @throws SystemError EPIPE, ECONNRESET; ETIMEDOUT after a user timeout
 */
export function write(fd: number, bytes: Uint8Array): number {
  return transfer('write', fd, bytes);
}

function transfer(call: 'read' | 'write', fd: number, bytes: Uint8Array) {
  for (;;) {
    const count = libc[call](fd, bytes, bytes.length);
    if (count !== -1) return count;
    if (errno() !== EINTR) return check(-1, call, { fd });
  }
}

/** getsockname(2): this end of a connection, or where a listener listens. */
export function getsockname(fd: number): Address {
  return askForName('getsockname', fd);
}

/** getpeername(2): the other end. @throws SystemError ENOTCONN */
export function getpeername(fd: number): Address {
  return askForName('getpeername', fd);
}

function askForName(call: 'getsockname' | 'getpeername', fd: number): Address {
  nameSize[0] = SOCKADDR_BYTES;
  check(libc[call](fd, name, nameSize), call, { fd });
  return decodeAddress(name);
}

// What we add /////////////////////////////////////////////////////////////////

/** Where and how a server listens. */
export interface ListenerOptions {
  host: string;
  /** 0: the kernel chooses one. */
  port: number;
  /** How many connections may wait to be accepted, see `listen`. */
  backlog: number;
  /**
   * How many seconds a client may read nothing before the kernel gives it up:
   * TCP_USER_TIMEOUT of tcp(7), which connections inherit from the listener.
   */
  patience: number;
}

/**
 * The three calls of every server: a socket, its name, its queue. And a line
 * that says where it listens, even with --quiet, since port 0 has an answer.
 *
 * SO_REUSEADDR of socket(7): without it, the port stays taken for a minute
 * after a restart, while old connections are in TIME_WAIT.
 *
 * @returns the listener's descriptor
 * @throws SystemError EADDRINUSE, EACCES, EADDRNOTAVAIL
 */
export function openListener(options: ListenerOptions): number {
  const { host, port, backlog, patience } = options;
  const listener = socket();
  setOption(listener, SOL_SOCKET, SO_REUSEADDR, 1);
  setOption(listener, IPPROTO_TCP, TCP_USER_TIMEOUT, patience * 1000);
  bind(listener, { address: host, port });
  listen(listener, backlog);
  const where = formatAddress(getsockname(listener));
  const { title, pid } = process;
  announce(`${title} listens on http://${where}/, PID ${pid}`);
  return listener;
}

/**
 * Has the kernel probe whether the other side is there, whenever it has said
 * nothing for so many seconds: SO_KEEPALIVE in socket(7). If not, RST ends it.
 */
export function setKeepAlive(fd: number, seconds: number): void {
  setOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
  setOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

/**
 * Writes all of it, in as many pieces as the kernel takes it in.
 *
 * @throws SystemError EPIPE, ECONNRESET; ETIMEDOUT after a user timeout
 */
export function writeAll(fd: number, bytes: Uint8Array): void {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(write(fd, rest));
}

/** A descriptor, and what to wait for: POLLIN, POLLOUT, both or neither. */
export type Interest = [fd: number, events: number];

/**
 * poll(2): waits until something happens on one of the descriptors.
 *
 * @param milliseconds how long at most; without a limit if negative
 * @returns what has happened on each, failures included; nothing but zeros if
 * the time is over, or if a signal came
 */
export function poll(interests: Interest[], milliseconds = -1): number[] {
  const { length } = interests;
  if (pollfds.length < 2 * length) pollfds = new Int32Array(4 * length);
  pollfds.set(interests.flat());
  callPoll(length, milliseconds);
  return interests.map((_, i) => happenedOn(i));
}

function callPoll(count: number, milliseconds: number): void {
  const ready = libc.poll(pollfds, count, Math.ceil(milliseconds));
  if (ready === -1 && errno() !== EINTR) check(-1, 'poll');
}

function happenedOn(index: number): number {
  return (pollfds[2 * index + 1] ?? 0) >> 16;
}

/**
 * Waits for events of poll(2) on one descriptor.
 *
 * @param events what to wait for, besides failures such as a reset
 * @param deadline in the milliseconds of `performance.now()`
 * @returns what has happened, or 0 if the deadline came first
 */
export function waitForEvents(
  fd: number,
  events: number,
  deadline: number,
): number {
  pollfds[0] = fd;
  pollfds[1] = events;
  for (;;) {
    const left = Math.max(0, deadline - performance.now());
    callPoll(1, left);
    const happened = happenedOn(0);
    if (happened || left === 0) return happened;
  }
}

/** How many bytes have come that nobody has read, as far as a buffer goes. */
export function readWaiting(fd: number, into: Uint8Array): number {
  return Math.max(0, libc.recv(fd, into, into.length, MSG_DONTWAIT));
}

/** Writes as much as fits into the kernel's buffer, and waits for nobody. */
export function writeNow(fd: number, bytes: Uint8Array): void {
  libc.send(fd, bytes, bytes.length, MSG_DONTWAIT);
}

/** `127.0.0.1:8888` */
export function formatAddress({ address, port }: Address): string {
  return `${address}:${port}`;
}

/** `127.0.0.1:8888 ⇄ 127.0.0.1:53122`, the local end first. */
export function formatPair({ local, remote }: SocketPair): string {
  return `${formatAddress(local)} ⇄ ${formatAddress(remote)}`;
}

// C structures ////////////////////////////////////////////////////////////////

// struct sockaddr_in, see ip(7): family in the machine's byte order, port and
// address in the network's.
const SOCKADDR_BYTES = 16;
// What C writes into is made once: Node has to get it from malloc.
const name = new Uint8Array(SOCKADDR_BYTES);
const nameSize = new Int32Array(1);
// struct pollfd, one behind another: int fd; short events; short revents. The
// lower half of the second int is what to wait for, the upper one what happened.
let pollfds = new Int32Array(32);

export function encodeAddress({ address, port }: Address): Uint8Array {
  const bytes = new Uint8Array(SOCKADDR_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, port);
  bytes.set(address.split('.').map(Number), 4);
  return bytes;
}

function decodeAddress(bytes: Uint8Array): Address {
  const [, , high = 0, low = 0] = bytes;
  return { address: bytes.subarray(4, 8).join('.'), port: high * 256 + low };
}

function setOption(
  fd: number,
  level: number,
  option: number,
  number: number,
): void {
  const value = new Int32Array([number]);
  const { byteLength } = value;
  const result = libc.setsockopt(fd, level, option, value, byteLength);
  check(result, 'setsockopt', { fd });
}
