/**
 * Other layouts of a process's memory, in which what refuses to be copied to
 * children lies below V8's heap.
 */
import { spawnSync } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { startProgram } from '../../tools/harness/programs';
import { ask, get } from '../support/client';
import { built, STAGES, untilItListens } from '../support/server';

const LAYOUTS: Record<string, string[]> = {
  'with a stack without a limit': ['prlimit', '--stack=unlimited'],
  'with the legacy layout': ['setarch', '-L'],
  'without randomness': ['setarch', '-R'],
};

test.each(Object.entries(LAYOUTS))(
  'children survive %s',
  async (_, wrapper) => {
    const [file = '', ...args] = wrapper;
    if (spawnSync(file, [...args, 'true']).status !== 0) return;
    const node = [process.execPath, built(STAGES.part3), '--port', '0'];
    const program = startProgram([...wrapper, ...node], onTestFinished);
    const { port } = await untilItListens(program, 'part3');
    for (let i = 0; i < 10; i++) expect(await ask(port, get('/'))).not.toBe('');
    expect(program.output()).not.toContain('killed by');
  },
);
