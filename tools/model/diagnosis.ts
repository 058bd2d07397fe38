/**
 * What is wrong, in plain language.
 */
import { printable } from '#shared/text';
import { count } from '../common/words';
import { type Facts, isShort, type Lasting, type Queue } from './facts';
import type { Standing } from './pairs';
import type { Member } from './snapshot';

/** A sentence if something is wrong, in one or more pieces. */
type Rule = (facts: Facts) => string[] | null;

/** Facts, and what is wrong about them. */
export interface Model extends Facts {
  /** Plain sentences, the most serious first; empty if all is well. */
  problems: string[];
  /** Whether more seems to be wrong, which only a second look can tell. */
  suspicious: boolean;
  /** Why there is nothing to see, if there is nothing. */
  explanation: string | null;
  /** How the server ended that was here, as far as the kernel tells. */
  ending: string | null;
}

/**
 * How long something has to last before anybody is accused of it. A child is
 * a zombie for a moment, and a busy machine makes moments long.
 */
export const CERTAIN_MS = 1_000;

/** Says what is wrong. */
export function diagnose(facts: Facts): Model {
  const problems = problemsOf(lasting(facts, CERTAIN_MS));
  const suspicions = problemsOf(lasting(facts, 0));
  const unclear = facts.absence === 'not found';
  const suspicious = suspicions.length > problems.length || unclear;
  const ending = facts.end && describeEnd(facts.end, facts.processes);
  const explanation = explainAbsence(facts);
  return { ...facts, problems, suspicious, explanation, ending };
}

function explainAbsence({ absence, port, owner }: Facts): string | null {
  if (absence === null) return null;
  if (absence === 'nobody listens') return `Nobody listens on port ${port}.`;
  if (absence === 'not found') {
    return (
      `Somebody listens on port ${port}, but no process that can be ` +
      'seen from here: in another container, perhaps.'
    );
  }
  return (
    `Port ${port} belongs to a program of user ${owner}. ` +
    'Which one, and what it holds, only that user and root may see.'
  );
}

/** The facts without what has not lasted so long. */
function lasting(facts: Facts, milliseconds: number): Facts {
  const lasts = ({ since, seen }: Lasting) => seen - since >= milliseconds;
  return {
    ...facts,
    processes: facts.processes.filter(lasts),
    connections: facts.connections.filter(lasts),
  };
}

function problemsOf(facts: Facts): string[] {
  return RULES.map((rule) => rule(facts))
    .filter((sentence) => sentence !== null)
    .map((pieces) => pieces.join(' '));
}

/** A child that has inherited the listener can outlive its server. */
function keepsPort(facts: Facts): string[] | null {
  const pids = holdersOf(facts);
  const holders = facts.processes.filter(({ pid }) => pids.has(pid));
  const orphans = holders.filter(({ role }) => role === 'orphan');
  const { end } = facts;
  if (end) return orphans.length > 0 ? leftBehind(orphans, end) : null;
  // We have not seen a server end. But this one has lost whoever started it,
  // and of all who hold the listener nobody waits for a connection.
  const [first] = holders;
  const all = holders.length === pids.size;
  if (!all || !first?.adopted || !holders.every(isElsewhere)) return null;
  return [
    `PID ${first.pid} has the listener, but does not accept,`,
    'and whoever started it has ended: perhaps an orphan',
    'that keeps the port of a server that is no more.',
  ];
}

function leftBehind(
  [first, ...more]: Member[],
  { name, pid }: NonNullable<Facts['end']>,
): string[] {
  const others = more.length > 0 ? ` and ${more.length} more` : '';
  return [
    `The listener of ${name} (PID ${pid}) is still open`,
    `in PID ${first?.pid}${others}, left behind as`,
    `${more.length > 0 ? 'orphans' : 'an orphan'}: the port stays taken.`,
  ];
}

/** Who holds a listener, by PID. */
function holdersOf({ queues }: Facts): Set<number> {
  return new Set(
    queues.flatMap(({ holders }) => holders.map((one) => one.pid)),
  );
}

/** Whether it sleeps, and not where connections are waited for. */
function isElsewhere({ state, sleep }: Member): boolean {
  const call = state === 'S' ? sleep?.call : undefined;
  return call !== undefined && !/accept|csk_wait|poll|select/.test(call);
}

/** The server, if it has been as it is for long enough. */
function serverIn({ processes, server }: Facts): Member | undefined {
  return processes.find(({ pid }) => pid === server?.pid);
}

function isStopped(facts: Facts): string[] | null {
  const server = serverIn(facts);
  if (server?.state !== 'T') return null;
  return [
    `PID ${server.pid} is stopped (SIGSTOP or Ctrl-Z):`,
    'nobody is accepted until it is told to go on.',
  ];
}

