/**
 * What a snapshot means: a pure function, so that programs (--json), the
 * screen and the tests are told the same.
 */

import { formatAddress } from '#shared/sockets';
import { countEach } from '../common/words';
import type { Holder } from '../kernel/descriptors';
import { describeState } from '../kernel/sleeps';
import type { Description } from './descriptions';
import { type Pair, pairUp } from './pairs';
import type { End, Member, Snapshot } from './snapshot';

/**
 * Since when something has been seen as it is, and when it was looked at last,
 * in milliseconds since 1970. No look is one moment, and what is half done may
 * look like a fault. What has not moved between two looks is none.
 */
export interface Lasting {
  since: number;
  seen: number;
}

export interface Descriptors {
  used: number;
  limit: number;
  listeners: number[];
  connections: number;
  /** The program's own: all the others, and what most of them are. */
  own: { numbers: number[]; kinds: Record<string, number> };
}

/** The first of the processes, which all this is about. */
export interface Watched {
  pid: number;
  name: string;
  /** Where it listens. */
  addresses: string[];
  /** Seconds since it was started. */
  age: number;
}

/** One of the sockets that listen on the port. */
export interface Queue {
  address: string;
  inode: number;
  /** How many connections wait in it to be accepted. */
  length: number;
  /** How many may wait; one more than that finds a place. */
  backlog: number | null;
  /** Every descriptor that leads to it. */
  holders: Holder[];
}

/** How the figures that can climb have changed: one sample a look. */
export interface Trend {
  descriptors: number[];
  zombies: number[];
  queue: number[];
}

/** What a snapshot means, before anybody says what is wrong. */
export interface Facts {
  time: string;
  port: number;
  server: Watched | null;
  /** Why there is nothing to see, if there is nothing. */
  absence: 'nobody listens' | 'not permitted' | 'not found' | null;
  /** The user whose listener it is. */
  owner: number | null;
  /** The server that listened before, and what it was short of. */
  end: (End & { short: string[] }) | null;
  /** With what each is doing, in words. */
  processes: (Member & Lasting & { doing: string })[];
  zombies: number;
  descriptors: Descriptors | null;
  descriptions: Description[];
  queues: Queue[];
  connections: (Pair & Lasting)[];
  /** Connections that are over and that the kernel remembers: TIME_WAIT. */
  timeWait: number;
  /** RLIMIT_NPROC and what the user has used of it; null for root. */
  user: { threads: number; limit: number } | null;
  trend: Trend;
}

/** Samples that are kept: more do not fit on a line. */
const SAMPLES = 240;

/** Draws the conclusions from a snapshot, and continues what came before. */
export function understand(snapshot: Snapshot, previous: Facts | null): Facts {
  const processes = processesIn(snapshot, previous);
  const connections = connectionsIn(snapshot, previous);
  const zombies = processes.filter(({ state }) => state === 'Z').length;
  const queues = queuesOf(snapshot);
  const descriptors = sortDescriptors(snapshot, connections);
  const waiting = queues.reduce((sum, { length }) => sum + length, 0);
  return {
    time: new Date(snapshot.time).toISOString(),
    port: snapshot.port,
    server: watchedIn(snapshot),
    absence: absenceIn(snapshot),
    owner: snapshot.listeners[0]?.uid ?? null,
    end: endIn(snapshot, previous),
    processes,
    zombies,
    descriptors,
    descriptions: snapshot.descriptions,
    queues,
    connections,
    timeWait: snapshot.sockets.filter((s) => s.state === 'TIME_WAIT').length,
    user: userIn(snapshot),
    trend: {
      descriptors: grow(previous?.trend.descriptors, descriptors?.used),
      zombies: grow(previous?.trend.zombies, zombies),
      queue: grow(previous?.trend.queue, waiting),
    },
  };
}

function grow(samples: number[] = [], sample = 0): number[] {
  return [...samples, sample].slice(-SAMPLES);
}

function watchedIn({ listeners, family: [first] }: Snapshot): Watched | null {
  // Orphans that keep nothing from the next server are not its subject.
  const left = first?.role === 'orphan' && listeners.length === 0;
  if (!first || left) return null;
  const { pid, name, age } = first;
  const addresses = listeners.map(({ local }) => formatAddress(local));
  return { pid, name, addresses, age };
}

function absenceIn({ listeners, family }: Snapshot): Facts['absence'] {
  const [first] = listeners;
  if (!first) return 'nobody listens';
  if (family.length > 0) return null;
  const uid = process.getuid?.();
  return uid === 0 || uid === first.uid ? 'not found' : 'not permitted';
}

function queuesOf({ listeners, holders }: Snapshot): Queue[] {
  return listeners.map(({ local, inode, receiveQueue, backlog }) => ({
    address: formatAddress(local),
    inode,
    length: receiveQueue,
    backlog,
    holders: holders.get(inode) ?? [],
  }));
}

