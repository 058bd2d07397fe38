/**
 * What the picture says in words.
 */

import type {
  Actor,
  Frame,
  Link,
  Shared,
} from '../../../tools/model/frames.ts';
import type { Standing } from '../../../tools/model/pairs.ts';

/**
 * What a client knows and does, in two short lines.
 *
 * @param many the same of more than one
 */
export function sayClient(
  { standing, expectation }: Link,
  many = false,
): [string, string] {
  const [be, have, it] = many ? ['are', 'have', 'they'] : ['is', 'has', 'it'];
  const s = many ? '' : 's';
  switch (standing) {
    case 'finished':
      return many
        ? ['have it all, but hang:', 'they wait for the FIN']
        : ['has its answer, but hangs:', 'it waits for the FIN'];
    case 'forgotten':
      return [`wait${s} in vain:`, `nobody works for ${many ? 'them' : 'it'}`];
    case 'queued':
      return [`${be} connected and wait${s}:`, 'nobody has called accept'];
    case 'knocking':
      return [`still wait${s} in connect:`, 'the queue is full'];
    case 'left':
      return [`${have} left:`, `${it} sent a FIN`];
    case 'closed':
      return [`${have} got the FIN:`, 'the end of the data'];
    case 'served':
      return [`${be} connected:`, many ? pluralOf(expectation) : expectation];
  }
}

/** `says nothing` is `say nothing` of many. */
function pluralOf(expectation: string): string {
  return expectation
    .replace(/^(say|get|want)s\b/, '$1')
    .replace(/\b(an|its) answer$/, (_, word) =>
      word === 'an' ? 'answers' : 'their answers',
    );
}

/** Whether something is kept open that nobody works for. */
export function isKept(standing: Standing): boolean {
  return /^(finished|forgotten|left)$/.test(standing);
}

/** Why a connection that nobody works for does not end. */
export function sayKept({ standing, references }: Link): [string, string] {
  const pids = [...new Set(references.map(({ pid }) => pid))];
  const [first, ...others] = pids;
  const more = others.length > 1 ? `${others.length} more` : others[0];
  const fds = [...new Set(references.map(({ fd }) => fd))];
  const be = fds.length > 1 ? 'are' : 'is';
  return [
    standing === 'left'
      ? `${fds.join(', ')} ${be} still open`
      : `no FIN: ${fds.join(', ')} ${be} open`,
    `in ${first}${more ? ` and ${more}` : ''}`,
  ];
}

export function sayReferences({ references }: Shared): string {
  const { length } = references;
  return `${length} ${length === 1 ? 'reference' : 'references'}`;
}

/** How we know that two references lead to one and the same. */
export function sayEvidence({ references, evidence }: Shared): string {
  if (references.length < 2) return '';
  // kcmp(2) has compared them.
  if (evidence === 'kcmp') return 'same description';
  return evidence === 'inode' ? 'same inode' : '';
}

/**
 * What a process does, in two or three short lines.
 *
 * @param briefly one is enough
 */
export function sayDoing(pid: number, frame: Frame, briefly = false): string[] {
  const actor = frame.processes[pid];
  if (!actor) return [];
  const { state, doing, exit, parent } = actor;
  if (state === 'Z') {
    const how = exit === undefined ? '' : ` (${exit})`;
    return [
      `has ended${how}`,
      'has no descriptors',
      `stays until ${parent} calls waitpid`,
    ];
  }
  const [, call, fds = ''] = /sleeping in (\w+)\(([\d, ]*)\)/.exec(doing) ?? [];
  if (call === undefined) return [doing.replace(/^orphan, /, '')];
  if (briefly) return [`waits in ${call}(${fds})`];
  const among = fds.split(', ').map(Number);
  const isAmong = ({ references }: Shared) =>
    references.some((one) => one.pid === pid && among.includes(one.fd));
  const why = Object.values(frame.listeners).some(isAmong)
    ? 'waits for the next client'
    : Object.values(frame.connections).some(isAmong)
      ? 'waits for its client'
      : 'sleeps';
  return [why, `in ${call}(${fds})`];
}

export function sayRole({ role, state, parent }: Actor): string {
  if (state === 'Z') return 'zombie';
  return role === 'orphan'
    ? `orphan of ${parent === 1 ? 'init' : parent}`
    : role;
}

/** Port 50001 of 127.0.0.1:50001: this machine needs no mention. */
export function portOf(address: string): string {
  return address.replace(/^(127\.0\.0\.1|0\.0\.0\.0|\[::1?\])(?=:)/, '');
}

/** So many are told one by one. */
const FEW = 8;

/** All of the picture, for those who do not see it. */
export function tell(frame: Frame): string {
  const { ending, explanation } = frame;
  const processes = Object.entries(frame.processes);
  const links = Object.entries(frame.connections);
  const listeners = Object.entries(frame.listeners);
  return [
    ending ?? '',
    explanation ?? '',
    ...some(processes, ([pid, actor]) => {
      const doing = sayDoing(Number(pid), frame).join(' ');
      return `PID ${pid}, ${actor.name}, ${sayRole(actor)}: ${doing}.`;
    }),
    ...listeners.map(
      ([address, { queued }]) =>
        `The listener of ${address} has ${queued} in its accept queue.`,
    ),
    ...some(links, ([address, link]) => {
      const held = link.references.map(({ pid, fd }) => `${fd} of ${pid}`);
      const where = held.length > 0 ? `, held by ${held.join(' and ')}` : '';
      const kept = isKept(link.standing) ? `; ${sayKept(link).join(' ')}` : '';
      const state = link.state ?? 'no socket of the server';
      return `Client ${address} ${sayClient(link).join(' ')}: ${state}${where}${kept}.`;
    }),
  ]
    .filter(Boolean)
    .join(' ');
}

function some<T>(all: T[], say: (one: T) => string): string[] {
  const rest = all.length - FEW;
  const told = all.slice(0, FEW).map(say);
  return rest > 0 ? [...told, `And ${rest} more like these.`] : told;
}
