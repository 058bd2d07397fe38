/**
 * The table of the stages: what has been measured, and how it is marked.
 */
import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import type { StageFinding } from '../../tools/test/measure';
import { PROMISES } from '../../tools/test/promises';
import { formatTable } from '../../tools/test/table';
import { STAGE_NAMES } from '../support/server';

const HANGING: StageFinding = {
  stage: 'part2',
  symptom: 'hanging',
  verdict: 'bad',
  figure: '20 of 20 clients hang',
  measured: { clients: 20, hanging: 20 },
  evidence: [],
  asPromised: true,
};

/** The lines of a table, as they are read without colours. */
function linesOf(findings: StageFinding[]): string[] {
  return stripVTControlCharacters(formatTable(findings)).split('\n');
}

test('a fault that a stage is there to show is marked as a promise kept', () => {
  const [stage, symptom, cell] = linesOf([HANGING]);
  expect(stage).toBe('  part2');
  expect(symptom).toMatch(/^── hanging: do clients see the end of/);
  expect(cell).toBe('✗ 20 of 20 clients hang');
  expect(linesOf([HANGING]).join('\n')).toContain('a promise kept');
});

test('what a stage does not promise is marked, be it good or bad', () => {
  const surprise = { ...HANGING, asPromised: false, verdict: 'good' } as const;
  expect(linesOf([surprise])[2]).toBe('! 20 of 20 clients hang');
});

test('the table of all stages fits a terminal of 80 columns', () => {
  const figure = 'dies at request 47: EMFILE';
  const all = STAGE_NAMES.map((stage) => ({ ...HANGING, figure, stage }));
  for (const line of linesOf(all)) expect(line.length).toBeLessThanOrEqual(80);
});

test('every stage promises something about every symptom', () => {
  for (const promises of Object.values(PROMISES)) {
    expect(Object.keys(promises).toSorted()).toEqual(STAGE_NAMES.toSorted());
  }
});
