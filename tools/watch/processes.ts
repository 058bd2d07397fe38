/**
 * The processes as lines: a tree, in which a zombie looks like one.
 */
import { printable } from '#shared/text';
import { count, formatAge, plainNumber } from '../common/words';
import type { Model } from '../model/diagnosis';
import type { Member } from '../model/snapshot';
import { flushRight, heading, type Line, type Style } from './lines';

/** The tree, as much of it as there is room for. */
export function processLines(
  model: Model,
  columns: number,
  room: number,
): Line[] {
  const [server, ...others] = model.processes;
  if (!server) return [];
  const living = others.filter(({ state }) => state !== 'Z');
  const dead = others.filter(({ state }) => state === 'Z');
  const space = room - 2; // the summary and the server
  const [alive, corpses] = shareSpace(living.length, dead.length, space);
  const shown = [server, ...living.slice(0, alive), ...dead.slice(0, corpses)];
  const more = leftOut([
    [living.length - alive, 'child', 'children'],
    [dead.length - corpses, 'zombie', 'zombies'],
  ]);
  const widths = widthsOf(model.processes);
  return [
    summaryLine(model),
    ...shown.map((member, i) => {
      const last = i === shown.length - 1 && more === null;
      return processLine(member, last, widths, columns);
    }),
    ...(more === null ? [] : [[[`   └─ ${more}`, 'dim']] as Line]),
  ];
}

function summaryLine({ processes, zombies, user }: Model): Line {
  const number = (role: Member['role']) =>
    processes.filter((one) => one.role === role && one.state !== 'Z').length;
  const orphans = number('orphan');
  const line: Line = [
    heading('processes'),
    [`${count(number('server'), 'server')}, `],
    [`${count(number('child'), 'child', 'children')}, `],
    [orphans > 0 ? `${count(orphans, 'orphan')}, ` : '', 'bad'],
    [count(zombies, 'zombie'), zombies > 0 ? 'dead' : 'plain'],
  ];
  if (!user) return line;
  const used = `${plainNumber(user.threads)} of ${plainNumber(user.limit)}`;
  return [...line, [`; user's limit: ${used}`]];
}

/** How many of each are shown: the living first, but one zombie at least. */
function shareSpace(
  living: number,
  dead: number,
  space: number,
): [alive: number, corpses: number] {
  if (living + dead <= space) return [living, dead];
  const rows = Math.max(0, space - 1); // the last one counts the others
  const alive = Math.min(living, dead > 0 ? Math.max(0, rows - 1) : rows);
  return [alive, Math.min(dead, rows - alive)];
}

/** @returns null if nobody is left out */
function leftOut(groups: [number, string, string][]): string | null {
  const parts = groups
    .filter(([number]) => number > 0)
    .map(([number, one, many]) => count(number, one, many));
  return parts.length > 0 ? `… and ${parts.join(' and ')} more` : null;
}

/** How wide each column is. */
function widthsOf(members: Member[]) {
  const widest = (texts: string[]) =>
    Math.max(...texts.map(({ length }) => length));
  return {
    pid: widest(members.map(({ pid }) => `${pid}`)),
    name: widest(members.map(({ name }) => name)),
  };
}

const TREE_WIDTH = 6;

function processLine(
  member: Model['processes'][number],
  last: boolean,
  widths: ReturnType<typeof widthsOf>,
  columns: number,
): Line {
  const { depth, pid, name, age, doing } = member;
  const [mark, style] = MARKS[member.state] ?? ['○', 'busy'];
  const deeper = '  '.repeat(Math.max(0, depth - 1));
  const tree = depth === 0 ? '' : `   ${deeper}${last ? '└─' : '├─'} `;
  const number = String(pid).padStart(widths.pid);
  const left: Line = [
    [tree.padEnd(TREE_WIDTH), 'dim'],
    [mark, style],
    [` ${number} ${printable(name).padEnd(widths.name)}  `],
    [doing, style],
  ];
  return [...left, flushRight(formatAge(age), left, columns)];
}

const MARKS: Partial<Record<Member['state'], [mark: string, style: Style]>> = {
  Z: ['†', 'dead'],
  X: ['†', 'dead'],
  R: ['●', 'good'],
  T: ['■', 'bad'],
  t: ['■', 'bad'],
};
