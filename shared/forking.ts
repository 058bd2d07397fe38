/**
 * How a server starts that is going to fork.
 */
import type { Flags, Values } from '#shared/flags';
import { prepareChildren } from '#shared/node/children';
import { packHeap } from '#shared/node/heap';
import { refuse } from '#shared/node/requirements';
import { restartWithNodeFlags } from '#shared/node/restart';
import { warmUp } from '#shared/node/warm-up';
import { _exit, fork, inWords, rehearse, waitpid } from '#shared/processes';
import { serveClient } from '#shared/serve';
import { close } from '#shared/sockets';
import { type ServerOptions, start } from '#shared/start';

/**
 * Starts a stage as `start` does, and before it makes Node fit to be forked:
 * with one thread, with all it needs compiled, and with its memory in order.
 * What that takes stands in node/.
 */
export function startForking<F extends Flags>(
  name: string,
  summary: string,
  serve: (options: ServerOptions & Values<F>) => void | Promise<void>,
  flags: F = {} as F,
): void {
  start(name, summary, serve, flags, prepareToFork);
}

// With fields as real clients send them. Even a string's length matters: a
// piece of 13 characters or more is, to V8, of another type than a short one.
const request = Buffer.from(
  'GET / HTTP/1.1\r\nHost: 127.0.0.1:8888\r\nUser-Agent: warm-up\r\n' +
    'Accept: */*\r\nConnection: keep-alive\r\n\r\n',
);

/**
 * Makes this process one that can be forked, and forked cheaply. It begins
 * anew with other flags of Node's, so call it before anything else.
 *
 * @throws SystemError EMFILE and others, of the calls that it takes
 */
export function prepareToFork(): void {
  restartWithNodeFlags();
  prepareChildren();
  warmUp({
    request,
    serve: (client) =>
      rehearse(() => {
        serveClient(client, { timeout: 1 });
        close(client);
      }),
  });
  packHeap();
  tryFork();
}

/** A child that comes to its end: better to know before a client needs it. */
function tryFork(): void {
  const pid = fork();
  if (pid === 0) _exit(JSON.parse('0'));
  const child = waitpid(pid, 0);
  if (child.how === 'exited' && child.status === 0) return;
  refuse(`Node cannot be forked here: a child of it was ${inWords(child)}`);
}
