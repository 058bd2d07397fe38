/**
 * One look at a server through /proc: everything that is read, nothing that
 * is concluded.
 */
import { describeEnding } from '#shared/processes';
import {
  descriptorsOf,
  type Holder,
  targetAt,
  watchedBy,
} from '../kernel/descriptors';
import {
  endOf,
  endOfZombie,
  forget,
  type Remembered,
  remember,
} from '../kernel/endings';
import {
  countThreads,
  type Limits,
  limitsOf,
  listPids,
  type Process,
  readProcess,
  readUptime,
  userOf,
} from '../kernel/processes';
import { type Sleep, sleepOf } from '../kernel/sleeps';
import { findHolders, listSockets } from '../kernel/sockets';
import type { TcpSocket } from '../kernel/tcp';
import { type Description, findDescriptions } from './descriptions';

/** A process of the server's family. */
export interface Member extends Process {
  /** An orphan was a child of a server that has ended. */
  role: 'server' | 'child' | 'orphan';
  /** 0 for the server and for orphans, 1 for their children … */
  depth: number;
  /** Seconds since it was started. */
  age: number;
  /** null if it runs, has ended, or was not looked at: one of too many. */
  sleep: Sleep | null;
  /** Descriptors that an epoll of it watches; none of one not looked at. */
  watched: number[];
  /** Whether whoever started it has ended, so that another adopted it. */
  adopted: boolean;
  /** Of a zombie that we may look at: `exit 0`, `killed by SIGSEGV`. */
  exit: string | null;
  /** When all this was read, in the milliseconds of `now`. */
  at: number;
}

/** What is known of a server that listens no more. */
export interface End {
  pid: number;
  name: string;
  /** In the milliseconds of `now`. */
  at: number;
  /**
   * `lives` if it has only closed its listener; `zombie` if nobody has waited
   * for it.
   */
  state: 'lives' | 'zombie' | 'gone';
  /** `exit 1`, `killed by SIGKILL`; null if the kernel does not tell us. */
  exit: string | null;
}

export interface Snapshot {
  /** In the milliseconds of `now`. */
  time: number;
  port: number;
  /** The LISTEN rows of the port, one for each address, whoever holds them. */
  listeners: TcpSocket[];
  /** The server that was seen last, even when it has ended. */
  server: Known | null;
  /** Set when it does not listen any more. */
  end: End | null;
  /** The server first, each process before its children, orphans last. */
  family: Member[];
  /** The descriptors of the first of the family. */
  descriptors: Map<number, string>;
  /** Which descriptors of the family are one and the same. */
  descriptions: Description[];
  limits: Limits | null;
  /** How much of the limit on processes is used; null: root has none. */
  threads: number | null;
  /** Both ends of every connection that this machine has an end of. */
  sockets: TcpSocket[];
  /** Who holds which socket, by inode. */
  holders: Map<number, Holder[]>;
  memory: Memory;
}

interface Known extends Remembered {
  name: string;
  startedAt: number;
}

/** Milliseconds since 1970, by a clock that nobody sets. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/**
 * Looks at the server on a port.
 *
 * @param previous the last snapshot of it, of which what is expensive to find
 *   is taken over while it is fresh
 */
export function takeSnapshot(
  port: number,
  previous: Snapshot | null,
): Snapshot {
  const time = now();
  const sockets = listSockets({ port });
  const listeners = sockets.filter(
    ({ state, local }) => state === 'LISTEN' && local.port === port,
  );
  const memory = lookAround(previous);
  const lookUp = (pid: number) => memory.get(pid)?.descriptors ?? null;
  const holders = findHolders(memory.keys(), lookUp);
  const roots = findRoots(listeners, holders, memory);
  const family = gather(roots, memory, previous);
  sortByFamily(holders, family);
  const [first] = family;
  const server = knownServer(family, previous);
  const tables = family.map(({ pid }) => [pid, lookUp(pid)] as const);
  return {
    time,
    port,
    listeners,
    server,
    end: findEnd(server, roots, previous),
    family,
    descriptors: (first && lookUp(first.pid)) ?? new Map(),
    descriptions: findDescriptions(tables, holders),
    limits: first ? limitsOf(first.pid) : null,
    threads: first ? countThreadsBeside(first, memory) : null,
    sockets,
    holders,
    memory,
  };
}

