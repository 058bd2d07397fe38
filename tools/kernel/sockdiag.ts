/**
 * TCP sockets by sock_diag(7), asked over netlink(7), as ss(8) does. Needs no
 * privileges, and the kernel sends only what is wanted.
 */
import { libc } from '#shared/node/libc';
import { AF_INET, close, IPPROTO_TCP } from '#shared/sockets';
import { TCP_STATES, type TcpSocket, toAddress, type Wanted } from './tcp';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_SOCK_DIAG = 4;
const NLMSG_DONE = 3;
const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_REQUEST_DUMP = 0x301;
const AF_INET6 = 10;
const EVERY_STATE = 0xfff;
const INET_DIAG_INFO = 2;

/**
 * The TCP sockets of this network namespace, IPv4 and IPv6.
 *
 * @returns null where the kernel does not answer, as in some sandboxes
 */
export function dumpSockets({ port = 0, state }: Wanted): TcpSocket[] | null {
  const fd = libc.socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
  if (fd === -1) return null;
  const states = state ? 1 << TCP_STATES.indexOf(state) : EVERY_STATE;
  // Whose port it is, or whose other end's port: two questions to the kernel.
  const pairs =
    port === 0
      ? [[0, 0]]
      : [
          [port, 0],
          [0, port],
        ];
  const found: TcpSocket[] = [];
  let answered = false;
  for (const family of [AF_INET, AF_INET6]) {
    for (const [local = 0, remote = 0] of pairs) {
      const request = encodeRequest(family, states, local, remote);
      libc.write(fd, request, request.length);
      if (receiveInto(found, fd)) answered = true;
    }
  }
  close(fd);
  return answered ? found : null;
}

const REPLY = Buffer.alloc(65_536);

/** @returns whether there was an answer, up to its end */
function receiveInto(found: TcpSocket[], fd: number): boolean {
  for (;;) {
    const bytes = libc.recv(fd, REPLY, REPLY.length, 0);
    if (bytes <= 0) return false;
    const last = decodeReply(REPLY.subarray(0, bytes), found);
    if (last !== SOCK_DIAG_BY_FAMILY) return last === NLMSG_DONE;
  }
}

// C structures ////////////////////////////////////////////////////////////////

// struct nlmsghdr, struct inet_diag_req_v2, struct inet_diag_msg.
const HEADER_BYTES = 16;
const REQUEST_BYTES = 56;
const MESSAGE_BYTES = 72;

function encodeRequest(
  family: number,
  states: number,
  localPort: number,
  remotePort: number,
): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + REQUEST_BYTES);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(SOCK_DIAG_BY_FAMILY, 4);
  bytes.writeUInt16LE(NLM_F_REQUEST_DUMP, 6);
  const body = bytes.subarray(HEADER_BYTES);
  body[0] = family;
  body[1] = IPPROTO_TCP;
  body[2] = 1 << (INET_DIAG_INFO - 1);
  body.writeUInt32LE(states, 4);
  body.writeUInt16BE(localPort, 8);
  body.writeUInt16BE(remotePort, 10);
  return bytes;
}

/** @returns the type of its last message */
function decodeReply(reply: Buffer, found: TcpSocket[]): number {
  let type = 0;
  for (let at = 0; at + HEADER_BYTES <= reply.length; ) {
    const size = reply.readUInt32LE(at);
    type = reply.readUInt16LE(at + 4);
    if (type === SOCK_DIAG_BY_FAMILY) {
      found.push(decodeMessage(reply.subarray(at + HEADER_BYTES, at + size)));
    }
    at += align(Math.max(size, HEADER_BYTES));
  }
  return type;
}

function decodeMessage(message: Buffer): TcpSocket {
  const state = TCP_STATES[message[1] ?? 0] ?? 'UNKNOWN';
  const width = message[0] === AF_INET ? 4 : 16;
  const addressAt = (at: number, port: number) =>
    toAddress(message.subarray(at, at + width), message.readUInt16BE(port));
  // Of a listener, the size of its queue stands where others have bytes.
  const listens = state === 'LISTEN';
  const second = message.readUInt32LE(60);
  const info = findInfo(message.subarray(MESSAGE_BYTES));
  // struct tcp_info: tcpi_bytes_acked and tcpi_bytes_received.
  const counter = (at: number): number =>
    info && info.length >= at + 8 ? Number(info.readBigUInt64LE(at)) : 0;
  return {
    local: addressAt(8, 4),
    remote: addressAt(24, 6),
    state,
    receiveQueue: message.readUInt32LE(56),
    sendQueue: listens ? 0 : second,
    inode: message.readUInt32LE(68),
    uid: message.readUInt32LE(64),
    backlog: listens ? second : null,
    sent: counter(120),
    received: counter(128),
  };
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