const keepsFinished = about('finished', ({ number, one, keeper, name }) => [
  `${count(number, 'connection')} ${one ? 'is' : 'are'} finished,`,
  `but ${keeper} still has ${one ? 'it' : 'them'} open:`,
  `${name} has not closed its ${one ? 'copy' : 'copies'},`,
  'so no FIN is sent.',
]);

const keepsForgotten = about('forgotten', ({ number, one, keeper }) => [
  `${count(number, 'client')} will never get an answer:`,
  `nobody works on the ${one ? 'connection' : 'connections'}`,
  `that ${keeper} has open.`,
]);

const keepsLeft = about('left', ({ number, one, keeper }) => [
  `${count(number, 'client')} ${one ? 'has' : 'have'} left,`,
  `but ${keeper} still has ${one ? 'its connection' : 'their connections'}`,
  `open (CLOSE_WAIT) and does nothing with ${one ? 'it' : 'them'}.`,
]);

function leavesZombies({ processes }: Facts): string[] | null {
  const zombies = processes.filter(({ state }) => state === 'Z');
  const [first] = zombies;
  if (!first) return null;
  const one = zombies.length === 1;
  return [
    `${count(zombies.length, 'child', 'children')}`,
    `${one ? 'has' : 'have'} ended,`,
    `and PID ${first.parent} has not waited for ${one ? 'it' : 'them'}:`,
    `${count(zombies.length, 'zombie')}.`,
  ];
}

function runsOutOfDescriptors({ descriptors, server }: Facts): string[] | null {
  const { used, limit } = descriptors ?? { used: 0, limit: Infinity };
  if (!isShort(used, limit)) return null;
  return [
    `PID ${server?.pid} has ${used} of ${limit} descriptors:`,
    'with none left, accept fails with EMFILE.',
  ];
}

function runsOutOfProcesses({ user }: Facts): string[] | null {
  if (!user || !isShort(user.threads, user.limit)) return null;
  return [
    `The user has ${user.threads} of ${user.limit} processes and threads:`,
    'with none left, fork fails with EAGAIN.',
  ];
}

const refusesNewcomers = about('knocking', ({ number, queues }) => {
  // Where the kernel tells no backlog, it tells nobody that the queue is full.
  const isFull = ({ length, backlog }: Queue) =>
    backlog !== null && length > backlog;
  if (!queues.some(isFull)) return null;
  return [
    `${count(number, 'client')} cannot connect:`,
    'the queue is full, and the kernel ignores every SYN (SYN_SENT).',
  ];
});

const letsClientsWait = about('queued', ({ number, one, ...facts }) => {
  const server = serverIn(facts);
  // One that runs is about to come back, and one that is stopped cannot.
  if (server?.state !== 'S') return null;
  const who =
    holdersOf(facts).size > 1 ? 'nobody has' : `PID ${server.pid} has not`;
  return [
    `${count(number, 'client')} ${one ? 'is' : 'are'} connected`,
    `and not accepted: ${who} come back to accept.`,
  ];
});

/** Says something of the connections that stand so, if there are any. */
function about(
  standing: Standing,
  say: (group: Group) => string[] | null,
): Rule {
  return (facts) => {
    const { connections, server } = facts;
    const those = connections.filter((one) => one.standing === standing);
    const number = those.length;
    if (number === 0) return null;
    const pids = those.flatMap(({ holders }) => holders.map(({ pid }) => pid));
    const keeper = pids.find((pid) => pid === server?.pid) ?? pids[0];
    const [one, name] = [number === 1, server?.name];
    return say({ ...facts, number, one, keeper: `PID ${keeper}`, name });
  };
}

interface Group extends Facts {
  number: number;
  one: boolean;
  /** Whoever holds them: the server, if it is among those that do. */
  keeper: string;
  name: string | undefined;
}

function describeEnd(
  { name, pid, state, exit, short }: NonNullable<Facts['end']>,
  processes: Member[],
): string {
  const who = `${printable(name)} (PID ${pid})`;
  if (state === 'lives') return `${who} has closed its listener and goes on.`;
  const how = exit ?? 'how, only its parent was told';
  const zombie =
    state === 'zombie' ? 'Nobody has waited for it: a zombie.' : '';
  const had = short.length > 0 ? `It had used ${short.join(', and ')}.` : '';
  const orphans = processes.filter(({ role }) => role === 'orphan').length;
  const left = orphans > 0 ? `It left ${count(orphans, 'orphan')}.` : '';
  const sentences = [`${who} has ended: ${how}.`, zombie, had, left];
  return sentences.filter(Boolean).join(' ');
}

/** The most serious first. */
const RULES: Rule[] = [
  keepsPort,
  isStopped,
  keepsFinished,
  keepsForgotten,
  keepsLeft,
  leavesZombies,
  runsOutOfDescriptors,
  runsOutOfProcesses,
  refusesNewcomers,
  letsClientsWait,
];
