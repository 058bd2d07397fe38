/**
 * A vitest reporter: at the end of a run, the stages and what was measured in
 * each of them, as a table and, for other programs, in build/stages.json.
 *
 * A figure that was not measured in this run is not there.
 */
import { writeFileSync } from 'node:fs';
import chalk from 'chalk';
import type { Reporter, TestModule } from 'vitest/node';
import { EXPERIMENTS, SYMPTOMS } from '../../tools/experiments';
import { MARKS, paint } from '../../tools/experiments/colours';
import type { StageFinding } from './promises';
import { STAGE_NAMES } from './server';

const JSON_FILE = 'build/stages.json';

export default class StageTable implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap(({ children }) => [...children.allTests()]);
    const findings = tests.flatMap((test) => test.meta().finding ?? []);
    writeFileSync(JSON_FILE, `${JSON.stringify(findings, null, 2)}\n`);
    if (findings.length > 0) console.log(`\n${formatTable(findings)}\n`);
  }
}

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
  return lines.join('\n');
}

/** A cell's lines, each as wide as the cell. Empty: not measured. */
function formatCell(
  finding: StageFinding | undefined,
  width: number,
): string[] {
  if (!finding) return [];
  const { verdict, figure } = finding;
  const lines = wrap(figure, width - 3).map((line, index) => {
    const mark = index === 0 ? MARKS[verdict] : ' ';
    return `${mark} ${line}`.padEnd(width);
  });
  return lines.map((line) => paint(verdict, line));
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

/** Breaks a text between words. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    const longer = `${last} ${word}`;
    if (last === undefined || longer.length > width) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}
