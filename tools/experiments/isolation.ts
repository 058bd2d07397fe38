/**
 * When one process is killed, who else is lost?
 */
import { type Client, LAST_REQUEST, openClients } from '../harness/clients';
import { untilIdle, watchIdle } from '../harness/idle';
import {
  isAlive,
  isRunning,
  type Server,
  startServer,
} from '../harness/servers';
import { waitFor } from '../harness/wait';
import {
  describeEnd,
  describeRole,
  type Experiment,
  type Finding,
  serverEndOf,
} from './findings';
import { visit } from './visits';

const BYSTANDERS = 2;

/** When the process that serves one client is killed, who else is lost? */
export const isolation: Experiment = async (target, defer) => {
  const server = await startServer(target, defer);
  const [victim, ...others] = await openClients(server, 1 + BYSTANDERS, defer);
  const evidence = victim ? await killWhoServes(server, victim) : null;
  if (evidence === null) return nobodyKilled;
  for (const client of others) client.send(LAST_REQUEST);
  const idle = watchIdle(server);
  await waitFor('the others are answered', () => {
    return others.every((client) => client.over()) || idle();
  });
  const { answered } = await visit(server, 1, defer);
  const clients = 1 + BYSTANDERS + 1;
  const served = others.filter((client) => client.received() !== '');
  const lost = clients - served.length - answered.length;
  if (!isAlive(server)) evidence.push(`PID ${server.pid} has ended`);
  return {
    verdict: lost === 1 ? 'good' : 'bad',
    figure: `${lost} of ${clients} clients lost`,
    measured: { clients, lost, died: !isAlive(server) },
    evidence: lost === 1 ? [] : evidence,
  };
};

const nobodyKilled: Finding = {
  verdict: 'none',
  figure: 'nobody serves a silent client',
  measured: {},
  evidence: [],
};

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
  process.kill(victim.pid, 'SIGKILL');
  // Even to die, a process needs its turn.
  await waitFor('it has ended', () => !isRunning(victim.pid));
  // And whatever its parent does about it has been done.
  await untilIdle(server);
  return [`${describeEnd(end, victim)} was served by ${role}: it was killed`];
}
