/**
 * What the chapters say comes out of a command comes out of it.
 */
import { spawnSync } from 'node:child_process';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { describe, expect, test } from 'vitest';
import { readChapters } from '../../tools/docs/chapters';
import { substance } from '../../tools/docs/transcripts/compare';
import {
  type Experiment,
  findExperiments,
  programsOf,
} from '../../tools/docs/transcripts/experiment';
import { perform } from '../../tools/docs/transcripts/perform';
import { freePort } from '../../tools/harness/servers';

const EXPERIMENTS = readChapters().flatMap(findExperiments);
// Any thread may take a signal, and a reader on a busy machine may type too
// late. That does not happen every time.
const TRIES = 5;
// A try that does not come to what it waits for takes minutes.
const TIME_TO_TRY_MS = 240_000;

const limits = { timeout: 600_000 };
describe.concurrent('a transcript is what really comes out', limits, () => {
  test.for(EXPERIMENTS)('$title', async (experiment, { skip }) => {
    const obstacle = obstacleTo(experiment);
    if (obstacle) skip(obstacle);
    const begun = performance.now();
    for (let tries = 1; ; tries++) {
      const { actual, expected, stoodStill } = await compare(experiment);
      const same = `${actual}` === `${expected}`;
      const again = tries < TRIES && performance.now() - begun < TIME_TO_TRY_MS;
      if (!same && again) continue;
      if (!same && overlaps(experiment)) {
        skip(stoodStill > IN_STEP_MS, outOfStep(stoodStill));
      }
      expect(actual).toEqual(expected);
      return;
    }
  });
});

/** What came out, what should have, and the machine's longest pause, in ms. */
async function compare(experiment: Experiment) {
  const delay = monitorEventLoopDelay();
  delay.enable();
  const actual = await perform(experiment, await freePort(), true)
    .then((outcome) => [...outcome.values()].map(substance))
    .catch(({ message }: Error) => [[message]]);
  delay.disable();
  return {
    actual,
    expected: experiment.fences.map(({ lines }) => substance(lines)),
    stoodStill: delay.max / 1e6,
  };
}

/**
 * Whether something goes on in the background while the reader types. Then a
 * machine has to keep pace, or the reader types too late.
 */
function overlaps({ fences }: Experiment): boolean {
  return fences.some(({ lines }) => lines.some((line) => line.includes('&)')));
}

const IN_STEP_MS = 300;

function outOfStep(milliseconds: number): string {
  return `the machine stood still for ${Math.round(milliseconds)} ms meanwhile`;
}

/** Why an experiment cannot be compared with its transcript here. */
function obstacleTo(experiment: Experiment): string | null {
  const missing = [...programsOf(experiment), 'script'].filter(
    (name) => spawnSync('bash', ['-c', `type ${name}`]).status !== 0,
  );
  if (missing.length > 0) return `not installed: ${missing.join(', ')}`;
  const traced = experiment.fences.some(({ lines }) =>
    lines[0]?.includes('--trace'),
  );
  if (traced && !process.version.startsWith('v20.')) {
    return 'the trace is one of Node 20, which has other descriptors';
  }
  return null;
}
