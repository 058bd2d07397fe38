import { describe, expect, test } from 'vitest';
import { built, startProgram } from '../support/server';

/** Runs the fixture and returns all that parent and child said. */
async function runChild(way: string) {
  const program = startProgram(built('tests/fixtures/child'), [way]);
  const { code } = await program.ended;
  return { code, lines: program.output().trim().split('\n') };
}

describe('a child leaves by _exit', () => {
  test('with status 0 when its work is done', async () => {
    const { code, lines } = await runChild('returns');
    expect(lines).toEqual(['ended: exit 0', 'exit handler']);
    expect(code).toBe(0);
  });

  test.each([
    ['throws', 'thrown on purpose'],
    ['rejects', 'rejected on purpose'],
    ['forgets a rejection', 'forgotten on purpose'],
    ['fails in a microtask', 'queued on purpose'],
    ['waits for a timer', 'has to be synchronous'],
    ['exits', 'process.exit(0) in a child'],
    ['sets an exit code and exits', 'process.exit() in a child'],
  ])('with a message and status 1 when it %s', async (way, message) => {
    const { code, lines } = await runChild(way);
    expect(lines[0]).toMatch(/^\[\d+\] child fails: /);
    expect(lines.join('\n')).toContain(message);
    // The parent goes on, alone: its handlers and its last line come once.
    const words = lines.filter((line) => /handler|ended/.test(line));
    expect(words).toEqual(['ended: exit 1', 'exit handler']);
    expect(code).toBe(0);
  });

  test('or of SIGTERM, which the parent had a handler for', async () => {
    const { lines } = await runChild('sleeps until SIGTERM');
    expect(lines).toEqual(['ended: killed by SIGTERM', 'exit handler']);
  });
});
