/**
 * What the chapters say comes out of a command comes out of it.
 */
import { spawnSync } from 'node:child_process';
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

describe.concurrent('a transcript is what really comes out', () => {
  test.for(EXPERIMENTS)('$title', async (experiment, { skip }) => {
    const obstacle = obstacleTo(experiment);
    if (obstacle) skip(obstacle);
    const outcome = await perform(experiment, await freePort(), true);
    const actual = [...outcome.values()].map(substance);
    expect(actual).toEqual(
      experiment.fences.map(({ lines }) => substance(lines)),
    );
  });
});

/** Why an experiment cannot be compared with its transcript here. */
function obstacleTo(experiment: Experiment): string | null {
  const missing = [...programsOf(experiment), 'script'].filter(
    (name) => spawnSync('bash', ['-c', `type ${name}`]).status !== 0,
  );
  return missing.length > 0 ? `not installed: ${missing.join(', ')}` : null;
}
