/**
 * Both ends of each connection, and how it stands.
 */

import { formatAddress, type SocketPair } from '#shared/sockets';
import type { Holder } from '../kernel/processes';
import type { TcpSocket, TcpState } from '../kernel/sockets';
import type { Member, Picture } from './picture';

/**
 * How a connection stands, what is going on first:
 *
 * - `served`: a process that holds it is at work, or may be
 * - `queued`: connected, but not accepted yet
 * - `knocking`: the client's SYN has found no place in the queue
 * - `finished`: answered, and kept open by processes that do nothing with it
 * - `forgotten`: the same, but never answered
 * - `left`: the client has sent its FIN, the server has not
 * - `closed`: the server has sent its FIN, the client has not
 */
const VERDICTS = [
  'served',
  'queued',
  'knocking',
  'finished',
  'forgotten',
  'left',
  'closed',
] as const;

export type Verdict = (typeof VERDICTS)[number];

/** One connection, both ends of it where both are on this machine. */
export interface Connection {
  /** As the server sees it. */
  local: string;
  remote: string;
  /** The server's end; null while the client knocks. */
  state: TcpState | null;
  /** Every descriptor of the server's end. */
  holders: Holder[];
  /** The client's end, and the processes it is open in. */
  client: { state: TcpState; holders: Holder[] } | null;
  /** Bytes that the client has acknowledged; null: the kernel does not say. */
  sent: number | null;
  received: number | null;
  verdict: Verdict;
}

/** Both ends of each connection, what is going on first. */
export function pairUp(picture: Picture): Connection[] {
  const { port, sockets } = picture;
  const open = sockets.filter(
    ({ state }) => state !== 'LISTEN' && state !== 'TIME_WAIT',
  );
  const ours = new Map<string, TcpSocket>();
  const theirs = new Map<string, TcpSocket>();
  const family = familyOf(picture);
  for (const socket of open) {
    const { local, remote } = socket;
    if (local.port === port) ours.set(nameOf({ local, remote }), socket);
    else theirs.set(nameOf({ local: remote, remote: local }), socket);
  }
  return [...new Set([...ours.keys(), ...theirs.keys()])]
    .map((name) => connect(picture, family, ours.get(name), theirs.get(name)))
    .sort(
      (a, b) =>
        VERDICTS.indexOf(a.verdict) - VERDICTS.indexOf(b.verdict) ||
        firstDescriptor(a) - firstDescriptor(b),
    );
}

function nameOf({ local, remote }: SocketPair): string {
  return `${formatAddress(local)} ${formatAddress(remote)}`;
}

function firstDescriptor({ holders }: Connection): number {
  return holders[0]?.fd ?? Infinity;
}

function connect(
  picture: Picture,
  family: Family,
  ours: TcpSocket | undefined,
  theirs: TcpSocket | undefined,
): Connection {
  const holdersOf = (socket: TcpSocket | undefined) =>
    (socket && picture.holders.get(socket.inode)) ?? [];
  const details = ours && picture.details?.get(ours.inode);
  const { local, remote } = ours ?? turn(theirs);
  const facts: Facts = {
    local: formatAddress(local),
    remote: formatAddress(remote),
    state: ours?.state ?? null,
    holders: holdersOf(ours),
    client: theirs ? { state: theirs.state, holders: holdersOf(theirs) } : null,
    sent: details?.sent ?? null,
    received: details?.received ?? null,
  };
  const closed = ours?.inode === 0;
  return { ...facts, verdict: judge(facts, closed, family) };
}

function turn(socket: TcpSocket | undefined): SocketPair {
  const nowhere = { address: '?', port: 0 };
  return {
    local: socket?.remote ?? nowhere,
    remote: socket?.local ?? nowhere,
  };
}

type Facts = Omit<Connection, 'verdict'>;

/** @param closed whether no descriptor anywhere stands for the server's end */
function judge(
  { state, holders, sent }: Facts,
  closed: boolean,
  family: Family,
): Verdict {
  if (state === null || state.includes('SYN')) return 'knocking';
  if (state === 'ESTABLISHED' || state === 'CLOSE_WAIT') {
    if (closed) return 'queued';
  } else {
    return 'closed';
  }
  if (holders.length === 0) return 'served'; // by somebody we may not look at
  if (holders.some((holder) => mayServe(holder, family))) return 'served';
  if (state === 'CLOSE_WAIT') return 'left';
  return sent === 0 ? 'forgotten' : 'finished';
}

/** What is known of the server's processes, by PID. */
type Family = Map<number, Member & { newest: number }>;

/**
 * Whether a process may be at work for a connection that it holds. One that
 * waits for the next client, or for its children, is not; nor is the parent
 * of a forking server while it accepts and forks. A child was born with all
 * that its parent held, and works on the connection that came last, unless
 * it waits for many at once.
 */
function mayServe({ pid, fd }: Holder, family: Family): boolean {
  const member = family.get(pid);
  if (!member) return true;
  if (member.state === 'T') return false;
  // Not looked at, or not permitted: it gets the benefit of the doubt.
  if (member.state === 'S' && !member.sleep) return true;
  const { call } = member.sleep ?? { call: '' };
  if (/accept|csk_wait|wait4|waitid|do_wait/.test(call)) return false;
  if (member.depth > 0) {
    return /epoll|select/.test(call) || fd === member.newest;
  }
  return !(family.size > 1 && member.state === 'R');
}

function familyOf({ port, family, holders, sockets }: Picture): Family {
  const newest = new Map<number, number>();
  for (const { local, inode } of sockets) {
    if (local.port !== port) continue;
    for (const { pid, fd } of holders.get(inode) ?? []) {
      newest.set(pid, Math.max(fd, newest.get(pid) ?? -1));
    }
  }
  return new Map(
    family.map((member) => [
      member.pid,
      { ...member, newest: newest.get(member.pid) ?? -1 },
    ]),
  );
}
