/**
 * A TCP socket as the kernel tells of it, whichever way it is asked.
 */
import type { Address, SocketPair } from '#shared/sockets';

/** The states of tcp(7), RFC 9293 section 3.3.2, as the kernel numbers them. */
export const TCP_STATES = [
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

/** One end of a connection, or a listener. */
export interface TcpSocket extends SocketPair {
  state: TcpState;
  /**
   * Bytes that have come and that nobody has read. Of a listener: how many
   * connections wait to be accepted.
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
  /**
   * Of a listener: how many connections may wait, see listen(2). null where
   * only /proc tells of it, as the next two.
   */
  backlog: number | null;
  /** How many bytes the other end has received and acknowledged. */
  sent: number | null;
  received: number | null;
}

/** Which sockets are wanted. */
export interface Wanted {
  /** The port of this end or of the other. */
  port?: number;
  state?: TcpState;
}

/** An IPv4 or IPv6 address, given its bytes as they are sent. */
export function toAddress(bytes: Uint8Array, port: number): Address {
  const hex = Buffer.from(bytes).toString('hex');
  // A client that speaks IPv4 to an IPv6 socket: ::ffff:127.0.0.1
  const isMapped = hex.startsWith('00000000000000000000ffff');
  if (bytes.length === 4 || isMapped) {
    return { address: bytes.subarray(-4).join('.'), port };
  }
  const groups = hex.match(/..../g) ?? [];
  // A URL writes IPv6 the short way, and in the brackets that a port needs.
  return { address: new URL(`http://[${groups.join(':')}]`).hostname, port };
}
