/**
 * What a picture means: a pure function, so that programs (--json), the
 * screen and the tests are told the same.
 */

import { formatAddress } from '#shared/sockets';
import type { Limit } from '../kernel/processes';
import { type Connection, pairUp } from './pairs';
import type { Member, Picture } from './picture';

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

/** What a picture means, before anybody says what is wrong. */
export interface Facts {
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
}

/** Samples that are kept: more do not fit on a line. */
const SAMPLES = 240;

/** Draws the conclusions from a picture, and continues the trend. */
export function understand(picture: Picture, previous: Facts | null): Facts {
  const connections = pairUp(picture);
  const zombies = picture.family.filter(({ state }) => state === 'Z').length;
  const descriptors = sortDescriptors(picture, connections);
  const queue = queueOf(picture);
  return {
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
  };
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

function absenceIn({ listener, family }: Picture): Facts['absence'] {
  if (!listener) return 'nobody listens';
  return family.length === 0 ? 'not permitted' : null;
}

function queueOf({ listener, details }: Picture): Facts['queue'] {
  if (!listener) return null;
  const backlog = details?.get(listener.inode)?.backlog ?? null;
  return { length: listener.receiveQueue, backlog };
}

function userIn({ threads, limits }: Picture): Facts['user'] {
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
