/**
 * What a picture means: a pure function, so that programs (--json), the
 * screen and the tests are told the same.
 */
import type { Holder, Limit } from '../../shared/kernel';
import type { TcpSocket, TcpState } from '../../shared/netstat';
import { formatAddress, type SocketPair } from '../../shared/sockets';
import { diagnose } from './diagnosis';
import type { Member, Picture } from './picture';

export type { Member };

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

export interface Descriptors {
  used: number;
  limit: number;
  listener: number;
  connections: number;
  /** The program's own: all the others, and what they are. */
  own: { numbers: number[]; kinds: Record<string, number> };
}

export interface Server {
  pid: number;
  name: string;
  address: string;
  /** Seconds since it was started. */
  age: number;
}

/** How the figures that can climb have changed: one sample a refresh. */
export interface Trend {
  descriptors: number[];
  zombies: number[];
  queue: number[];
}

export interface Model {
  time: string;
  port: number;
  server: Server | null;
  /** Why there is nothing to see, if there is nothing. */
  absence: 'nobody listens' | 'not permitted' | null;
  /** The user whose listener it is. */
  owner: number | null;
  processes: Member[];
  zombies: number;
  descriptors: Descriptors | null;
  connections: Connection[];
  /** Connections that are over and that the kernel remembers: TIME_WAIT. */
  timeWait: number;
  queue: { length: number; backlog: number | null } | null;
  /** RLIMIT_NPROC and what the user has used of it; null for root. */
  user: { threads: number; limit: number } | null;
  trend: Trend;
  /** Plain sentences, the most serious first; empty if all is well. */
  problems: string[];
}

/** Samples that are kept: more do not fit on a line. */
const SAMPLES = 240;

/** Draws the conclusions from a picture, and continues the trend. */
export function understand(picture: Picture, previous: Model | null): Model {
  const connections = pairUp(picture);
  const zombies = picture.family.filter(({ state }) => state === 'Z').length;
  const descriptors = sortDescriptors(picture, connections);
  const queue = queueOf(picture);
  const model: Model = {
    time: new Date(picture.time).toISOString(),
    port: picture.port,
    server: serverOf(picture),
    absence: absenceIn(picture),
    owner: picture.listener?.uid ?? null,
    processes: picture.family,
    zombies,
    descriptors,
    connections,
    timeWait: picture.sockets.filter((s) => s.state === 'TIME_WAIT').length,
    queue,
    user: userIn(picture),
    trend: {
      descriptors: grow(previous?.trend.descriptors, descriptors?.used),
      zombies: grow(previous?.trend.zombies, zombies),
      queue: grow(previous?.trend.queue, queue?.length),
    },
    problems: [],
  };
  return { ...model, problems: diagnose(model, previous) };
}

function grow(samples: number[] = [], sample = 0): number[] {
  return [...samples, sample].slice(-SAMPLES);
}

function serverOf({ server, listener, family }: Picture): Server | null {
  const [first] = family;
  if (!server || !listener || !first) return null;
  const { name, age } = first;
  return { pid: server.pid, name, address: formatAddress(listener.local), age };
}

function absenceIn({ listener, family }: Picture): Model['absence'] {
  if (!listener) return 'nobody listens';
  return family.length === 0 ? 'not permitted' : null;
}

function queueOf({ listener, details }: Picture): Model['queue'] {
  if (!listener) return null;
  const backlog = details?.get(listener.inode)?.backlog ?? null;
  return { length: listener.receiveQueue, backlog };
}

function userIn({ threads, limits }: Picture): Model['user'] {
  if (!threads || !limits) return null;
  return { threads: threads.number, limit: limits.processes.soft };
}

// Descriptors /////////////////////////////////////////////////////////////////

function sortDescriptors(
  { server, descriptors, limits }: Picture,
  connections: Connection[],
): Descriptors | null {
  if (!server || descriptors.size === 0) return null;
  const ours = connections
    .flatMap(({ holders }) => holders)
    .filter(({ pid }) => pid === server.pid)
    .map(({ fd }) => fd);
  const shared = new Set([server.fd, ...ours]);
  const own = [...descriptors].filter(([fd]) => !shared.has(fd));
  const kinds: Record<string, number> = {};
  for (const [, target] of own) {
    const kind = kindOf(target);
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  return {
    used: descriptors.size,
    limit: softLimit(limits?.openFiles),
    listener: server.fd,
    connections: ours.length,
    own: { numbers: own.map(([fd]) => fd), kinds },
  };
}

function softLimit(limit: Limit | undefined): number {
  return limit?.soft ?? Infinity;
}

/** `pipe:[4711]` is a pipe, `anon_inode:[eventfd]` an eventfd. */
function kindOf(target: string): string {
  if (target.startsWith('/') && !target.startsWith('/dev/')) return 'file';
  const anonymous = /^anon_inode:\[?([^\]]+)\]?$/.exec(target)?.[1];
  return anonymous ?? target.split(':[')[0] ?? target;
}

// Connections /////////////////////////////////////////////////////////////////

/** Both ends of each connection. */
function pairUp(picture: Picture): Connection[] {
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
  const all = picture.holders;
  const details = ours && picture.details?.get(ours.inode);
  const holders = (ours && picture.holders.get(ours.inode)) ?? [];
  const { local, remote } = ours ?? turn(theirs);
  const facts: Facts = {
    local: formatAddress(local),
    remote: formatAddress(remote),
    state: ours?.state ?? null,
    holders,
    client: theirs
      ? { state: theirs.state, holders: all.get(theirs.inode) ?? [] }
      : null,
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
  const { call } = member.sleep ?? { call: '' };
  if (/accept|wait4|waitid|do_wait/.test(call)) return false;
  if (member.depth > 0)
    return /epoll|select/.test(call) || fd === member.newest;
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