/** The parent first, even when the numbers of PIDs have begun anew. */
function sortByFamily(holders: Map<number, Holder[]>, family: Member[]): void {
  const ranks = new Map(family.map(({ pid }, rank) => [pid, rank]));
  const rankOf = ({ pid }: Holder) => ranks.get(pid) ?? family.length;
  for (const all of holders.values()) all.sort((a, b) => rankOf(a) - rankOf(b));
}

/** The threads of a process's user, as far as they have been seen. */
function countThreadsBeside({ pid }: Process, memory: Memory): number | null {
  const user = userOf(pid);
  if (!user) return null;
  const theirs = [...memory.values()].filter((one) => one.user === user);
  return countThreads(theirs.map(({ process }) => process));
}

// Processes ///////////////////////////////////////////////////////////////////

/** What was seen of each process of this machine when it was last looked at. */
export type Memory = Map<number, Sight>;

interface Sight {
  process: Process;
  descriptors: Map<number, string>;
  exit: string | null;
  user: number | null;
  /** In the milliseconds of `now`. */
  at: number;
}

/** How long looking at known processes may take; the rest is for next time. */
const BUDGET_MS = 25;

/**
 * Looks at all processes: at each that is new, and at those that are known as
 * far as time allows, the longest unseen first. A thousand children cost no
 * more than a hundred, but what is said of each may be some seconds old.
 */
function lookAround(previous: Snapshot | null): Memory {
  const memory: Memory = new Map();
  const pids = listPids().map((pid) => ({
    pid,
    sight: previous?.memory.get(pid),
  }));
  pids.sort((a, b) => (a.sight?.at ?? 0) - (b.sight?.at ?? 0));
  const [first] = previous?.family ?? [];
  const deadline = now() + BUDGET_MS;
  for (const { pid, sight } of pids) {
    // A zombie does not change until it is gone.
    const settled = sight?.process.state === 'Z';
    const fresh = now() < deadline || pid === first?.pid;
    const seen = sight && (settled || !fresh) ? sight : lookAt(pid);
    if (seen) memory.set(pid, settled ? { ...seen, at: now() } : seen);
  }
  return memory;
}

function lookAt(pid: number): Sight | null {
  const process = readProcess(pid);
  if (!process) return null;
  const descriptors = descriptorsOf(pid) ?? new Map();
  const end = process.state === 'Z' ? endOfZombie(pid) : null;
  const exit = end && describeEnding(end);
  return { process, descriptors, exit, user: userOf(pid), at: now() };
}

/**
 * The processes that hold a listener and do not descend from another that
 * does: servers, or what a server has left behind.
 */
function findRoots(
  listeners: TcpSocket[],
  holders: Snapshot['holders'],
  memory: Memory,
): number[] {
  const all = new Set<number>();
  for (const { inode } of listeners) {
    for (const one of holders.get(inode) ?? []) {
      // Asked again: what was seen of a process may be some seconds old.
      if (targetAt(one) === `socket:[${inode}]`) all.add(one.pid);
    }
  }
  return [...all].filter(
    (pid) => !ancestors(pid, memory).some((it) => all.has(it)),
  );
}

function ancestors(pid: number, memory: Memory): number[] {
  const found = new Set<number>();
  let parent = memory.get(pid)?.process.parent ?? 0;
  // What was seen some seconds ago may name a PID that is another's now.
  while (parent > 0 && !found.has(parent)) {
    found.add(parent);
    parent = memory.get(parent)?.process.parent ?? 0;
  }
  return [...found];
}

/** So many are looked at closely: more do not fit on a screen. */
const CLOSELY = 60;

