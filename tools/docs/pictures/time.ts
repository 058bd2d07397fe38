/**
 * The stages side by side in time: three clients, the first of them slow.
 */
import { arrow, box, line, type Picture, text } from '../../common/svg';

const UNIT = 82; // px for a second
const LEFT = 130;

/** A bar: who does what, from when to when, in seconds. */
type Bar = [
  label: string,
  from: number,
  to: number,
  tone: 'good' | 'bad' | 'process',
];

const served = (from: number, to: number, label = ''): Bar => [
  label,
  from,
  to,
  'process',
];
const waits = (from: number, to: number): Bar => ['waits', from, to, 'bad'];
const ends = (from: number, to: number): Bar => ['FIN', from, to, 'good'];
const hangs = (from: number, why: string): Bar => [
  `${why}no FIN: hangs`,
  from,
  7.8,
  'bad',
];

/** What becomes of three clients: of /sleep/4, and of two that ask for /. */
const STAGES: { name: string; note: string; clients: Bar[][] }[] = [
  {
    name: 'part 1',
    note: 'one after the other',
    clients: [
      [served(0, 4, 'served')],
      [waits(0.3, 4), served(4, 4.3)],
      [waits(0.6, 4.3), served(4.3, 4.6)],
    ],
  },
  {
    name: 'part 2',
    note: 'at once, without an end',
    clients: [
      [served(0, 4, 'served'), hangs(4, '')],
      [served(0.3, 0.6), hangs(0.6, 'has its answer, ')],
      [served(0.6, 0.9), hangs(0.9, 'has its answer, ')],
    ],
  },
  {
    name: 'part 3',
    note: 'at once, and done',
    clients: [
      [served(0, 4, 'served'), ends(4, 4.7)],
      [served(0.3, 0.6), ends(0.6, 1.3)],
      [served(0.6, 0.9), ends(0.9, 1.6)],
    ],
  },
];

/** Three clients at three servers. */
export function stages(): Picture {
  const shapes: string[] = [];
  STAGES.forEach(({ name, note, clients }, index) => {
    const top = 20 + index * 142;
    shapes.push(
      text(20, top + 14, name, 'strong'),
      text(LEFT, top + 14, note, 'soft'),
    );
    clients.forEach((bars, row) => {
      const path = row === 0 ? '/sleep/4' : '/';
      const y = top + 24 + row * 34;
      shapes.push(text(LEFT - 12, y + 19, path, 'code end'));
      for (const [label, from, to, tone] of bars) {
        const x = LEFT + from * UNIT;
        shapes.push(box([x, y, (to - from) * UNIT, 28], tone, [label]));
      }
    });
  });
  const bottom = 20 + STAGES.length * 142 + 4;
  shapes.push(line([LEFT, bottom, LEFT + 8 * UNIT, bottom]));
  for (let second = 0; second <= 8; second += 2) {
    const x = LEFT + second * UNIT;
    shapes.push(
      line([x, bottom - 4, x, bottom + 4]),
      text(
        x,
        bottom + 22,
        `${second} s`,
        second < 8 ? 'soft middle' : 'soft end',
      ),
    );
  }
  shapes.push(arrow([LEFT + 7.9 * UNIT, bottom, LEFT + 8 * UNIT, bottom]));
  return {
    title: 'Three clients at the three stages',
    description:
      'The first client asks for a page that takes four seconds, two others for quick ones. ' +
      'Part 1 makes the quick ones wait four seconds. Part 2 answers all at once, but nobody gets a FIN, so all hang. ' +
      'Part 3 answers all at once and ends each connection.',
    height: bottom + 36,
    shapes,
  };
}
