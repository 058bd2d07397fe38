/**
 * Figures as lines: descriptors, the queue, and how they have changed.
 */
import { ranges } from '../common/ranges';
import { count, plainNumber } from '../common/words';
import type { Holder } from '../kernel/descriptors';
import type { Model } from '../model/diagnosis';
import { isShort, type Queue } from '../model/facts';
import { HEADING, heading, type Line, type Style } from './lines';

/** What the server's descriptors are, and how many clients queue. */
export function descriptorLines({
  descriptors,
  queues,
  server,
}: Model): Line[] {
  if (!descriptors) {
    return [
      [heading('descriptors'), ['only their owner and root may see them']],
    ];
  }
  const { used, limit, own, listeners, connections } = descriptors;
  const kinds = Object.entries(own.kinds).map(([kind, number]) =>
    number > 1 ? `${kind} ×${number}` : kind,
  );
  const kept = [
    count(listeners.length, 'listener'),
    count(connections, 'connection'),
    `${own.numbers.length} its own`,
  ];
  return [
    [
      heading('descriptors'),
      [
        `${used} of ${plainNumber(limit)}`,
        isShort(used, limit) ? 'bad' : 'plain',
      ],
      [`: ${kept.join(', ')}`],
      [` (${ranges(own.numbers)}: ${kinds.join(', ')})`, 'dim'],
    ],
    ...queues.map((queue) => queueLine(queue, server?.pid, queues.length > 1)),
  ];
}

/** `listener 17  0 of 128 clients in its queue, 4711 only` */
function queueLine(
  { address, length, backlog, holders }: Queue,
  server: number | undefined,
  several: boolean,
): Line {
  const fd = holders.find(({ pid }) => pid === server)?.fd ?? '–';
  const room = backlog === null ? '' : ` of ${plainNumber(backlog)}`;
  return [
    heading(`listener ${fd}`),
    [`${length}${room}`, length > 0 ? 'warn' : 'plain'],
    [` clients in its queue, held by ${holdersOf(holders)}`],
    [several ? `, ${address}` : '', 'dim'],
  ];
}

/** `4711 only`, `4711 +2`: whose descriptors lead to a socket. */
export function holdersOf(holders: Holder[]): string {
  const [first, ...others] = new Set(holders.map(({ pid }) => pid));
  if (first === undefined) return 'nobody';
  return others.length === 0 ? `${first} only` : `${first} +${others.length}`;
}

/** The recent past, the newest sample on the right: a leak climbs. */
export function trendLines({ trend, zombies }: Model, columns: number): Line[] {
  const { descriptors, queue } = trend;
  const line = (
    title: string,
    samples: number[],
    what: string,
    style: Style,
  ) => {
    const now = samples.at(-1) ?? 0;
    const width = columns - HEADING - TREND_WORDS - 2;
    return [
      heading(title),
      [sparkline(samples, width), style],
      [` ${plainNumber(now).padStart(7)} ${what}`],
    ] as Line;
  };
  return [
    line('just now', descriptors, 'descriptors', 'busy'),
    line('', trend.zombies, zombies === 1 ? 'zombie' : 'zombies', 'dead'),
    line('', queue, 'in the queue', 'warn'),
  ];
}

const TREND_WORDS = 21;
const BLOCKS = '▁▂▃▄▅▆▇█';
/** Lower peaks than this don't fill the line: one zombie is no disaster. */
const SMALL_PEAK = 8;

/** The full height is the highest of the samples shown. */
function sparkline(samples: number[], width: number): string {
  const shown = samples.slice(-Math.max(1, width));
  const peak = Math.max(SMALL_PEAK, ...shown);
  const bars = shown.map(
    (sample) => BLOCKS[Math.ceil((sample / peak) * (BLOCKS.length - 1))],
  );
  return bars.join('').padStart(width);
}
