/**
 * Whom does a process take along that is killed?
 */
import { type Client, openClients } from '../harness/clients';
import { killOneOf, untilIdle } from '../harness/idle';
import { isAlive, type Server } from '../harness/servers';
import {
  describeEnd,
  describeRole,
  none,
  onServer,
  serverEndOf,
  whatItDoes,
} from './findings';
import { ask, visit } from './visits';

const BYSTANDERS = 2;

/** When the process that serves one client is killed, who else is lost? */
export const isolation = onServer(async (server, defer) => {
  const [victim, ...others] = await openClients(server, 1 + BYSTANDERS, defer);
  const evidence = victim ? await killWhoServes(server, victim) : null;
  if (evidence === null) return none('nobody serves a silent client');
  const served = await ask(server, others);
  const { answered } = await visit(server, 1, defer);
  const clients = 1 + BYSTANDERS + 1;
  const lost = clients - served - answered.length;
  if (!isAlive(server)) evidence.push(whatItDoes(server));
  return {
    verdict: lost === 1 ? 'good' : 'bad',
    figure: `${lost} of ${clients} clients lost`,
    measured: { clients, lost, died: !isAlive(server) },
    evidence: lost === 1 ? [] : evidence,
  };
});

/**
 * Kills the child that serves a client, or the server if it does so itself.
 *
 * @returns what it was, or null if nobody serves it
 */
async function killWhoServes(
  server: Server,
  client: Client,
): Promise<string[] | null> {
  await untilIdle(server);
  const end = serverEndOf(server, client);
  const holders = end?.holders ?? [];
  const child = holders.find(({ pid }) => pid !== server.pid);
  const victim = child ?? holders[0];
  if (!end || !victim) return null;
  const role = describeRole(server, victim.pid);
  await killOneOf(server, victim.pid);
  return [`${describeEnd(end, victim)} was served by ${role}: it was killed`];
}
