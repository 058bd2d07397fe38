/**
 * Which descriptors does a server keep, and what happens when there are none
 * left?
 */
import { formatPair } from '#shared/sockets';
import { openClients } from '../harness/clients';
import { untilIdle } from '../harness/idle';
import { familyOf, type Server, setSoftLimit } from '../harness/servers';
import { descriptorsOf } from '../kernel/descriptors';
import { findHolders, listSockets } from '../kernel/sockets';
import { describeRole, fewOf, onServer, tooFew } from './findings';
import { failed, survive, visit } from './visits';

const REQUESTS = 20;

/** How many more descriptors does a server have after some requests? */
export const descriptors = onServer(async (server, defer) => {
  const first = await visit(server, 1, defer); // whatever is opened only once
  if (first.failure) return failed(server, first.failure);
  const before = await descriptorsWhenIdle(server);
  const { failure } = await visit(server, REQUESTS, defer);
  if (failure) return failed(server, { ...failure, at: failure.at + 1 });
  const after = await descriptorsWhenIdle(server);
  const more = after.size - before.size;
  const leaked = [...after].filter(([fd]) => !before.has(fd));
  return {
    verdict: more * 2 < REQUESTS ? 'good' : 'bad',
    figure: `${more < 0 ? '' : '+'}${more} descriptors`,
    measured: { requests: REQUESTS, more },
    evidence: fewOf(leaked, ([fd, target]) => {
      const who = describeRole(server, server.pid);
      return `descriptor ${fd} → ${describeTarget(target)} is new in ${who}`;
    }),
  };
});

/** A socket by its name, as long as it has one; anything else as it is. */
function describeTarget(target: string): string {
  const named = listSockets().find(
    ({ inode }) => target === `socket:[${inode}]`,
  );
  return named ? `${formatPair(named)} (${named.state})` : target;
}

async function descriptorsWhenIdle(
  server: Server,
): Promise<Map<number, string>> {
  await untilIdle(server);
  return descriptorsOf(server.pid) ?? new Map();
}

const OPEN_FILES = 64;

/** With a limit on descriptors, how many requests does a server survive? */
export const openFiles = onServer(async (server, defer) => {
  const open = [...(descriptorsOf(server.pid)?.keys() ?? [])];
  const own = open.filter((fd) => fd < OPEN_FILES).length;
  setSoftLimit(server.pid, 'nofile', OPEN_FILES);
  return survive(server, OPEN_FILES + 6, defer, { limit: OPEN_FILES, own });
});

const HEIRS = 3;

/** When the parent dies while children work, is its port free at once? */
export const port = onServer(async (server, defer) => {
  const before = new Set(familyOf(server.pid));
  await openClients(server, HEIRS, defer);
  await untilIdle(server);
  // Orphans, too, as after a double fork. Not workers made in advance: they
  // hold the listener because they accept.
  const children = familyOf(server.pid).filter((pid) => !before.has(pid));
  if (children.length < HEIRS) return tooFew(children.length, HEIRS);
  const { inode } = server.listener;
  const holders = findHolders(children).get(inode) ?? [];
  const heirs = [...new Map(holders.map((one) => [one.pid, one])).values()];
  const evidence = fewOf(heirs, ({ pid, fd }) => {
    const who = describeRole(server, pid);
    return `descriptor ${fd} of ${who} is the listener: the port stays taken while it lives`;
  });
  return {
    verdict: heirs.length === 0 ? 'good' : 'bad',
    figure: `${heirs.length} of ${children.length} children keep the port`,
    measured: { children: children.length, keep: heirs.length },
    evidence,
  };
});
