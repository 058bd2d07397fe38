/**
 * Do clients wait for each other?
 */
import { type Client, openClient, openClients } from '../harness/clients';
import { untilIdle } from '../harness/idle';
import type { Server } from '../harness/servers';
import {
  describeEnd,
  describeProcess,
  describeQueue,
  describeRole,
  fewOf,
  onServer,
  serverEndOf,
} from './findings';
import { ask } from './visits';

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
