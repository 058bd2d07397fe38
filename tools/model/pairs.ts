/**
 * Both ends of each connection, and how it stands.
 */
import { formatAddress, type SocketPair } from '#shared/sockets';
import type { Holder } from '../kernel/descriptors';
import type { TcpSocket, TcpState } from '../kernel/tcp';
import type { Member, Snapshot } from './snapshot';

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
const STANDINGS = [
  'served',
  'queued',
  'knocking',
  'finished',
  'forgotten',
  'left',
  'closed',
] as const;

export type Standing = (typeof STANDINGS)[number];

/** One connection, both ends of it where both are on this machine. */
export interface Pair {
  /** As the server sees it. */
  local: string;
  remote: string;
  /** The server's end; null while the client knocks, or if it is gone. */
  state: TcpState | null;
  /** The N of `socket:[N]` in the tables; 0 if it is in none. */
  inode: number;
  /** Every descriptor of the server's end. */
  holders: Holder[];
  /** The client's end, and the processes it is open in. */
  client: Client | null;
  /** Bytes that the client has acknowledged; null: the kernel does not say. */
  sent: number | null;
  received: number | null;
  standing: Standing;
  /**
   * What the client has, or waits for, in two or three words. Of a client of
   * an event loop nobody knows that: only whether something is in flight.
   */
  expectation: string;
}

interface Client {
  state: TcpState;
  holders: Holder[];
  /** The name of the first of them, at most 15 bytes of it. */
  program: string | null;
}

interface Ends {
  ours?: TcpSocket;
  theirs?: TcpSocket;
}

/** Both ends of each connection, what is going on first. */
export function pairUp(snapshot: Snapshot): Pair[] {
  const workers = workersIn(snapshot);
  return [...findEnds(snapshot).values()]
    .filter(isWhole)
    .map((ends) => describePair(snapshot, workers, ends))
    .sort(
      (a, b) =>
        STANDINGS.indexOf(a.standing) - STANDINGS.indexOf(b.standing) ||
        byHolder(a, b),
    );
}

function findEnds({ port, sockets }: Snapshot): Map<string, Ends> {
  const found = new Map<string, Ends>();
  for (const socket of sockets) {
    if (socket.state === 'LISTEN' || socket.state === 'TIME_WAIT') continue;
    const ours = socket.local.port === port;
    const { local, remote } = ours ? socket : turn(socket);
    const name = `${formatAddress(local)} ${formatAddress(remote)}`;
    const end = ours ? { ours: socket } : { theirs: socket };
    found.set(name, { ...found.get(name), ...end });
  }
  return found;
}

function turn({ local, remote }: SocketPair): SocketPair {
  return { local: remote, remote: local };
}

/**
 * The kernel's table is read row by row while connections come and go. So a
 * client may be connected there to a server's end that was not there yet, or
 * not any more. It will be whole the next time, or gone.
 */
function isWhole({ ours, theirs }: Ends): boolean {
  if (ours) return true;
  // Alone, an end that knocks or that has got its FIN is no contradiction.
  return /SYN_SENT|CLOSE_WAIT|LAST_ACK/.test(theirs?.state ?? '');
}

/** Where each child has its own under the same number, the eldest is first. */
function byHolder({ holders: [a] }: Pair, { holders: [b] }: Pair): number {
  if (a?.fd !== b?.fd) return (a?.fd ?? Infinity) - (b?.fd ?? Infinity);
  return (a?.pid ?? 0) - (b?.pid ?? 0);
}

function describePair(
  snapshot: Snapshot,
  workers: Workers,
  { ours, theirs }: Ends,
): Pair {
  const holdersOf = (socket: TcpSocket | undefined) =>
    (socket && snapshot.holders.get(socket.inode)) ?? [];
  const nowhere = { address: '?', port: 0 };
  const { local, remote } =
    ours ?? turn(theirs ?? { local: nowhere, remote: nowhere });
  const facts = {
    local: formatAddress(local),
    remote: formatAddress(remote),
    state: ours?.state ?? null,
    inode: ours?.inode ?? 0,
    holders: holdersOf(ours),
    client: theirs ? describeClient(snapshot, theirs) : null,
    sent: ours?.sent ?? null,
    received: ours?.received ?? null,
  };
  const standing = judge(facts, workers);
  const looped = facts.holders.some((one) => isWatched(one, workers));
  const expectation =
    looped && standing === 'served'
      ? `${isInFlight(ours) || isInFlight(theirs) ? 'bytes' : 'nothing'} in flight`
      : expectationOf(standing, facts);
  return { ...facts, standing, expectation };
}

