/**
 * `npm run exercise`, as a reader works with it.
 */
import {
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { type Defer, startProgram } from '../../tools/harness/programs';
import { waitFor } from '../../tools/harness/wait';
import { listPids, readText } from '../../tools/kernel/processes';
import { copyCourse } from '../support/copy';
import { toolCommand, untilItSays, untilTheLastTest } from '../support/server';
import { openTerminal, plain } from '../support/terminal';

let course = '';

const defer = untilTheLastTest();
beforeAll(() => {
  course = copyCourse(defer);
});

/** Runs it to its end, without a terminal. */
async function exercise(args: string[], defer: Defer, cwd = course) {
  const program = startProgram(toolCommand('exercise', args), defer, {
    cwd,
    env: { ...process.env, FORCE_COLOR: '0' },
  });
  const { code } = await program.ended;
  return { code, output: program.output() };
}

function expectToFit(output: string): void {
  const lines = plain(output).replaceAll('\r', '\n').split('\n');
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
}

const FILE = 'mine/2-one-line.ts';

test('a reader solves an exercise', async ({ onTestFinished: defer }) => {
  const file = join(course, FILE);
  const terminal = openTerminal('exercise', ['2'], { cwd: course, defer });
  const { type } = terminal;
  let seen = 0;
  /** Waits until it has said something new. @returns all up to that */
  const says = async (words: string) => {
    return waitFor(`it says "${words}"`, () => {
      // Wherever a line is broken.
      const text = plain(terminal.output()).replace(/\s+/g, ' ');
      const at = text.indexOf(words, seen);
      if (at === -1) return false;
      const passage = text.slice(seen, at);
      seen = at + words.length;
      return `${passage} `;
    });
  };

  // It asks for a prediction, and knows what is wrong to begin with.
  await says('Repair part 2 with one line');
  await says('Your prediction, and Enter:');
  type('zombies\r');
  await says('✗ Expected: every client sees the end of its answer');
  await says('Seen: 20 of 20 clients hang');
  await says('The FIN comes when the last descriptor is closed.');

  // Hints and the solution, which is asked for twice.
  await says('h hint 1 of 3');
  type('h');
  await says('Who still holds the connection when the child has ended?');
  await says('h hint 2 of 3');
  type('sn');
  await says('The solution? y shows it.');
  await says('h hint 2 of 3');
  type('sy');
  await says('+ close(client);');

  // Saved, and it does not compile.
  const start = readFileSync(file, 'utf8');
  const broken = start.replace(
    '    }\n  }\n',
    '    }\n    clos(client);\n  }\n',
  );
  const line = broken.split('\n').findIndex((it) => it.includes('clos(')) + 1;
  writeFileSync(file, broken);
  await says('✗ It does not compile.');
  await says(`${FILE}:${line}:5 `);
  await says("Cannot find name 'clos'.");

  // Whoever looks again ends the look before.
  writeFileSync(file, start);
  await says('… every client sees the end of its answer');
  type('r');
  const between = await says('… every client sees the end of its answer');
  expect(between).not.toContain('Seen');
  await says('Seen: 20 of 20 clients hang');

  // Somebody else may list, and not work on it.
  const other = await exercise(['3', '--once'], defer);
  expect(other.output).toMatch(
    /^exercise: exercise 2 is open in another terminal \(PID \d+\).*\n$/,
  );
  expect(other.code).toBe(1);
  expect((await exercise([], defer)).output).toMatch(/2 .* begun, 1 hint$/m);

  // Removed, and saved by an editor that renames.
  rmSync(file);
  await says(`${FILE} is not there any more`);
  const right = broken.replace('clos(', 'close(');
  writeFileSync(`${file}~`, right);
  renameSync(`${file}~`, file);
  await says('✓ every client sees the end of its answer');
  await says('✓ the parent has no more descriptors than before');
  await says('Solved.');
  await says('Your prediction was: zombies');
  await says('the child fails with `EBADF`');
  await says('1 of 13 solved');

  // On to the next one; and that is the end.
  type('n');
  await says('The child keeps the listener');
  await says('Your prediction, and Enter:');
  type('\r');
  await says('0 of 3 children keep the port');
  type('q');
  expect((await terminal.ended).code).toBe(0);
  expectToFit(terminal.output());

  // Scripts see it by the status, and a reader may begin anew.
  expect((await exercise(['2', '--once'], defer)).code).toBe(0);
  const anew = await exercise(['--reset', '2'], defer);
  expect(anew.output).toContain('Your file is now mine/2-one-line.old.ts.');
  expect(anew.code).toBe(0);
  expect(readFileSync(file, 'utf8')).toBe(start);
  expect(readFileSync(join(course, 'mine/2-one-line.old.ts'), 'utf8')).toBe(
    right,
  );
});

test('without colour, each line fits as well, and there is none', async ({
  onTestFinished: defer,
}) => {
  const terminal = openTerminal('exercise', ['1'], {
    cwd: course,
    defer,
    env: { FORCE_COLOR: '0' },
  });
  await untilItSays(terminal, 'Your prediction');
  terminal.type('\x04'); // Ctrl-D: none
  await untilItSays(terminal, 'It is still closed after it was served.');
  await untilItSays(terminal, 'q quit');
  terminal.type('\x03');
  expect((await terminal.ended).code).toBe(0);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the very subject
  expect(terminal.output()).not.toMatch(/\x1b\[\d*m/);
  expectToFit(terminal.output());
});

test('a server that never listens is ended, and what it leaves', async ({
  onTestFinished: defer,
}) => {
  const command = ['sh', '-c', 'setsid sleep 60123 & sleep 60123', '{port}'];
  const { code, output } = await exercise(['13', ...command], defer);
  expect(output).toContain('it does not listen within 15 s');
  expect(code).toBe(1);
  const isLeft = (pid: number) =>
    readText(`/proc/${pid}/cmdline`)?.includes(
      'sleep 60123'.replace(' ', '\0'),
    );
  await waitFor('nobody is left', () => !listPids().some(isLeft));
  // The command is known from now on.
  const progress = readFileSync(join(course, 'mine/progress.json'), 'utf8');
  expect(JSON.parse(progress)['own-server'].command).toEqual(command);
  expect(existsSync(join(course, 'mine/13-own-server.ts'))).toBe(false);
});

test.for([
  [['99'], 'there is no "99"; npm run exercise lists all'],
  [['13'], 'it takes the command of a server: npm run exercise 13 -- python3'],
  [['--once'], '--once takes the number of an exercise'],
] as const)(
  'exercise %j is a mistake in one line',
  async ([args, problem], { onTestFinished: defer }) => {
    const { code, output } = await exercise([...args], defer, '.');
    expect(output).toMatch(/^exercise: .*\n$/);
    expect(output).toContain(problem);
    expect(code).toBe(2);
  },
);

test('a record that is damaged is kept, and so is what is no folder', async ({
  onTestFinished: defer,
}) => {
  const mine = join(course, 'mine');
  const record = join(mine, 'progress.json');
  writeFileSync(record, '{');
  const damaged = await exercise([], defer);
  expect(damaged.output).toMatch(
    /^exercise: .*progress\.json is damaged: .*\n$/,
  );
  expect(damaged.code).toBe(1);
  expect(readFileSync(record, 'utf8')).toBe('{');
  rmSync(mine, { recursive: true });
  writeFileSync(mine, '');
  const blocked = await exercise(['1', '--once'], defer);
  expect(blocked.output).toMatch(/^exercise: EEXIST: .*mine.*\n$/);
  expect(blocked.code).toBe(1);
});
