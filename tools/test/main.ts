/**
 * Runs the tests: first the experiments on the stages, and their table; then
 * the rest, with vitest.
 *
 *     npm test
 *     npm test -- part2 part3      what concerns these stages
 *     npm test -- tools/watch      the files whose names contain this
 *
 * All other arguments are for vitest.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { showProgress } from '../common/progress';
import { run } from '../common/run';
import { adoptOrphans } from '../harness/orphans';
import { compile, STAGE_NAMES, STAGES, type Stage } from '../harness/stages';
import { examineStages } from './measure';
import { formatTable } from './table';

const FINDINGS = 'build/stages.json';

const args = process.argv.slice(2);
const chosen = args.filter((arg) => Object.hasOwn(STAGES, arg)) as Stage[];
const others = args.filter((arg) => !Object.hasOwn(STAGES, arg));

async function main(): Promise<void> {
  adoptOrphans();
  compile(STAGES.part1); // and with it everything else
  // Whoever names files wants those, not the table.
  const stages = args.length === 0 ? STAGE_NAMES : chosen;
  const broken = stages.length > 0 && !(await showTable(stages));
  const failed = runVitest() !== 0;
  process.exitCode = broken || failed ? 1 : 0;
}

/** @returns whether every stage does what it promises */
async function showTable(stages: readonly Stage[]): Promise<boolean> {
  console.log('The stages, and what the kernel says about them:\n');
  const findings = await examineStages(stages, (done, all) =>
    showProgress(`${done} of ${all} experiments`),
  );
  showProgress('');
  console.log(formatTable(findings));
  const broken = findings.filter(({ asPromised }) => asPromised === false);
  for (const { stage, symptom, figure, evidence } of broken) {
    console.log(`\n! ${stage}, ${symptom}: ${figure}`);
    for (const line of evidence) console.log(`  ${line}`);
  }
  const kept = findings.length - broken.length;
  console.log(`\n${kept} of ${findings.length} promises are kept.\n`);
  mkdirSync('build', { recursive: true });
  writeFileSync(FINDINGS, `${JSON.stringify(findings, null, 2)}\n`);
  return broken.length === 0;
}

function runVitest(): number {
  // Tests about one stage lie in files that bear its name, and in two that
  // ask which stages have been chosen.
  const files = chosen.map((stage) => `tests/stages/${stage}`);
  if (files.length > 0) files.push('tests/stages/every', 'tests/stages/labs');
  const { status } = spawnSync(
    'node_modules/.bin/vitest',
    ['run', ...files, ...others],
    { stdio: 'inherit', env: { ...process.env, STAGES: chosen.join(' ') } },
  );
  return status ?? 1;
}

run('test', main);