/** Whether bytes have been sent that nobody has taken, or acknowledged. */
function isInFlight(end: TcpSocket | undefined): boolean {
  return end !== undefined && end.receiveQueue + end.sendQueue > 0;
}

function describeClient(
  { holders, memory }: Snapshot,
  { state, inode }: TcpSocket,
): Client {
  const all = holders.get(inode) ?? [];
  const program = memory.get(all[0]?.pid ?? 0)?.process.name ?? null;
  return { state, holders: all, program };
}

function expectationOf(
  standing: Standing,
  { sent, received }: Pick<Pair, 'sent' | 'received'>,
): string {
  if (standing !== 'served') return EXPECTATIONS[standing];
  if (sent) return 'gets its answer';
  return received === 0 ? 'says nothing' : 'wants an answer';
}

const EXPECTATIONS: Record<Exclude<Standing, 'served'>, string> = {
  knocking: 'knocks',
  queued: 'in the queue',
  finished: 'waits for a FIN',
  forgotten: 'waits in vain',
  closed: 'has its FIN',
  left: 'has left',
};

function judge(
  {
    state,
    inode,
    holders,
    client,
    sent,
  }: Omit<Pair, 'standing' | 'expectation'>,
  workers: Workers,
): Standing {
  if (state === null)
    return client?.state === 'SYN_SENT' ? 'knocking' : 'closed';
  if (state.includes('SYN')) return 'knocking';
  if (state !== 'ESTABLISHED' && state !== 'CLOSE_WAIT') return 'closed';
  if (inode === 0) return 'queued'; // no descriptor anywhere stands for it
  if (holders.length === 0) return 'served'; // by somebody we may not look at
  if (holders.some((holder) => mayServe(holder, workers))) return 'served';
  if (state === 'CLOSE_WAIT') return 'left';
  return sent === 0 ? 'forgotten' : 'finished';
}

/** What is known of the server's processes, by PID. */
type Workers = Map<number, Member & { newest: number }>;

/**
 * Whether a process may be at work for a connection that it holds. One that
 * waits for the next client, or for its children, is not; nor is the parent
 * of a forking server while it accepts and forks. A child was born with all
 * that its parent held, and works on the connection that came last, unless
 * it waits for many at once.
 */
function mayServe({ pid, fd }: Holder, workers: Workers): boolean {
  const member = workers.get(pid);
  if (!member) return true;
  if (member.state === 'T') return false;
  if (isWatched({ pid, fd }, workers)) return true;
  // Not looked at, or not permitted: it gets the benefit of the doubt.
  if (member.state === 'S' && !member.sleep) return true;
  const { call, among } = member.sleep ?? { call: '', among: null };
  if (/accept|csk_wait|wait4|waitid|do_wait/.test(call)) return false;
  if (among) return among.includes(fd);
  if (member.depth > 0) {
    return /poll|select/.test(call) || fd === member.newest;
  }
  const forks = workers.size > 1;
  return !(forks && (member.state === 'R' || /^p?poll$/.test(call)));
}

/** Whether a connection is one of many for an event loop. */
function isWatched({ pid, fd }: Holder, workers: Workers): boolean {
  return workers.get(pid)?.watched.includes(fd) ?? false;
}

function workersIn({ port, family, holders, sockets }: Snapshot): Workers {
  const workers = new Map(
    family.map((one) => [one.pid, { ...one, newest: -1 }]),
  );
  for (const { local, inode } of sockets) {
    if (local.port !== port) continue;
    for (const { pid, fd } of holders.get(inode) ?? []) {
      const worker = workers.get(pid);
      if (worker) worker.newest = Math.max(fd, worker.newest);
    }
  }
  return workers;
}
