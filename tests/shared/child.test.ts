import { beforeAll, describe, expect, test } from 'vitest';
import { startProgram as start } from '../../tools/harness/programs';
import { built } from '../support/server';

let said: Map<string, string[]>;
let last: string[];

/** Runs the fixture once: what parent and child said of each way. */
beforeAll(async () => {
  // What both processes say, on stdout and stderr, in one order.
  const together = ['sh', '-c', 'exec "$@" 2>&1', '-'];
  const fixture = [process.execPath, built('tests/fixtures/child')];
  const program = start([...together, ...fixture], () => {});
  expect(await program.ended).toEqual({ code: 0, signal: null });
  const sections = program.output().trim().split(/^# /m).slice(1);
  const ways = sections.map((section) => section.trim().split('\n'));
  last = ways.at(-1)?.splice(-1) ?? [];
  said = new Map(ways.map(([way = '', ...lines]) => [way, lines]));
});

describe('a child leaves by _exit', () => {
  test('with status 0 when its work is done', () => {
    expect(said.get('returns')).toEqual(['ended: exit 0']);
  });

  test.each([
    ['throws', 'thrown on purpose'],
    ['rejects', 'rejected on purpose'],
    ['forgets a rejection', 'forgotten on purpose'],
    ['fails in a microtask', 'queued on purpose'],
    ['waits for a timer', 'has to be synchronous'],
    ['exits', 'process.exit(0) in a child'],
    ['sets an exit code and exits', 'process.exit() in a child'],
  ])('with a message and status 1 when it %s', (way, message) => {
    const lines = said.get(way) ?? [];
    expect(lines[0]).toMatch(/^\[\d+\] child fails: /);
    expect(lines.join('\n')).toContain(message);
    expect(lines.at(-1)).toBe('ended: exit 1');
    // The parent's handlers are not the child's.
    expect(lines.join('\n')).not.toContain('handler');
  });

  test('or of SIGTERM, which the parent had a handler for', () => {
    expect(said.get('sleeps until SIGTERM')).toEqual([
      'ended: killed by SIGTERM',
    ]);
  });

  test('and the parent goes on, and ends once', () => {
    expect(last).toEqual(['exit handler']);
  });
});
