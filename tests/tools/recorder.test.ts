import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { withCleanUp } from '../../tools/harness/programs';
import { type ChapterLab, LABS } from '../../tools/lab/labs';
import { Notebook } from '../../tools/lab/notebook';
import { format, Recorder } from '../../tools/lab/recorder';
import type { Frame } from '../../tools/model/frames';
import { type Replay, unfold } from '../../tools/model/replay';

test('a lab that is recorded again shows the same pictures', async () => {
  const lab = LABS.hang as ChapterLab;
  const recorder = new Recorder([]);
  const replay = await withCleanUp(async (defer) => {
    await lab.run(new Notebook(defer, recorder));
    return recorder.finish(lab);
  });
  const recorded = readFileSync('docs/replays/hang.json', 'utf8');
  expect(gist(JSON.parse(format(replay)))).toEqual(gist(JSON.parse(recorded)));
});

/**
 * What each step shows on every machine, one picture after the other, with
 * whatever else Node has open.
 */
function gist(replay: Replay) {
  const moments = unfold(replay);
  return replay.steps.map(({ words, moments: stored }, step) => {
    const own = moments.filter((moment) => moment.step === step);
    // Words may come before the first picture of their step.
    const pictures = own.filter((_, i) => stored[i]?.frame !== undefined);
    const notes = own.reduce((sum, { notes }) => sum + notes.length, 0);
    return { words, notes, pictures: pictures.map(({ frame }) => draw(frame)) };
  });
}

function draw(frame: Frame | null) {
  const { processes = {}, connections = {}, ending } = frame ?? {};
  return {
    ending,
    processes: Object.entries(processes).map(
      ([pid, { parent, role, state, exit }]) => [
        { pid, parent, role, state, exit },
      ],
    ),
    connections: Object.entries(connections).map(([address, one]) => ({
      address,
      held: one.references.map(({ pid }) => pid),
      state: one.state,
      standing: one.standing,
      client: one.client,
    })),
  };
}
