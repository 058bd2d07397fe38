/**
 * A process such as part 3 makes children that do nothing, and says how long
 * each call of fork takes; then it waits to be ended.
 *
 *     node build/tools/bench/twins/forks.js 1000
 */
import { prepareToFork } from '#shared/forking';
import { announce } from '#shared/log';
import { exitAfter, fork, waitpid } from '#shared/processes';
import { poll } from '#shared/sockets';

const count = Number(process.argv[2]);
prepareToFork({ timeout: 1 });

for (let i = 0; i < count; i++) {
  const before = performance.now();
  const pid = fork();
  if (pid === 0) exitAfter(() => {});
  const after = performance.now();
  waitpid(pid, 0);
  announce(`${1000 * (after - before)}`);
}
poll([]);
