/**
 * What a drawing shows of a look. Pure, and without Node: it runs in browsers
 * as well.
 */
import { ranges } from '../common/ranges';
import type { Holder } from '../kernel/descriptors';
import type { Description } from './descriptions';
import type { Model } from './diagnosis';
import type { Pair } from './pairs';
import type { Member } from './snapshot';

/** A look as it is drawn. What the kernel does not tell is left out. */
export interface Frame {
  port: number;
  /** Why there is nothing to see, if there is nothing. */
  explanation?: string;
  /** How the server ended that was here. */
  ending?: string;
  descriptors?: { used: number; limit?: number };
  /** By PID. */
  processes: Record<string, Actor>;
  /** By address. */
  listeners: Record<string, Queued>;
  /** By the address of the client. */
  connections: Record<string, Link>;
}

/** A process. */
export interface Actor
  extends Pick<Member, 'name' | 'parent' | 'role' | 'state'> {
  doing: string;
  /** Descriptors that lead to no socket of the picture: `0-20`. */
  own?: string;
  exit?: string;
}

/** An open file description of a socket, and who leads to it. */
export interface Shared {
  /** Every descriptor that leads to it: the references that it has. */
  references: Holder[];
  /** How we know that they lead to one and the same. */
  evidence?: Description['evidence'];
}

/** A listener, and who waits to be accepted from it. */
export interface Queued extends Shared {
  queued: number;
  backlog?: number;
}

/** A connection, as in `Pair`. */
export interface Link extends Shared, Pick<Pair, 'standing' | 'expectation'> {
  state?: string;
  client?: { state: string; pid?: number; program?: string };
}

/** A limit that is farther away than so many times what is used is no news. */
const NEAR = 10;

/** The part of a look that is drawn. */
export function frameOf(model: Model): Frame {
  const { port, explanation, ending, descriptors } = model;
  const { used = 0, limit = Infinity } = descriptors ?? {};
  const evidence = new Map(
    model.descriptions.map((one) => [one.target, one.evidence]),
  );
  const own = ownDescriptors(model);
  return withoutGaps({
    port,
    explanation,
    ending,
    descriptors: descriptors && {
      used,
      limit: limit < used * NEAR ? limit : undefined,
    },
    processes: keyed(model.processes, (one) => {
      const { pid, name, parent, role, state, doing, exit } = one;
      const drawn = { name, parent, role, state, doing, exit };
      return [pid, { ...drawn, own: own.get(pid) }];
    }),
    listeners: keyed(model.queues, ({ address, length, backlog, ...one }) => [
      address,
      { ...sharedBy(one), queued: length, backlog },
    ]),
    connections: keyed(model.connections, (one) => {
      const { remote, state, standing, expectation, client } = one;
      const drawn = client && {
        state: client.state,
        pid: client.holders[0]?.pid,
        program: client.program,
      };
      const link = { state, standing, expectation, client: drawn };
      return [remote, { ...sharedBy(one), ...link }];
    }),
  });

  function sharedBy({ inode, holders }: { inode: number; holders: Holder[] }) {
    const target = `socket:[${inode}]`;
    return { references: holders, evidence: evidence.get(target) };
  }
}

/** What a process has open besides the sockets that are drawn, by PID. */
function ownDescriptors(model: Model): Map<number, string> {
  const drawn = new Set(
    [...model.queues, ...model.connections].map(
      ({ inode }) => `socket:[${inode}]`,
    ),
  );
  const numbers = new Map<number, number[]>();
  for (const { target, references } of model.descriptions) {
    if (drawn.has(target)) continue;
    for (const { pid, fd } of references) {
      numbers.set(pid, [...(numbers.get(pid) ?? []), fd]);
    }
  }
  return new Map(
    [...numbers].map(([pid, all]) => [pid, ranges(all.sort((a, b) => a - b))]),
  );
}

function keyed<T, U>(all: T[], draw: (one: T) => [string | number, U]) {
  return Object.fromEntries(all.map(draw));
}

/** As JSON keeps it: nothing that is null, undefined or without limit. */
function withoutGaps(frame: unknown): Frame {
  const skipNull = (_: string, value: unknown) => value ?? undefined;
  return JSON.parse(JSON.stringify(frame), skipNull);
}
