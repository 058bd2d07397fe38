/**
 * The table at the end: what has been measured, and nothing else.
 */
import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import type { StageFinding } from './support/promises';
import { formatTable } from './support/stage-table';

const HANGING: StageFinding = {
  stage: 'part2',
  symptom: 'hanging',
  verdict: 'bad',
  figure: '20 of 20 clients hang',
  measured: { clients: 20, hanging: 20 },
  evidence: [],
};

/** The lines of a table, as they are read without colours. */
function linesOf(findings: StageFinding[]): string[] {
  return stripVTControlCharacters(formatTable(findings)).split('\n');
}

test('the table has a column for a stage, and a row for a symptom', () => {
  expect(linesOf([HANGING]).map((line) => line.replace(/─+$/, ''))).toEqual([
    '  part2',
    '── hanging: do clients see the end of their answer? ',
    '✗ 20 of 20 clients hang',
  ]);
});

test('the table leaves empty what was not measured', () => {
  const good = { verdict: 'good', figure: '0 zombies' } as const;
  const zombies = { ...HANGING, ...good, symptom: 'zombies' } as const;
  const [, , hanging, , others] = linesOf([
    HANGING,
    { ...zombies, stage: 'part3' },
  ]);
  expect(hanging).toBe('✗ 20 of 20 clients hang');
  expect(others).toBe(`${' '.repeat(39)}✓ 0 zombies`);
});

test('the table of all stages fits a terminal of 80 columns', () => {
  const stages = ['part1', 'part2', 'part3a', 'part3b', 'part3c', 'part3'];
  const figure = 'dies at request 47: EMFILE';
  const all = stages.map((stage) => ({ ...HANGING, figure, stage }));
  for (const line of linesOf(all as StageFinding[])) {
    expect(line.length).toBeLessThanOrEqual(80);
  }
});
