/**
 * What a request costs a server that forks: where the processor's time goes,
 * in parent and child, and what the kernel has to copy.
 *
 * One request at a time, so that nothing waits for anything. Time and page
 * faults are the kernel's own counts, of the parent and of the children that
 * it has waited for. A second program of the same kind makes children that do
 * nothing: what a child costs more than those is its work.
 */
import { mappingsOf } from '#shared/node/memory';
import { Obstacle } from '../common/run';
import { quantile } from '../common/statistics';
import { type Defer, startProgram, withCleanUp } from '../harness/programs';
import { waitFor } from '../harness/wait';
import {
  childrenOf,
  type Process,
  pageTablesOf,
  readProcess,
} from '../kernel/processes';
import { putUnderLoad } from './load';
import { type Contestant, FORK_COUNT, startContestant } from './servers';

/** Of one request. Times are in µs of a processor. */
export interface Costs {
  name: string;
  /** The call of fork, in the parent. */
  fork: number;
  /** All else that the parent does: to accept, to close, to wait. */
  parent: number;
  /** A child that does nothing: its beginning, and its end. */
  child: number;
  /** What a child does in between. */
  work: number;
  parentFaults: number;
  childFaults: number;
  /** How many pieces the parent's memory consists of, see proc_pid_maps(5). */
  mappings: number;
  /** How large its page tables are, in kB. */
  tables: number;
}

/** The first requests find things that have yet to be loaded. */
const FIRST = 100;

/**
 * Measures a server that can be had and that forks.
 *
 * @param requests how many are asked for
 */
export function measureCosts(
  contestant: Contestant & Required<Pick<Contestant, 'forks'>>,
  requests: number,
): Promise<Costs> {
  return withCleanUp(async (defer) => {
    const { name, command } = contestant.forks;
    const bare = await timeForks(command, defer);
    const { pid, port, stop } = await startContestant(contestant);
    defer(stop);
    await askOneAtATime(port, FIRST);
    const before = await lookAt(pid);
    await askOneAtATime(port, requests);
    const after = await lookAt(pid);
    const each = (key: 'cpu' | 'childCpu' | 'faults' | 'childFaults') =>
      (after[key] - before[key]) / requests;
    return {
      name,
      fork: bare.fork,
      parent: Math.max(0, 1e6 * each('cpu') - bare.fork),
      child: bare.child,
      work: Math.max(0, 1e6 * each('childCpu') - bare.child),
      parentFaults: each('faults'),
      childFaults: each('childFaults'),
      mappings: mappingsOf(pid).length,
      tables: pageTablesOf(pid) ?? 0,
    };
  });
}

/** In µs: the call of fork, and all that a child costs that does nothing. */
async function timeForks(command: string[], defer: Defer) {
  const program = startProgram(command, defer);
  const lines = () => program.output().split('\n').slice(0, -1);
  await waitFor('all forks are timed', () => {
    if (program.exit()) throw new Obstacle(`it does not fork: ${lines()[0]}`);
    return lines().length >= FORK_COUNT;
  });
  const { childCpu } = await lookAt(program.pid);
  const fork = quantile(lines().map(Number), 0.5);
  return { fork, child: (1e6 * childCpu) / FORK_COUNT };
}

/** What the kernel has counted when no child is left. */
async function lookAt(pid: number): Promise<Process> {
  await waitFor('no child is left', () => childrenOf(pid).length === 0);
  return waitFor('it can be looked at', () => readProcess(pid));
}

async function askOneAtATime(port: number, most: number): Promise<void> {
  const load = { port, path: '/', connections: 1, seconds: 60, most };
  const { errors, why } = await putUnderLoad({ ...load, ends: 'server' });
  if (errors > 0) throw new Obstacle(`${errors} × ${why}`);
}
