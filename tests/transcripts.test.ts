/**
 * What the chapters say comes out of a command comes out of it.
 *
 * Where clients overlap in time, that takes a machine which keeps pace with
 * them. Those experiments are left to `npm run compare`.
 */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { readChapters } from '../tools/chapters';
import { freePort } from '../tools/experiments/servers';
import { substance } from '../tools/transcripts/compare';
import {
  type Experiment,
  findExperiments,
  programsOf,
} from '../tools/transcripts/experiment';
import { perform } from '../tools/transcripts/perform';

const EXPERIMENTS = readChapters()
  .flatMap(findExperiments)
  .filter((experiment) => process.env.COMPARE || !overlaps(experiment));

/** Whether something goes on in the background while the reader types. */
function overlaps({ fences }: Experiment): boolean {
  return fences.some(({ lines }) => lines.some((line) => line.includes('&)')));
}

describe.concurrent('a transcript is what really comes out', () => {
  // Once more for a machine that was too busy to be in step with a reader.
  test.for(EXPERIMENTS)(
    '$title',
    { retry: 2, timeout: 120_000 },
    async (experiment, { skip }) => {
      const obstacle = obstacleTo(experiment);
      if (obstacle) skip(obstacle);
      const outcome = await perform(experiment, await freePort(), true);
      for (const [fence, lines] of outcome) {
        expect(substance(lines)).toEqual(substance(fence.lines));
      }
    },
  );
});

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
