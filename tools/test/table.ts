/**
 * The stages and what was measured in each of them, as a table.
 */
import chalk from 'chalk';
import { MARKS, paint } from '../common/marks';
import { wrap } from '../common/words';
import { EXPERIMENTS, SYMPTOMS } from '../experiments';
import { STAGE_NAMES } from '../harness/stages';
import type { StageFinding } from './measure';

const WIDTH = 78; // six cells of 13 on a terminal of 80 columns

/** The symptoms one below the other, the stages side by side. */
export function formatTable(findings: StageFinding[]): string {
  const stages = STAGE_NAMES.filter((name) =>
    findings.some(({ stage }) => stage === name),
  );
  const width = Math.min(WIDTH / 2, Math.floor(WIDTH / stages.length));
  const head = stages.map((stage) => `  ${stage}`.padEnd(width)).join('');
  const lines = [chalk.bold(head.trimEnd())];
  for (const name of SYMPTOMS) {
    const row = findings.filter(({ symptom }) => symptom === name);
    if (row.length === 0) continue;
    const title = `── ${name}: ${EXPERIMENTS[name].question} `;
    lines.push(chalk.dim(title.padEnd(WIDTH, '─')));
    const cells = stages.map((stage) =>
      formatCell(
        row.find((finding) => finding.stage === stage),
        width,
      ),
    );
    lines.push(...besideEachOther(cells, width));
  }
  return [...lines, '', ...LEGEND].join('\n');
}

const LEGEND = [
  '✓ all is well   ✗ a fault that the stage is there to show: a promise kept',
  '· not its subject   ! something else than this stage promises: a failure',
];

/** The mark of a finding: whether it is good, and whether it should be so. */
function markOf({ verdict, asPromised }: StageFinding): string {
  if (asPromised === false) return '!';
  return MARKS[verdict];
}

/** A cell's lines, each as wide as the cell. Empty: not measured. */
function formatCell(
  finding: StageFinding | undefined,
  width: number,
): string[] {
  if (!finding) return [];
  const lines = wrap(finding.figure, width - 3).map((line, index) => {
    const mark = index === 0 ? markOf(finding) : ' ';
    return `${mark} ${line}`.padEnd(width);
  });
  if (finding.asPromised === false)
    return lines.map((line) => chalk.bgRed(line));
  return lines.map((line) => paint(finding.verdict, line));
}

function besideEachOther(cells: string[][], width: number): string[] {
  const height = Math.max(...cells.map((cell) => cell.length));
  const blank = ' '.repeat(width);
  return Array.from({ length: height }, (_, index) =>
    cells
      .map((cell) => cell[index] ?? blank)
      .join('')
      .trimEnd(),
  );
}