function userIn({ threads, limits }: Snapshot): Facts['user'] {
  if (threads === null || !limits) return null;
  return { threads, limit: limits.processes.soft };
}

// What lasts //////////////////////////////////////////////////////////////////

function processesIn(
  { family }: Snapshot,
  previous: Facts | null,
): Facts['processes'] {
  const before = new Map(previous?.processes.map((one) => [one.pid, one]));
  const same = (a: Member, b: Member) =>
    a.startedAt === b.startedAt &&
    a.state === b.state &&
    a.sleep?.call === b.sleep?.call &&
    a.sleep?.descriptor === b.sleep?.descriptor;
  return family.map((one) => {
    const known = before.get(one.pid);
    const since = known && same(known, one) ? known.since : one.at;
    return { ...one, since, seen: one.at, doing: describeMember(one) };
  });
}

/** `sleeping in accept(21)`, `zombie: exit 0, not waited for`. */
function describeMember(member: Member): string {
  const { role, state, sleep, exit } = member;
  if (state === 'Z') return `zombie: ${exit ?? 'ended'}, not waited for`;
  const orphan = role === 'orphan' ? 'orphan, ' : '';
  return orphan + describeState(member, sleep);
}

function connectionsIn(
  snapshot: Snapshot,
  previous: Facts | null,
): Facts['connections'] {
  const nameOf = ({ local, remote }: Pair) => `${local} ${remote}`;
  const before = new Map(
    previous?.connections.map((one) => [nameOf(one), one]),
  );
  const same = (a: Pair, b: Pair) =>
    a.inode === b.inode &&
    a.standing === b.standing &&
    a.sent === b.sent &&
    a.received === b.received;
  return pairUp(snapshot).map((one) => {
    // What is said of it is as old as the oldest look at who holds it.
    const looks = one.holders.map(
      ({ pid }) => snapshot.memory.get(pid)?.at ?? 0,
    );
    const seen = Math.min(snapshot.time, ...looks);
    const known = before.get(nameOf(one));
    const since = known && same(known, one) ? known.since : snapshot.time;
    return { ...one, since, seen };
  });
}

// The end of a server /////////////////////////////////////////////////////////

/** Whoever has used up so much of a limit is short of it. */
const ALMOST_ALL = 0.8;

function endIn({ end }: Snapshot, previous: Facts | null): Facts['end'] {
  if (!end) return null;
  const short = previous?.end?.short ?? (previous ? shortages(previous) : []);
  return { ...end, short };
}

/** What the server may have died of: whoever asks it, only its log tells. */
function shortages({ descriptors, user }: Facts): string[] {
  const found: string[] = [];
  if (descriptors && isShort(descriptors.used, descriptors.limit)) {
    const { used, limit } = descriptors;
    found.push(`${used} of ${limit} descriptors (then EMFILE)`);
  }
  if (user && isShort(user.threads, user.limit)) {
    const { threads, limit } = user;
    found.push(`${threads} of its user's ${limit} processes (then EAGAIN)`);
  }
  return found;
}

export function isShort(used: number, limit: number): boolean {
  return used >= ALMOST_ALL * limit;
}

// Descriptors /////////////////////////////////////////////////////////////////

function sortDescriptors(
  { family: [first], descriptors, limits, listeners }: Snapshot,
  connections: Pair[],
): Descriptors | null {
  if (!first || descriptors.size === 0) return null;
  const sockets = new Set(listeners.map(({ inode }) => `socket:[${inode}]`));
  const entries = [...descriptors];
  const ears = entries.filter(([, target]) => sockets.has(target));
  const held = new Set(
    connections
      .flatMap(({ holders }) => holders)
      .filter(({ pid }) => pid === first.pid)
      .map(({ fd }) => fd),
  );
  const own = entries.filter(
    ([fd, target]) => !sockets.has(target) && !held.has(fd),
  );
  const kinds = countEach(own.map(([, target]) => kindOf(target)));
  return {
    used: descriptors.size,
    limit: limits?.openFiles.soft ?? Infinity,
    listeners: ears.map(([fd]) => fd),
    connections: held.size,
    own: { numbers: own.map(([fd]) => fd), kinds: Object.fromEntries(kinds) },
  };
}

/** `pipe:[4711]` is a pipe, `anon_inode:[eventfd]` an eventfd. */
function kindOf(target: string): string {
  if (target.startsWith('/') && !target.startsWith('/dev/')) return 'file';
  const anonymous = /^anon_inode:\[?([^\]]+)\]?$/.exec(target)?.[1];
  return anonymous ?? target.split(':[')[0] ?? target;
}
