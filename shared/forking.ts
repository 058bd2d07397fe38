/**
 * How a server starts that is going to fork.
 */
import type { Flags, Values } from './flags';
import { keepHandlers, prepareChildren } from './node/child';
import { refuse } from './node/requirements';
import { restartWithNodeFlags } from './node/restart';
import { packHeap } from './node/speed/heap';
import { warmUp } from './node/speed/warm-up';
import { _exit, describeEnding, fork, waitpid } from './processes';
import { serveClient } from './serve';
import { close } from './sockets';
import { type ServerOptions, start } from './start';

/**
 * Starts a stage as `start` does, and before it makes Node fit to be forked:
 * without V8's helper threads, with all it needs compiled, and with its memory
 * in order.
 *
 * What that takes stands in node/. All in node/speed/ is for speed alone, and
 * so are all flags in restart.ts but the first two.
 */
export function startForking<F extends Flags>(
  name: string,
  summary: string,
  serve: (options: ServerOptions & Values<F>) => void | Promise<void>,
  flags: F = {} as F,
): void {
  start(name, summary, serve, flags, prepareToFork);
}

/**
 * Makes this process one that can be forked, and forked cheaply. It begins
 * anew with other flags of Node's, so call it before anything else.
 *
 * @param options what children are going to be served with
 * @throws SystemError EMFILE and others, of the calls that it takes
 */
export function prepareToFork(options: { timeout: number }): void {
  restartWithNodeFlags();
  prepareChildren();
  const serve = (client: number) => {
    serveClient(client, options);
    close(client);
  };
  keepHandlers(() => warmUp(serve));
  packHeap();
  tryFork();
}

/** A child that comes to its end: better to know before a client needs it. */
function tryFork(): void {
  const pid = fork();
  // Not just 0: it shall use its heap, which it may not have.
  if (pid === 0) _exit(JSON.parse('0'));
  const child = waitpid(pid, 0);
  if (child.how === 'exited' && child.status === 0) return;
  refuse(`Node cannot be forked here; its child: ${describeEnding(child)}`);
}
