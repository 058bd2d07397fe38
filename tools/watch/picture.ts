/**
 * One look at a server through /proc: everything that is read, nothing that
 * is concluded.
 */
import { readlinkSync } from 'node:fs';
import {
  ageOf,
  descriptorsOf,
  type Holder,
  type Limits,
  limitsOf,
  listPids,
  type Process,
  readProcess,
  type Sleep,
  sleepOf,
  threadsOfUser,
  userOf,
} from '../kernel/processes';
import { readSocketDetails, type SocketDetails } from '../kernel/sockdiag';
import {
  findHolders,
  findListener,
  listSockets,
  type TcpSocket,
} from '../kernel/sockets';

/** A process of the server's family. */
export interface Member extends Process {
  /** 0 for the server, 1 for its children … */
  depth: number;
  /** Seconds since it was started. */
  age: number;
  /** null if it runs, has ended, or was not looked at: one of too many. */
  sleep: Sleep | null;
}

export interface Picture {
  /** In the milliseconds of `Date.now()`. */
  time: number;
  port: number;
  /** The LISTEN row of the port, whoever holds it. */
  listener: TcpSocket | null;
  /** Who holds it: null if nobody does, or somebody we may not look at. */
  server: Holder | null;
  /** The server first, each process before its children. */
  family: Member[];
  /** The server's. */
  descriptors: Map<number, string>;
  limits: Limits | null;
  /** How much of the limit on processes is used; null: root has none. */
  threads: Threads | null;
  /** Both ends of every connection that this machine has an end of. */
  sockets: TcpSocket[];
  /** Who holds which socket, by inode. */
  holders: Map<number, Holder[]>;
  /** By inode; null where the kernel does not tell. */
  details: Map<number, SocketDetails> | null;
  memory: Memory;
}

interface Threads {
  time: number;
  number: number;
}

/**
 * Looks at the server on a port.
 *
 * @param previous the last picture of it, of which what is expensive to find
 *   is taken over while it is fresh
 */
export function takePicture(port: number, previous: Picture | null): Picture {
  const sockets = listSockets({ port });
  const listener =
    sockets.find((s) => s.state === 'LISTEN' && s.local.port === port) ?? null;
  const server = listener && findServer(listener, previous);
  const memory = lookAround(server, previous?.memory ?? new Map());
  const lookUp = (pid: number) => memory.get(pid)?.descriptors ?? null;
  return {
    time: Date.now(),
    port,
    listener,
    server,
    family: server ? familyOf(server.pid, memory) : [],
    descriptors: (server && lookUp(server.pid)) ?? new Map(),
    limits: server && limitsOf(server.pid),
    threads: server && countThreads(server, previous),
    sockets,
    holders: findHolders(memory.keys(), lookUp),
    details: readSocketDetails(port),
    memory,
  };
}

/** Searches all processes, unless the server we know still listens. */
function findServer(
  listener: TcpSocket,
  previous: Picture | null,
): Holder | null {
  const known = previous?.server;
  if (known && holds(known, listener)) return known;
  return findListener(listener.local.port);
}

function holds({ pid, fd }: Holder, { inode }: TcpSocket): boolean {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`;
  } catch {
    return false;
  }
}

const COUNT_THREADS_EVERY_MS = 5_000;

function countThreads(
  { pid }: Holder,
  previous: Picture | null,
): Threads | null {
  const known = previous?.server?.pid === pid ? previous.threads : null;
  const now = Date.now();
  if (known && now - known.time < COUNT_THREADS_EVERY_MS) return known;
  const user = userOf(pid);
  return user ? { time: now, number: threadsOfUser(user) } : null;
}

// Processes ///////////////////////////////////////////////////////////////////

/** What was seen of each process of this machine when it was last looked at. */
export type Memory = Map<number, Look>;

interface Look {
  process: Process;
  descriptors: Map<number, string>;
  /** In the milliseconds of `performance.now()`. */
  at: number;
}

/** How long looking at known processes may take; the rest is for next time. */
const BUDGET_MS = 25;

/**
 * Looks at all processes: at each that is new, and at those that are known as
 * far as time allows, the longest unseen first. A thousand children cost no
 * more than a hundred, but what is said of each may be some seconds old.
 */
function lookAround(server: Holder | null, known: Memory): Memory {
  const memory: Memory = new Map();
  const pids = listPids().map((pid) => ({ pid, look: known.get(pid) }));
  pids.sort((a, b) => (a.look?.at ?? 0) - (b.look?.at ?? 0));
  const deadline = performance.now() + BUDGET_MS;
  for (const { pid, look } of pids) {
    // A zombie does not change until it is gone.
    const settled = look?.process.state === 'Z';
    const fresh = performance.now() < deadline || pid === server?.pid;
    const seen = look && (settled || !fresh) ? look : lookAt(pid);
    if (seen) memory.set(pid, seen);
  }
  return memory;
}

function lookAt(pid: number): Look | null {
  const process = readProcess(pid);
  if (!process) return null;
  const descriptors = descriptorsOf(pid) ?? new Map();
  return { process, descriptors, at: performance.now() };
}

/** Sleeps are looked at for so many: more do not fit on a screen. */
const SLEEPERS = 60;

function familyOf(server: number, memory: Memory): Member[] {
  const children = new Map<number, Process[]>();
  for (const { process } of memory.values()) {
    const siblings = children.get(process.parent);
    if (siblings) siblings.push(process);
    else children.set(process.parent, [process]);
  }
  const root = memory.get(server)?.process;
  if (!root) return [];
  const uptime = root.startedAt + ageOf(root);
  let looks = SLEEPERS;
  const family = (process: Process, depth: number): Member[] => {
    const sleeps = process.state === 'S' && looks-- > 0;
    const sleep = sleeps ? sleepOf(process.pid) : null;
    const age = uptime - process.startedAt;
    const offspring = children.get(process.pid) ?? [];
    offspring.sort((a, b) => a.startedAt - b.startedAt || a.pid - b.pid);
    return [
      { ...process, depth, age, sleep },
      ...offspring.flatMap((child) => family(child, depth + 1)),
    ];
  };
  return family(root, 0);
}
