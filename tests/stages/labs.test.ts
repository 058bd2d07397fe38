/**
 * The labs: each shows what it says, and leaves no server behind.
 */
import { describe, expect, test } from 'vitest';
import { type Defer, withCleanUp } from '../../tools/harness/programs';
import { readProcess } from '../../tools/kernel/processes';
import { LABS } from '../../tools/lab/labs';
import { type Lab, openNotebook } from '../../tools/lab/notebook';
import { chosenStages } from '../support/server';

/** The labs of the chapters that the chosen stages have. */
const labs = Object.entries(LABS).filter(([, { chapter }]) =>
  chosenStages().some((stage) => chapter.startsWith(`docs/${stage[4]}-`)),
);

async function perform(lab: Lab): Promise<string> {
  const lines: string[] = [];
  await withCleanUp(async (defer: Defer) => {
    await lab.run(openNotebook(defer, (line) => lines.push(line)));
  });
  return lines.join('\n');
}

describe.concurrent('a lab shows what it says', () => {
  test.for(labs)('%s', async ([, lab]) => {
    const notes = await perform(lab);
    expect(notes).toContain('✓');
    expect(notes).not.toContain('NOT SO');
    const servers = [...notes.matchAll(/PID (\d+) listens/g)];
    expect(servers.length).toBeGreaterThan(0);
    for (const [, pid] of servers) expect(readProcess(Number(pid))).toBeNull();
  });
});
