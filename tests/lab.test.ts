import {
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readProcess } from '../shared/kernel';
import { startProgram as start } from '../tools/experiments/programs';
import { STAGES } from '../tools/experiments/stages';
import { waitFor } from '../tools/experiments/wait';
import { LABS } from '../tools/labs';
import { built, startProgram, untilItSays } from './support/server';
import { openTerminal } from './support/terminal';

const LAB = built('tools/lab.js');

/** The servers that a lab has started. */
function serversIn(output: string): number[] {
  return [...output.matchAll(/PID (\d+) listens/g)].map(([, pid]) =>
    Number(pid),
  );
}

describe.concurrent('each lab shows what it says', () => {
  test.for(Object.keys(LABS))('%s', async (name, { onTestFinished }) => {
    const command = [process.execPath, LAB, name, '--yes'];
    const lab = start(command, onTestFinished);
    const { code } = await lab.ended;
    expect(lab.output()).toContain('✓');
    expect(lab.output()).not.toContain('NOT SO');
    expect(code).toBe(0);
    const servers = serversIn(lab.output());
    expect(servers.length).toBeGreaterThan(0);
    expect(servers.filter((pid) => readProcess(pid))).toEqual([]);
  });
});

test('without a name, all labs are listed', async () => {
  const lab = startProgram(LAB);
  expect((await lab.ended).code).toBe(0);
  for (const [name, { summary }] of Object.entries(LABS)) {
    expect(lab.output()).toMatch(new RegExp(`^ +${name} +`, 'm'));
    expect(lab.output()).toContain(summary);
  }
});

test('a lab that does not exist is a mistake in one line', async () => {
  const lab = startProgram(LAB, ['zombie']);
  expect((await lab.ended).code).toBe(2);
  expect(lab.output().trimEnd().split('\n')).toHaveLength(1);
});

test('a lab that sees something else says so', async () => {
  // In this build, part 1 is part 3: it survives a crash.
  const folder = mkdtempSync(join(tmpdir(), 'lab-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const impostor = join(folder, 'build', STAGES.part1);
  mkdirSync(dirname(impostor), { recursive: true });
  writeFileSync(impostor, `require(${JSON.stringify(built(STAGES.part3))})`);
  const part3 = dirname(STAGES.part3);
  symlinkSync(built(part3), join(folder, 'build', part3));
  const command = [process.execPath, LAB, 'crash', '--yes'];
  const lab = start(command, onTestFinished, { cwd: folder });
  expect((await lab.ended).code).toBe(1);
  expect(lab.output()).toContain('✗ NOT SO: the server is dead');
  expect(lab.output()).toContain('✓ the server lives');
  expect(lab.output()).toContain('2 expectations did not hold');
});

test('a lab asks for a prediction first', async () => {
  const terminal = openTerminal(LAB, ['zombies']);
  await untilItSays(terminal, 'Your prediction');
  expect(terminal.output()).not.toContain('listens');
  terminal.type('nothing is left\r');
  await untilItSays(terminal, 'Your prediction was: nothing is left');
  expect((await terminal.ended).code).toBe(0);
});

test('Ctrl-C ends a lab and everything it has started', async () => {
  const terminal = openTerminal(LAB, ['head-of-line', '--yes']);
  const [pid = 0] = await waitFor('a server has started', () => {
    const servers = serversIn(terminal.output());
    return servers.length > 0 && servers;
  });
  terminal.type('\x03');
  await terminal.ended;
  await waitFor('nothing is left', () => readProcess(pid) === null);
  expect(terminal.output()).not.toContain('More about it');
});