/**
 * The family: all that descends from the roots, and what is left of a server
 * that was there before. One that has closed its listener may have clients to
 * serve yet; whoever was a child and is none now has lost its parent.
 */
function gather(
  roots: number[],
  memory: Memory,
  previous: Snapshot | null,
): Member[] {
  const known = (previous?.family ?? []).filter(({ pid, startedAt, state }) => {
    const now = memory.get(pid)?.process;
    return now?.startedAt === startedAt && (now.state !== 'Z' || state === 'Z');
  });
  const servers = known.filter(({ role }) => role === 'server');
  const others = known.filter(({ role }) => role !== 'server');
  const left = new Set(others.map(({ pid }) => pid));
  const all = [...roots, ...servers.map(({ pid }) => pid)];
  const descend = descendantsIn(memory);
  return [
    ...all
      .filter((pid) => !left.has(pid))
      .flatMap((pid) => descend(pid, 'server')),
    ...others.flatMap(({ pid }) => descend(pid, 'orphan')),
  ];
}

type Descend = (pid: number, role: Member['role'], depth?: number) => Member[];

/** Finds a process and all below it, each process once. */
function descendantsIn(memory: Memory): Descend {
  const children = childrenIn(memory);
  const uptime = readUptime();
  const found = new Set<number>();
  let closely = CLOSELY;
  const descend: Descend = (pid, role, depth = 0) => {
    const sight = memory.get(pid);
    if (!sight || found.has(pid)) return [];
    found.add(pid);
    const { process, descriptors, exit, at } = sight;
    const looked = process.state !== 'Z' && closely-- > 0;
    const sleep = looked && process.state === 'S' ? sleepOf(pid) : null;
    const watched = looked ? watchedBy(pid, descriptors) : [];
    const adopted = isAdopted(process, memory);
    const age = uptime - process.startedAt;
    return [
      { ...process, role, depth, age, sleep, watched, adopted, exit, at },
      ...(children.get(pid) ?? []).flatMap((child) =>
        descend(child.pid, 'child', depth + 1),
      ),
    ];
  };
  return descend;
}

function childrenIn(memory: Memory): Map<number, Process[]> {
  const children = new Map<number, Process[]>();
  for (const { process } of memory.values()) {
    const siblings = children.get(process.parent);
    if (siblings) siblings.push(process);
    else children.set(process.parent, [process]);
  }
  for (const siblings of children.values()) {
    siblings.sort((a, b) => a.startedAt - b.startedAt || a.pid - b.pid);
  }
  return children;
}

/**
 * Whoever has lost his parent gets another, mostly PID 1, see
 * PR_SET_CHILD_SUBREAPER in prctl(2): one of another session. So does a
 * daemon that has forked twice; only what it does tells the two apart.
 */
function isAdopted({ pid, parent, session }: Process, memory: Memory): boolean {
  const adopter = memory.get(parent)?.process;
  return session !== pid && !!adopter && adopter.session !== session;
}

// The end of a server /////////////////////////////////////////////////////////

/** The server that is there now, or the one that was. */
function knownServer(
  family: Member[],
  previous: Snapshot | null,
): Known | null {
  const known = previous?.server ?? null;
  const [first] = family;
  if (first?.role !== 'server') return known;
  const { pid, name, startedAt } = first;
  if (known?.pid === pid && known.startedAt === startedAt) return known;
  if (known) forget(known);
  return { ...remember(pid), name, startedAt };
}

function findEnd(
  server: Known | null,
  roots: number[],
  previous: Snapshot | null,
): End | null {
  if (!server || roots.includes(server.pid)) return null;
  const { pid, name, startedAt } = server;
  const at = previous?.end?.at ?? now();
  const process = readProcess(pid);
  const there = process?.startedAt === startedAt ? process : null;
  if (there && there.state !== 'Z') {
    return { pid, name, at, state: 'lives', exit: null };
  }
  const exit = there ? endOfZombie(pid) : endOf(server);
  const state = there ? 'zombie' : 'gone';
  return { pid, name, at, state, exit: exit && describeEnding(exit) };
}
