/**
 * The connections as lines: who is at both ends, and what the client waits
 * for.
 */
import { printable } from '#shared/text';
import { count, countEach } from '../common/words';
import type { Model } from '../model/diagnosis';
import type { Pair, Standing } from '../model/pairs';
import { holdersOf } from './figures';
import { heading, type Line, type Style } from './lines';

/** A table of the connections, as many as there is room for. */
export function connectionLines(
  model: Model,
  columns: number,
  room: number,
): Line[] {
  const { connections, timeWait, server } = model;
  const open = connections.length;
  const past = timeWait > 0 ? `, ${timeWait} in TIME_WAIT` : '';
  if (open === 0) return [[heading('connections'), [`none${past}`]]];

  // The server's end is the same in every row: it goes first.
  const pair = ({ local, remote }: Pair) =>
    `${columns < WIDE ? '' : `${local} `}⇄ ${remote}`;
  const title = `${count(open, 'connection')}${past}`;
  const pairs = connections.map(pair);
  const width = Math.max(...[title, ...pairs].map(({ length }) => length));
  const shown = open < room ? open : Math.max(1, room - 2);
  const rest = connections.slice(shown);
  const more: Line[] =
    rest.length > 0 ? [[[`    … and ${tally(rest)}`, 'dim']]] : [];
  const row = (cells: string[]): string => layOut(cells, width);
  return [
    [[row(['fd', title, 'state', 'held by', 'client']), 'bold']],
    ...connections.slice(0, shown).map((one): Line => {
      const { holders, state, standing } = one;
      const fd = holders.find(({ pid }) => pid === server?.pid)?.fd;
      const cells = [`${fd ?? '–'}`, pair(one), state ?? 'SYN ignored'];
      const style = STYLE_OF[standing];
      return [
        [row([...cells, holdersOf(holders), ''])],
        [clientOf(one, columns), style],
      ];
    }),
    ...more,
  ];
}

const WIDE = 78;
const VERY_WIDE = 104;

function layOut(cells: string[], pairWidth: number): string {
  const [fd = '', pair = '', state = '', held = '', client = ''] = cells;
  const start = `${fd.padStart(5)}  ${pair.padEnd(pairWidth)}`;
  return `${start}  ${state.padEnd(11)} ${held.padEnd(11)} ${client}`;
}

const STYLE_OF: Record<Standing, Style> = {
  knocking: 'bad',
  queued: 'warn',
  served: 'good',
  finished: 'bad',
  forgotten: 'bad',
  closed: 'dim',
  left: 'bad',
};

/** What the client waits for; where there is room, what its end looks like. */
function clientOf(connection: Pair, columns: number): string {
  const { client, expectation } = connection;
  if (columns < VERY_WIDE || !client) return expectation;
  const [holder] = client.holders;
  const program = client.program ? `${printable(client.program)} ` : '';
  const where = holder ? ` in ${program}${holder.pid}` : '';
  return `${expectation.padEnd(17)} ${client.state}${where}`;
}

/** `20 more: 18 wait for a FIN`: what is not shown, the most frequent first. */
function tally(connections: Pair[]): string {
  const groups = countEach(connections.map(({ expectation }) => expectation));
  const parts = groups.map(([words, number]) =>
    groups.length > 1 ? `${words} (${number})` : words,
  );
  return `${connections.length} more: ${parts.join(', ')}`;
}
