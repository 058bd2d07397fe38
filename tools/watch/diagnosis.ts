/**
 * What is wrong, in plain language.
 */
import { count } from '../common/words';
import type { Facts } from './model';
import type { Verdict } from './pairs';
import type { Member } from './picture';

/** A sentence if something is wrong, in one or more pieces. */
type Rule = (model: Facts, previous: Facts | null) => string[] | null;

/** Facts, and what is wrong about them. */
export interface Model extends Facts {
  /** Plain sentences, the most serious first; empty if all is well. */
  problems: string[];
}

/** Says what is wrong. */
export function diagnose(facts: Facts, previous: Facts | null): Model {
  const problems = RULES.map((rule) => rule(facts, previous))
    .filter((sentence) => sentence !== null)
    .map((pieces) => pieces.join(' '));
  return { ...facts, problems };
}

const RULES: Rule[] = [
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

function isStopped({ processes: [server] }: Facts): string[] | null {
  if (server?.state !== 'T') return null;
  return [
    `PID ${server.pid} is stopped (SIGSTOP or Ctrl-Z):`,
    'nobody is accepted until it is told to go on.',
  ];
}

function keepsFinished(model: Facts): string[] | null {
  const { length, one, keeper } = having(model, 'finished');
  if (length === 0) return null;
  return [
    `${count(length, 'connection')} ${one ? 'is' : 'are'} finished,`,
    `but ${keeper} still has ${one ? 'it' : 'them'} open:`,
    `${model.server?.name} has not closed its ${one ? 'copy' : 'copies'},`,
    'so no FIN is sent.',
  ];
}

function keepsForgotten(model: Facts): string[] | null {
  const { length, keeper } = having(model, 'forgotten');
  // One: between accept and fork, a moment later, it may be served.
  if (length < 2) return null;
  return [
    `${length} clients will never get an answer:`,
    `nobody works on the connections that ${keeper} has open.`,
  ];
}

function keepsLeft(model: Facts): string[] | null {
  const { length, one, keeper } = having(model, 'left');
  if (length === 0) return null;
  return [
    `${count(length, 'client')} ${one ? 'has' : 'have'} left,`,
    `but ${keeper} still has ${one ? 'its connection' : 'their connections'}`,
    'open (CLOSE_WAIT) and does nothing with',
    `${one ? 'it' : 'them'}.`,
  ];
}

function leavesZombies(model: Facts, previous: Facts | null): string[] | null {
  // A child that ended a moment ago may yet be waited for. One that was a
  // zombie a look ago shows that nobody waits.
  const seen = previous && new Set(zombies(previous).map(({ pid }) => pid));
  const found = zombies(model);
  const stale = found.find(({ pid }) => !seen || seen.has(pid));
  if (!stale) return null;
  const one = found.length === 1;
  return [
    `${count(found.length, 'child', 'children')} ${one ? 'has' : 'have'} ended,`,
    `and PID ${stale.parent} has not waited for ${one ? 'it' : 'them'}:`,
    `${count(found.length, 'zombie')}.`,
  ];
}

function zombies({ processes }: Facts): Member[] {
  return processes.filter(({ state }) => state === 'Z');
}

/** Whoever has used up so much of a limit is told so. */
const ALMOST_ALL = 0.8;

function runsOutOfDescriptors({ descriptors, server }: Facts): string[] | null {
  const { used, limit } = descriptors ?? { used: 0, limit: Infinity };
  if (used < ALMOST_ALL * limit) return null;
  return [
    `PID ${server?.pid} has ${used} of ${limit} descriptors:`,
    'with none left, accept fails with EMFILE.',
  ];
}

function runsOutOfProcesses({ user }: Facts): string[] | null {
  if (!user || user.threads < ALMOST_ALL * user.limit) return null;
  return [
    `The user has ${user.threads} of ${user.limit} processes and threads:`,
    'with none left, fork fails with EAGAIN.',
  ];
}

function refusesNewcomers(model: Facts): string[] | null {
  const { length } = having(model, 'knocking');
  if (length === 0 || !model.queue) return null;
  return [
    `${count(length, 'client')} cannot connect:`,
    'the queue is full, and the kernel ignores every SYN (SYN_SENT).',
  ];
}

function letsClientsWait({ queue, processes }: Facts): string[] | null {
  const waiting = queue?.length ?? 0;
  const [server] = processes;
  // A server that runs, or waits for connections, is about to accept them.
  const call = server?.state === 'S' && server.sleep?.call;
  if (waiting === 0 || !call || /accept|epoll|select/.test(call)) return null;
  return [
    `${count(waiting, 'client')} ${waiting === 1 ? 'is' : 'are'} connected`,
    `and not accepted: PID ${server.pid} has not come back to accept.`,
  ];
}

interface Group {
  length: number;
  one: boolean;
  /** Whoever holds them: the server, if it is among those that do. */
  keeper: string;
}

function having({ connections, server }: Facts, verdict: Verdict): Group {
  const those = connections.filter((one) => one.verdict === verdict);
  const pids = those.flatMap(({ holders }) => holders.map(({ pid }) => pid));
  const keeper = pids.find((pid) => pid === server?.pid) ?? pids[0];
  const { length } = those;
  return { length, one: length === 1, keeper: `PID ${keeper}` };
}
