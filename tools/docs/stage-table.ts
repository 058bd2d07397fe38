/**
 * The table of README.md: what `npm test` has found in each stage, as it has
 * left it in build/stages.json.
 */
import { existsSync, readFileSync } from 'node:fs';
import { MARKS } from '../common/marks';
import type { Symptom } from '../experiments';
import type { Finding } from '../experiments/findings';
import { STAGE_NAMES, type Stage } from '../harness/stages';

export const FINDINGS = 'build/stages.json';

/** How README.md puts the experiments, in the order of its rows. */
const ROWS: Record<Symptom, string> = {
  waiting: 'a client that says nothing',
  hanging: 'the end of the answer',
  descriptors: 'descriptors after 20 requests',
  'open files': '70 requests, 64 descriptors',
  zombies: 'zombies after 20 requests',
  processes: '60 requests, a limit on processes',
  interruption: 'three signals',
  counting: '50 children end at once',
  isolation: 'a process is killed',
  port: 'the port, while children work',
};

type StageFinding = Finding & { stage: Stage; symptom: Symptom };

/** @returns null unless all experiments have been made with all stages */
export function stageTable(): string[] | null {
  if (!existsSync(FINDINGS)) return null;
  const findings: StageFinding[] = JSON.parse(readFileSync(FINDINGS, 'utf8'));
  const rows = Object.entries(ROWS).map(([symptom, words]) => {
    const cells = STAGE_NAMES.map((stage) =>
      findings.find((one) => one.symptom === symptom && one.stage === stage),
    );
    const texts = cells.map((cell) =>
      cell ? `${MARKS[cell.verdict]} ${cell.figure}` : '',
    );
    return [words, ...texts];
  });
  if (rows.flat().includes('')) return null;
  const head = ['the experiment', ...STAGE_NAMES];
  const table = [head, head.map(() => '---'), ...rows];
  return table.map((cells) => `| ${cells.join(' | ')} |`);
}

/** The lines of the table in a page: from where, and how many. */
export function findStageTable(lines: string[]): [start: number, size: number] {
  const start = lines.findIndex((line) =>
    line.startsWith('| the experiment |'),
  );
  const size = lines.slice(start).findIndex((line) => !line.startsWith('|'));
  return [start, size];
}
