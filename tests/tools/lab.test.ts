import { expect, onTestFinished, test } from 'vitest';
import { LABS } from '../../tools/lab/labs';
import { Notebook, printTo } from '../../tools/lab/notebook';
import { startTool, untilItSays } from '../support/server';
import { openTerminal } from '../support/terminal';

test('without a name, all labs are listed', async () => {
  const lab = startTool('lab');
  expect((await lab.ended).code).toBe(0);
  for (const [name, { summary }] of Object.entries(LABS)) {
    expect(lab.output()).toMatch(new RegExp(`^ +${name} +`, 'm'));
    expect(lab.output()).toContain(summary);
  }
});

test('a lab that does not exist is a mistake in one line', async () => {
  const lab = startTool('lab', ['zombie']);
  expect((await lab.ended).code).toBe(2);
  expect(lab.output().trimEnd().split('\n')).toHaveLength(1);
});

test('a lab that sees something else says so', async () => {
  const lines: string[] = [];
  const notebook = new Notebook(
    onTestFinished,
    printTo((line) => lines.push(line)),
  );
  notebook.expect('the server is dead', false);
  notebook.expect('the server lives', true);
  expect(lines[0]).toContain('✗ NOT SO: the server is dead');
  expect(lines[1]).toContain('✓ the server lives');
  expect(notebook.contradictions).toBe(1);
});

test('a lab asks for a prediction first', async () => {
  const terminal = openTerminal('lab', ['zombies']);
  await untilItSays(terminal, 'Your prediction');
  expect(terminal.output()).not.toContain('listens');
  terminal.type('nothing is left\r');
  await untilItSays(terminal, 'Your prediction was: nothing is left');
  expect((await terminal.ended).code).toBe(0);
});
