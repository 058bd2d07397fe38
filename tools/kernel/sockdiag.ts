/**
 * What the kernel knows about TCP sockets beyond /proc/net/tcp: sock_diag(7),
 * asked over netlink(7), as ss(8) does. Needs no privileges.
 */
import { libc } from '#shared/node/libc';
import { AF_INET, close, IPPROTO_TCP, MSG_DONTWAIT } from '#shared/sockets';

/** What is known of one socket. */
export interface SocketDetails {
  /** Of a listener: how many connections may wait, see listen(2). */
  backlog: number;
  /** How many bytes the other end has received and acknowledged. */
  sent: number;
  received: number;
}

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_REQUEST_DUMP = 0x301;
const AF_INET6 = 10;
const EVERY_STATE = 0xfff;
const INET_DIAG_INFO = 2;

/**
 * All sockets whose local port is this one, by inode. Sockets that no
 * process holds have none and are left out.
 *
 * @returns null where the kernel does not answer, as in some sandboxes
 */
export function readSocketDetails(
  port: number,
): Map<number, SocketDetails> | null {
  const fd = libc.socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
  if (fd === -1) return null;
  const found = new Map<number, SocketDetails>();
  const answered = [AF_INET, AF_INET6].map((family) => {
    const request = encodeRequest(family, port);
    if (libc.write(fd, request, request.length) === -1) return false;
    return receiveInto(found, fd);
  });
  close(fd);
  return answered.includes(true) ? found : null;
}

const REPLY = Buffer.alloc(65_536);

/** The kernel has the whole reply ready, a buffer's worth at a time. */
function receiveInto(found: Map<number, SocketDetails>, fd: number): boolean {
  for (let replies = 0; ; replies++) {
    const bytes = libc.recv(fd, REPLY, REPLY.length, MSG_DONTWAIT);
    if (bytes <= 0) return replies > 0;
    decodeReply(REPLY.subarray(0, bytes), found);
  }
}

// C structures ////////////////////////////////////////////////////////////////

// struct nlmsghdr, struct inet_diag_req_v2, struct inet_diag_msg.
const HEADER_BYTES = 16;
const REQUEST_BYTES = 56;
const MESSAGE_BYTES = 72;

function encodeRequest(family: number, port: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + REQUEST_BYTES);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(SOCK_DIAG_BY_FAMILY, 4);
  bytes.writeUInt16LE(NLM_F_REQUEST_DUMP, 6);
  const body = bytes.subarray(HEADER_BYTES);
  body[0] = family;
  body[1] = IPPROTO_TCP;
  body[2] = 1 << (INET_DIAG_INFO - 1);
  body.writeUInt32LE(EVERY_STATE, 4);
  body.writeUInt16BE(port, 8);
  return bytes;
}

function decodeReply(reply: Buffer, found: Map<number, SocketDetails>): void {
  for (let at = 0; at + HEADER_BYTES < reply.length; ) {
    const size = reply.readUInt32LE(at);
    if (reply.readUInt16LE(at + 4) === SOCK_DIAG_BY_FAMILY) {
      decodeMessage(reply.subarray(at + HEADER_BYTES, at + size), found);
    }
    at += align(Math.max(size, HEADER_BYTES));
  }
}

function decodeMessage(
  message: Buffer,
  found: Map<number, SocketDetails>,
): void {
  // State and addresses, then expires, rqueue, wqueue, uid and inode.
  const backlog = message.readUInt32LE(60);
  const inode = message.readUInt32LE(68);
  if (inode === 0) return;
  const info = findInfo(message.subarray(MESSAGE_BYTES));
  // struct tcp_info: tcpi_bytes_acked and tcpi_bytes_received.
  const counter = (at: number): number =>
    info && info.length >= at + 8 ? Number(info.readBigUInt64LE(at)) : 0;
  found.set(inode, { backlog, sent: counter(120), received: counter(128) });
}

/** The attribute INET_DIAG_INFO: struct nlattr is a size and a type. */
function findInfo(attributes: Buffer): Buffer | null {
  for (let at = 0; at + 4 <= attributes.length; ) {
    const size = attributes.readUInt16LE(at);
    const type = attributes.readUInt16LE(at + 2);
    if (type === INET_DIAG_INFO) return attributes.subarray(at + 4, at + size);
    at += align(Math.max(size, 4));
  }
  return null;
}

function align(size: number): number {
  return (size + 3) & ~3;
}
