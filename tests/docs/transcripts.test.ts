/**
 * What the chapters say comes out of a command comes out of it.
 */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { readChapters } from '../../tools/docs/chapters';
import { substance } from '../../tools/docs/transcripts/compare';
import { perform } from '../../tools/docs/transcripts/perform';
import { findSittings, programsOf } from '../../tools/docs/transcripts/sitting';
import { freePort } from '../../tools/harness/servers';

const EXPERIMENTS = readChapters().flatMap(findSittings);
const MISSING = findMissing(EXPERIMENTS.flatMap(programsOf));

describe.concurrent('a transcript is what really comes out', () => {
  test.for(EXPERIMENTS)('$title', async (experiment, { skip }) => {
    const missing = programsOf(experiment).filter((one) => MISSING.has(one));
    if (missing.length > 0) skip(`not installed: ${missing.join(', ')}`);
    const outcome = await perform(experiment, await freePort(), true);
    const actual = [...outcome.values()].map(substance);
    expect(actual).toEqual(
      experiment.fences.map(({ lines }) => substance(lines)),
    );
  });
});

/** Which of some programs are not installed here. */
function findMissing(programs: string[]): Set<string> {
  const script =
    'for one; do command -v "$one" >/dev/null || echo "$one"; done';
  const { stdout } = spawnSync('sh', ['-c', script, '-', ...programs], {
    encoding: 'utf8',
  });
  return new Set(stdout.split('\n').filter(Boolean));
}
