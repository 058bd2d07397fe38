/**
 * Runs the tests: all, those of files, or those of stages.
 *
 *     npm test
 *     npm test -- part2 part3      what concerns these stages
 *     npm test -- zombies          tests/zombies.test.ts
 *
 * All other arguments are for vitest.
 */
import { spawnSync } from 'node:child_process';

const STAGE = /^part(1|2|3|3[abc])$/;

const args = process.argv.slice(2);
const stages = args.filter((arg) => STAGE.test(arg));
const others = args.filter((arg) => !STAGE.test(arg));
// Names of tests contain the stages': part2, or "part 2" in a sentence.
const names = stages.map((stage) => stage.replace('part', 'part ?'));
const filter = stages.length > 0 ? ['-t', `\\b(${names.join('|')})\\b`] : [];

// npm puts the programs of node_modules on the path.
const { status } = spawnSync('vitest', ['run', ...filter, ...others], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
