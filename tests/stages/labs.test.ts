/**
 * The labs: each shows what it says, leaves no server behind, and is what its
 * replay says.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { withCleanUp } from '../../tools/harness/programs';
import { readProcess } from '../../tools/kernel/processes';
import { LABS } from '../../tools/lab/labs';
import { type Lab, Notebook } from '../../tools/lab/notebook';
import type { Note, Replay } from '../../tools/model/replay';
import { chosenStages } from '../support/server';

/** The labs of the chapters that the chosen stages have. */
const labs = Object.entries(LABS).filter(([, { chapter }]) =>
  chosenStages().some((stage) => chapter.startsWith(`docs/${stage[4]}-`)),
);

interface Step {
  words: string;
  notes: Note[];
}

async function perform(lab: Lab): Promise<Step[]> {
  const steps: Step[] = [{ words: '', notes: [] }];
  const witness = {
    step: (words: string) => steps.push({ words, notes: [] }),
    note: (...notes: Note[]) => steps.at(-1)?.notes.push(...notes),
  };
  await withCleanUp((defer) => lab.run(new Notebook(defer, witness)));
  return steps;
}

describe.concurrent('a lab shows what it says', () => {
  test.for(labs)('%s', async ([name, lab]) => {
    const steps = await perform(lab);
    const notes = steps.flatMap((step) => step.notes);
    const expectations = notes.filter((note) => 'expect' in note);
    expect(expectations).not.toEqual([]);
    expect(expectations.filter(({ holds }) => !holds)).toEqual([]);
    const text = evidenceIn(notes).join('\n');
    const servers = [...text.matchAll(/PID (\d+) listens/g)];
    expect(servers.length).toBeGreaterThan(0);
    for (const [, pid] of servers) expect(readProcess(Number(pid))).toBeNull();

    const file = `docs/replays/${name}.json`;
    const { steps: recorded, ...words }: Replay = JSON.parse(
      readFileSync(file, 'utf8'),
    );
    const { run, ...said } = lab;
    const stale = `npm run lab ${name} -- --record makes ${file} anew`;
    expect(words, stale).toEqual(said);
    const played = recorded.map(({ words, moments }) => ({
      words,
      notes: moments.flatMap((moment) => moment.notes),
    }));
    expect(played.map(gist), stale).toEqual(
      steps.filter(({ words, notes }) => words || notes.length > 0).map(gist),
    );
  });
});

function evidenceIn(notes: Note[]): string[] {
  return notes.flatMap((note) => ('show' in note ? [note.show] : []));
}

/**
 * What a step says on every machine: without numbers; evidence in any order,
 * and however often; and nothing of what Node has open, of who we are, of who
 * runs at the moment, and of how far one comes before a limit that counts
 * others as well.
 */
function gist({ words, notes }: Step) {
  const mask = (text: string) => text.replace(/\d+/g, 'N');
  const evidence = evidenceIn(notes)
    .filter((line) => !/^(You are root|\d+ clients: )/.test(line))
    .map((line) =>
      line.replace(/(?<=-> )(?!socket).*/, '…').replace(/\) R /, ') S '),
    )
    .map(mask);
  return {
    words: mask(words),
    expectations: notes
      .filter((note) => 'expect' in note)
      .map((note) => mask(note.expect)),
    evidence: [...new Set(evidence)].sort(),
  };
}
