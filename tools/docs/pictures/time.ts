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

const STAGES: { name: string; note: string; rows: [string, Bar[]][] }[] = [
  {
    name: 'part 1',
    note: 'one after the other',
    rows: [
      ['/sleep/4', [['served', 0, 4, 'process']]],
      [
        '/',
        [
          ['waits', 0.3, 4, 'bad'],
          ['', 4, 4.3, 'process'],
        ],
      ],
      [
        '/',
        [
          ['waits', 0.6, 4.3, 'bad'],
          ['', 4.3, 4.6, 'process'],
        ],
      ],
    ],
  },
  {
    name: 'part 2',
    note: 'at once, without an end',
    rows: [
      [
        '/sleep/4',
        [
          ['served', 0, 4, 'process'],
          ['no FIN: hangs', 4, 7.8, 'bad'],
        ],
      ],
      [
        '/',
        [
          ['', 0.3, 0.6, 'process'],
          ['has its answer, no FIN: hangs', 0.6, 7.8, 'bad'],
        ],
      ],
      [
        '/',
        [
          ['', 0.6, 0.9, 'process'],
          ['has its answer, no FIN: hangs', 0.9, 7.8, 'bad'],
        ],
      ],
    ],
  },
  {
    name: 'part 3',
    note: 'at once, and done',
    rows: [
      [
        '/sleep/4',
        [
          ['served', 0, 4, 'process'],
          ['FIN', 4, 4.7, 'good'],
        ],
      ],
      [
        '/',
        [
          ['', 0.3, 0.6, 'process'],
          ['FIN', 0.6, 1.3, 'good'],
        ],
      ],
      [
        '/',
        [
          ['', 0.6, 0.9, 'process'],
          ['FIN', 0.9, 1.6, 'good'],
        ],
      ],
    ],
  },
];

/** Three clients at three servers. */
export function stages(): Picture {
  const shapes: string[] = [];
  STAGES.forEach(({ name, note, rows }, index) => {
    const top = 20 + index * 142;
    shapes.push(
      text(20, top + 14, name, 'strong'),
      text(LEFT, top + 14, note, 'soft'),
    );
    rows.forEach(([path, bars], row) => {
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
  shapes.push(
    arrow([
      [LEFT + 7.9 * UNIT, bottom],
      [LEFT + 8 * UNIT, bottom],
    ]),
  );
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
