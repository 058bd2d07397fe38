/**
 * Exercise 12: prefork.
 *
 * Two workers, made in advance, accept from the same listener. No fork per
 * request, and never more than two clients at once.
 */
import { startForking } from '#shared/forking';
import { exitAfter, fork, waitpid } from '#shared/processes';
import { serveClient } from '#shared/serve';
import { accept, close, openListener } from '#shared/sockets';
import type { ServerOptions } from '#shared/start';

const WORKERS = 2;

function serve(options: ServerOptions): void {
  const listener = openListener(options);

  for (let running = 0; ; running--) {
    for (; running < WORKERS; running++) {
      if (fork() === 0) exitAfter(() => work(listener, options));
    }
    // A worker never ends by itself. One that was killed is replaced.
    waitpid(-1, 0);
  }
}

/** Part 1, in a child: all workers hold the same listener. */
function work(listener: number, options: ServerOptions): void {
  for (;;) {
    const client = accept(listener);
    serveClient(client, options);
    close(client);
  }
}

startForking('prefork', 'two workers share a listener', serve);
