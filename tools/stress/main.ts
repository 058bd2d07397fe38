/**
 * npm run stress: forks JavaScript many times and looks how each child ended.
 *
 * The process is prepared as a server is. Every hundredth child allocates
 * until V8 has collected garbage three times, and has all of the heap
 * collected at the end, which a heap that was not copied well would not
 * survive. A child that a signal ends, or that does not exit with status 0,
 * is a failure.
 */
import { GCProfiler } from 'node:v8';
import { integer, readFlags } from '#shared/flags';
import { prepareToFork } from '#shared/forking';
import { describeEnding, exitAfter, fork, waitpid } from '#shared/processes';
import { showProgress } from '../common/progress';
import { run } from '../common/run';

const COLLECT_EVERY = 100;
const COLLECTIONS = 3;

const usage = { name: 'stress', summary: 'forks JavaScript many times' };
const { forks } = readFlags(usage, {
  forks: integer('how many children to make', [1, 1_000_000], 20_000),
});

type Ending = ReturnType<typeof waitpid>;

function main(): void {
  prepareToFork({ timeout: 1 });
  const failures: Ending[] = [];
  for (let i = 1; i <= forks; i++) {
    const collects = i % COLLECT_EVERY === 0;
    if (collects) showProgress(`${i} of ${forks}`);
    const pid = fork();
    if (pid === 0) exitAfter(collects ? collectGarbage : doLittle);
    const child = waitpid(pid, 0);
    if (describeEnding(child) !== 'exit 0') failures.push(child);
  }
  showProgress('');
  report(failures);
}

function doLittle(): void {
  JSON.parse(JSON.stringify({ sum: [1, 2, 3].reduce((a, b) => a + b) }));
}

/** Fills the young generation with short-lived objects, again and again. */
function collectGarbage(): void {
  const profiler = new GCProfiler();
  profiler.start();
  let kept: object[] = [];
  for (let i = 0; i < 300_000; i++) {
    if (kept.length === 10_000) kept = [];
    kept.push({ i, text: `object ${i}`, list: [i] });
  }
  globalThis.gc?.();
  const { length } = profiler.stop()?.statistics ?? [];
  if (length < COLLECTIONS) throw new Error(`only ${length} collections`);
}

function report(failures: Ending[]): void {
  const killed = failures.filter(({ how }) => how === 'killed').length;
  const collected = Math.floor(forks / COLLECT_EVERY);
  console.log(
    `${forks} children, ${collected} of which collected garbage at least ` +
      `${COLLECTIONS} times: ${killed} killed by a signal, ` +
      `${failures.length - killed} failed otherwise`,
  );
  for (const child of failures.slice(0, 10)) {
    console.log(`  ${describeEnding(child)}`);
  }
  process.exitCode = failures.length > 0 ? 1 : 0;
}

run(usage.name, main);
