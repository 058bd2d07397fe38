/**
 * The kernel's view of TCP sockets, and who holds them: /proc/net/tcp and
 * /proc/net/tcp6 of proc_net(5), and the descriptors of every process.
 */

import type { SocketPair } from '#shared/sockets';
import {
  childrenOf,
  descriptorsOf,
  type Holder,
  listPids,
  readText,
} from './processes';

/** The states of tcp(7), RFC 9293 section 3.3.2, as the kernel numbers them. */
const TCP_STATES = [
  'UNKNOWN',
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
  'NEW_SYN_RECV',
] as const;

export type TcpState = (typeof TCP_STATES)[number];

/** One row: one end of a connection, or a listener. */
export interface TcpSocket extends SocketPair {
  state: TcpState;
  /**
   * Bytes that have come and that nobody has read. Of a listener: how many
   * connections wait to be accepted. How many *may* wait is not in /proc;
   * ss(8) learns it by netlink.
   */
  receiveQueue: number;
  /** Bytes sent that the other end has not acknowledged. */
  sendQueue: number;
  /**
   * The N of `socket:[N]`; 0 if it has no descriptor: not accepted yet, or
   * closed by everybody.
   */
  inode: number;
  /** The user who made it. */
  uid: number;
}

/** Which sockets are wanted. Rows of others are not even parsed. */
export interface Wanted {
  /** The port of this end or of the other. */
  port?: number;
  state?: TcpState;
}

/**
 * The TCP sockets of this network namespace, IPv4 and IPv6. A busy server
 * leaves thousands of rows in TIME_WAIT, so say which are wanted.
 */
export function listSockets({ port, state }: Wanted = {}): TcpSocket[] {
  const text = ['/proc/net/tcp', '/proc/net/tcp6'].map(readText).join('');
  const portWanted = port === undefined ? '' : `:${hex(port, 4)} `;
  const stateWanted = state ? ` ${hex(TCP_STATES.indexOf(state), 2)} ` : '';
  return text
    .split('\n')
    .filter((row) => row.includes(portWanted) && row.includes(stateWanted))
    .map((row) => row.trim().split(/\s+/))
    .filter(([number]) => /^\d+:$/.test(number ?? ''))
    .map(parseRow);
}

function hex(number: number, digits: number): string {
  return number.toString(16).toUpperCase().padStart(digits, '0');
}

function parseRow(columns: string[]): TcpSocket {
  const [, local = '', remote = '', state = '', queues = ''] = columns;
  const [sendQueue = 0, receiveQueue = 0] = queues
    .split(':')
    .map((number) => Number.parseInt(number, 16));
  return {
    local: parseAddress(local),
    remote: parseAddress(remote),
    state: TCP_STATES[Number.parseInt(state, 16)] ?? 'UNKNOWN',
    receiveQueue,
    sendQueue,
    inode: Number(columns[9]),
    uid: Number(columns[7]),
  };
}

/**
 * `0100007F:22B8` is 127.0.0.1:8888: 32-bit words as they lie in memory, so
 * in the byte order of the machine, and a port.
 */
function parseAddress(text: string): SocketPair['local'] {
  const [words = '', port = ''] = text.split(':');
  const bytes = Buffer.from(words, 'hex');
  if (bytes.length === 4 || isMapped(bytes)) {
    const address = bytes.subarray(-4).reverse().join('.');
    return { address, port: Number.parseInt(port, 16) };
  }
  const groups = bytes.swap32().toString('hex').match(/..../g) ?? [];
  // A URL writes IPv6 the short way, and in the brackets that a port needs.
  const address = new URL(`http://[${groups.join(':')}]`).hostname;
  return { address, port: Number.parseInt(port, 16) };
}

/** `::ffff:127.0.0.1`: a client that speaks IPv4 to an IPv6 socket. */
function isMapped(bytes: Buffer): boolean {
  return bytes.toString('hex', 0, 12) === '0000000000000000ffff0000';
}

/**
 * Who holds which socket: every (PID, descriptor), by the socket's inode.
 * Looks once at each descriptor, so ask once for a whole picture.
 *
 * @param pids the processes to look into: all, unless told. Those of other
 *   users stay closed to an ordinary user.
 * @param descriptors where to look them up, if that has been done already
 */
export function findHolders(
  pids: Iterable<number> = listPids(),
  descriptors = descriptorsOf,
): Map<number, Holder[]> {
  const holders = new Map<number, Holder[]>();
  for (const pid of pids) {
    for (const [fd, target] of descriptors(pid) ?? []) {
      if (!target.startsWith('socket:[')) continue;
      const inode = Number(target.slice('socket:['.length, -1));
      const known = holders.get(inode);
      if (known) known.push({ pid, fd });
      else holders.set(inode, [{ pid, fd }]);
    }
  }
  return holders;
}

/** A program that listens. */
export interface Listener extends Holder {
  socket: TcpSocket;
}

/**
 * The listeners that processes hold. If children hold one too, the process
 * they descend from counts: it is the server.
 *
 * @param pids the processes to look into: all, unless told
 */
export function findListeners(pids = listPids()): Listener[] {
  const sockets = listSockets({ state: 'LISTEN' });
  const holders = sockets.length > 0 ? findHolders(pids) : new Map();
  return sockets.flatMap((socket) => {
    const all: Holder[] = holders.get(socket.inode) ?? [];
    const children = new Set(all.flatMap(({ pid }) => childrenOf(pid)));
    const holder = all.find(({ pid }) => !children.has(pid));
    return holder ? [{ ...holder, socket }] : [];
  });
}

/** The listener on a port, or null if nobody (that we may look at) has it. */
export function findListener(port: number): Listener | null {
  const listeners = findListeners();
  return listeners.find(({ socket }) => socket.local.port === port) ?? null;
}
