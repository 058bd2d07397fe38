/**
 * Do children keep the port when their parent has gone?
 */
import { openClients } from '../harness/clients';
import { untilIdle } from '../harness/idle';
import { familyOf } from '../harness/servers';
import { findHolders } from '../kernel/sockets';
import { describeRole, fewOf, onServer, tooFew } from './findings';

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
