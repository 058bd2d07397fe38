/**
 * Which descriptors does a server keep, and what happens when there are none
 * left?
 */
import { formatPair } from '#shared/sockets';
import { untilIdle } from '../harness/idle';
import { type Server, setSoftLimit } from '../harness/servers';
import { descriptorsOf } from '../kernel/descriptors';
import { listSockets } from '../kernel/sockets';
import { describeRole, fewOf, onServer } from './findings';
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
