/**
 * Exercise 7: prefork.
 *
 * Two workers, made in advance, accept from the same listener. No fork per
 * request, and never more than two clients at once.
 */
import { exitAfter, fork, waitpid } from '../../shared/processes';
import { serveClient } from '../../shared/serve';
import { accept, close, listenOn } from '../../shared/sockets';
import {
  announceListener,
  type ServerOptions,
  start,
} from '../../shared/start';

const WORKERS = 2;

function serve(options: ServerOptions): void {
  const { host, port, backlog, timeout, patience } = options;
  const listener = listenOn({ address: host, port }, backlog, patience);
  announceListener(listener);

  for (let running = 0; ; running--) {
    for (; running < WORKERS; running++) {
      if (fork() === 0) exitAfter(() => work(listener, timeout));
    }
    // A worker never ends by itself. One that was killed is replaced.
    waitpid(-1, 0);
  }
}

/** Part 1, in a child: all workers hold the same listener. */
function work(listener: number, timeout: number): void {
  for (;;) {
    const client = accept(listener);
    serveClient(client, timeout);
    close(client);
  }
}

start('prefork', 'two workers share a listener', serve);
