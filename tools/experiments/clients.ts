/**
 * What do clients notice of each other, and of the end of their answer?
 */
import { type Client, openClient, openClients } from '../harness/clients';
import { killOneOf, untilIdle } from '../harness/idle';
import { isAlive, type Server } from '../harness/servers';
import {
  describeEnd,
  describeProcess,
  describeQueue,
  describeRole,
  fewOf,
  none,
  onServer,
  serverEndOf,
  whatItDoes,
} from './findings';
import { ask, failed, stay, visit } from './visits';

const CLIENTS = 8;

/** Is the last of many clients answered while the others say nothing? */
export const waiting = onServer(async (server, defer) => {
  // A queue lets clients connect, too. So the last one speaks, and no other.
  const others = await openClients(server, CLIENTS - 1, defer);
  const last = await openClient(server, defer);
  const atOnce = (await ask(server, [last])) === 1;
  const evidence = atOnce ? [] : whyItWaits(server, others);
  for (const { socket } of others) socket.destroy();
  await untilIdle(server, last.over);
  const afterwards = last.received() !== '';
  return {
    verdict: atOnce ? 'good' : 'bad',
    figure: `last of ${CLIENTS} ${waited(atOnce, afterwards)}`,
    measured: { clients: CLIENTS, atOnce, afterwards },
    evidence,
  };
});

function waited(atOnce: boolean, afterwards: boolean): string {
  if (atOnce) return 'answered first';
  return afterwards ? 'left waiting' : 'never answered';
}

function whyItWaits(server: Server, others: Client[]): string[] {
  const accepted = others.flatMap((client) => {
    const end = serverEndOf(server, client);
    return (end?.holders ?? []).map((holder) => ({ end, holder }));
  });
  return [
    ...fewOf(accepted, ({ end, holder }) => {
      const name = end && describeEnd(end, holder);
      const who = describeRole(server, holder.pid);
      return `${name} in ${who} has been accepted, and its client says nothing`;
    }),
    describeProcess(server, server.pid),
    ...describeQueue(server),
  ];
}

const REQUESTS = 20;

/** After the answer, does the client see end-of-file? If not, who is it? */
export const hanging = onServer(async (server, defer) => {
  const { answered, failure } = await visit(server, REQUESTS, defer, stay);
  if (failure && answered.length === 0) return failed(server, failure);
  const waiting = () => answered.filter((client) => !client.ended());
  await untilIdle(server, () => waiting().length === 0);
  const clients = answered.length;
  const hanging = waiting().length;
  return {
    verdict: hanging === 0 ? 'good' : 'bad',
    figure: `${hanging} of ${clients} clients hang`,
    measured: { clients, hanging },
    evidence: fewOf(waiting(), (client) => whoKeeps(server, client)),
  };
});

function whoKeeps(server: Server, client: Client): string {
  const end = serverEndOf(server, client);
  const [holder] = end?.holders ?? [];
  if (!end || !holder) return `nobody holds the connection of ${client.port}`;
  const who = end.holders.map(({ pid }) => describeRole(server, pid));
  return (
    `${describeEnd(end, holder)} is still open in ${who.join(' and ')}: ` +
    'the client got no FIN'
  );
}

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
