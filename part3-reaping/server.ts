/**
 * Part 3: the forking server that cleans up.
 *
 * New: the parent waits for every child that has ended, in a loop, and ends
 * in order when it is told to.
 *
 *     npm run part3        then, in another terminal:
 *     curl http://127.0.0.1:8888/
 */
import { exitAfter, fork, waitpid, WNOHANG } from '../shared/processes';
import { serveClient } from '../shared/serve';
import { nextSignal, onSignal } from '../shared/signals';
import {
  acceptOrWake,
  close,
  listenOn,
  setReceiveTimeout,
} from '../shared/sockets';
import { announceListener, type ServerOptions, start } from '../shared/start';

async function serve({
  host,
  port,
  backlog,
  timeout,
}: ServerOptions): Promise<void> {
  const listener = listenOn({ address: host, port }, backlog);
  onSignal('SIGCHLD', wakeUp);
  onSignal('SIGTERM', stop);
  onSignal('SIGINT', stop);
  // A signal that arrives just before accept begins to wait interrupts
  // nothing. It is noticed when accept gives up, half a second later.
  setReceiveTimeout(listener, 0.5);
  announceListener(listener);

  while (!stopping) {
    const client = await acceptOrWake(listener);
    reapChildren();
    if (client === null) continue;

    const pid = fork();
    if (pid === 0) {
      exitAfter(() => {
        close(listener);
        serveClient(client, timeout);
        close(client);
      });
    }

    close(client);
  }

  // No new clients. Those we have get the whole of their answer.
  close(listener);
  while (reapChildren()) await nextSignal();
}

/**
 * Collects every child that has ended.
 *
 * Signals are not counted: ten children may end and ring the bell once. So we
 * ask again until the kernel says that nobody else is waiting.
 *
 * @returns whether there are children left
 */
function reapChildren(): boolean {
  for (;;) {
    const { pid } = waitpid(-1, WNOHANG);
    if (pid <= 0) return pid === 0;
  }
}

/** The signal has done its work by arriving: accept has been interrupted. */
function wakeUp(): void {}

let stopping = false;

function stop(): void {
  stopping = true;
}

start('part3', 'closes its copies and reaps its children', serve);
