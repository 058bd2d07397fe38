/**
 * Where the pieces of the kernel's picture stand, and what it says in words.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { sayClient, tell } from '../../docs/.vitepress/theme/phrases';
import { type Scene, sceneOf } from '../../docs/.vitepress/theme/scene';
import type { Actor, Frame, Link } from '../../tools/model/frames';
import { type Replay, unfold } from '../../tools/model/replay';

const REPLAYS = readdirSync('docs/replays').map((file) => {
  const replay: Replay = JSON.parse(
    readFileSync(`docs/replays/${file}`, 'utf8'),
  );
  return { file, frames: unfold(replay).flatMap(({ frame }) => frame ?? []) };
});

/** Boxes may not lie on one another: that would hide what one of them says. */
function overlapsIn({ shapes, width, height }: Scene): string[] {
  const boxes = shapes.filter(({ kind }) => /^(actor|box)$/.test(kind));
  const found: string[] = [];
  for (const [i, { key, at }] of boxes.entries()) {
    const [x, y, w, h] = at;
    if (x < 0 || y < 0 || x + w > width || y + h > height) found.push(key);
    for (const other of boxes.slice(i + 1)) {
      const [a, b, c, d] = other.at;
      const apart = x + w <= a || a + c <= x || y + h <= b || b + d <= y;
      if (!apart) found.push(`${key} and ${other.key}`);
    }
  }
  return found;
}

describe('in every moment of a replay, each piece has room of its own', () => {
  test.each(REPLAYS)('$file', ({ frames }) => {
    for (const frame of frames) {
      for (const wide of [true, false]) {
        const scene = sceneOf(frame, wide);
        expect(overlapsIn(scene)).toEqual([]);
        const keys = scene.shapes.map(({ key }) => key);
        expect(new Set(keys).size).toBe(keys.length);
      }
    }
  });
});

const server: Actor = {
  name: 'part2',
  parent: 4700,
  role: 'server',
  state: 'S',
  doing: 'sleeping in accept(21)',
  own: '0-20',
};
const zombie: Actor = {
  ...server,
  parent: 4711,
  role: 'child',
  state: 'Z',
  exit: 'exit 0',
};

function link(fd: number): Link {
  return {
    references: [{ pid: 4711, fd }],
    state: 'ESTABLISHED',
    standing: 'finished',
    expectation: 'waits for a FIN',
    client: { state: 'ESTABLISHED' },
  };
}

/** Part 2 after so many clients. */
function leak(clients: number): Frame {
  const all = Array.from({ length: clients }, (_, i) => i);
  return {
    port: 8888,
    processes: Object.fromEntries([
      [4711, server],
      ...all.map((i) => [4712 + i, zombie]),
    ]),
    listeners: {
      '127.0.0.1:8888': { references: [{ pid: 4711, fd: 21 }], queued: 0 },
    },
    connections: Object.fromEntries(
      all.map((i) => [`127.0.0.1:${50_001 + i}`, link(22 + i)]),
    ),
  };
}

test.each([true, false])(
  'of 500 connections and zombies, the first are drawn and the rest counted (wide: %s)',
  (wide) => {
    const scene = sceneOf(leak(500), wide);
    expect(scene.height).toBeLessThan(750);
    expect(overlapsIn(scene)).toEqual([]);
    const titles = scene.shapes.map(({ title }) => title);
    expect(titles).toContain('498 more clients');
    expect(titles).toContain('498 more');
    expect(titles).toContain('24-521');
  },
);

test('the last reference and the client that waits for a FIN are marked', () => {
  const { shapes } = sceneOf(leak(1), true);
  const bad = shapes.filter(({ tone }) => tone === 'bad');
  const said = bad.flatMap(({ title = '', lines = [] }) => [title, ...lines]);
  const all = ['no FIN: 22 is open in 4711', 'client :50001', '1 reference'];
  expect(said).toEqual(expect.arrayContaining(all));
});

test('everybody is named who keeps a connection open', () => {
  const both = [4711, 4713].map((pid) => ({ pid, fd: 22 }));
  const said = (rest: Partial<Link>) =>
    sceneOf(
      { ...leak(1), connections: { ':50001': { ...link(22), ...rest } } },
      true,
    ).shapes.map(({ title }) => title);
  expect(said({ references: both })).toContain(
    'no FIN: 22 is open in 4711 and 4713',
  );
  const three = [...both, { pid: 4714, fd: 22 }];
  expect(said({ references: three })).toContain(
    'no FIN: 22 is open in 4711 and 2 more',
  );
  expect(said({ standing: 'left', state: 'CLOSE_WAIT' })).toContain(
    '22 is still open in 4711',
  );
});

test('many clients have plural verbs, and nobody knows why one has left', () => {
  const say = (standing: Link['standing'], expectation: string) =>
    [false, true].map((many) =>
      sayClient({ ...link(22), standing, expectation }, many).join(' '),
    );
  expect(say('served', 'says nothing')).toEqual([
    'is connected: says nothing',
    'are connected: say nothing',
  ]);
  expect(say('served', 'gets its answer')[1]).toBe(
    'are connected: get their answers',
  );
  expect(say('left', '')[0]).toBe('has left: it sent a FIN');
});

test('what is said of many is true of each', () => {
  const links = Array.from({ length: 20 }, (_, i): [string, Link] => {
    const expectation = i % 2 ? 'says nothing' : 'nothing in flight';
    return [
      `:${50_001 + i}`,
      { ...link(22 + i), standing: 'served', expectation },
    ];
  });
  const frame = { ...leak(0), connections: Object.fromEntries(links) };
  const { shapes } = sceneOf(frame, true);
  const many = shapes.filter(({ title }) => title === '8 more clients');
  expect(many.map(({ lines }) => lines?.[1])).toEqual([
    'nothing in flight',
    'say nothing',
  ]);
  expect(new Set(shapes.map(({ key }) => key)).size).toBe(shapes.length);
});

test('the words for those who do not see it count what is too much', () => {
  const words = tell(leak(500));
  expect(words).toContain('PID 4712, part2, zombie: has ended (exit 0)');
  expect(words).toContain('no FIN: 22 is open in 4711');
  expect(words).toContain('And 492 more like these.');
});
