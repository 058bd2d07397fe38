/**
 * Figures as lines: descriptors, the queue, and how they have changed.
 */
import { count, plainNumber } from '../common/words';
import type { Model } from './diagnosis';
import { HEADING, heading, type Line, type Style } from './lines';

/** What the server's descriptors are, and how many clients queue. */
export function descriptorLines({ descriptors, queue }: Model): Line[] {
  if (!descriptors) {
    return [
      [heading('descriptors'), ['only their owner and root may see them']],
    ];
  }
  const { used, limit, own, listener, connections } = descriptors;
  const kinds = Object.entries(own.kinds)
    .sort(([, a], [, b]) => b - a)
    .map(([kind, number]) => (number > 1 ? `${kind} ×${number}` : kind));
  const waiting = queue?.length ?? 0;
  const backlog = queue?.backlog ?? null;
  const room = backlog === null ? '' : ` of ${plainNumber(backlog)}`;
  return [
    [
      heading('descriptors'),
      [
        `${used} of ${plainNumber(limit)}`,
        used >= 0.8 * limit ? 'bad' : 'plain',
      ],
      [`: ${count(connections, 'connection')}, ${own.numbers.length} its own`],
      [` (${ranges(own.numbers)}: ${kinds.join(', ')})`, 'dim'],
    ],
    [
      heading(`listener ${listener}`),
      [`${waiting}${room}`, waiting > 0 ? 'warn' : 'plain'],
      [' clients in its queue'],
    ],
  ];
}

/** `0-16, 19` */
function ranges(numbers: number[]): string {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run && run[1] === number - 1) run[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([a, b]) => (a === b ? `${a}` : `${a}-${b}`)).join(', ');
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
