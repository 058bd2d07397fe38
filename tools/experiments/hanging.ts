/**
 * Do clients see the end of their answer?
 */
import type { Client } from '../harness/clients';
import { untilIdle } from '../harness/idle';
import type { Server } from '../harness/servers';
import {
  describeEnd,
  describeRole,
  fewOf,
  onServer,
  serverEndOf,
} from './findings';
import { failed, stay, visit } from './visits';

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
