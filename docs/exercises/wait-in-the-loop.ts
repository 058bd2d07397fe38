/**
 * Exercise 6: wait in the loop.
 *
 * Nothing leaks, and nobody is served at the same time as somebody else: an
 * iterative server that pays for a process.
 */
import { startForking } from '#shared/forking';
import { exitAfter, fork, waitpid } from '#shared/processes';
import { serveClient } from '#shared/serve';
import { accept, close, openListener } from '#shared/sockets';
import type { ServerOptions } from '#shared/start';

function serve(options: ServerOptions): void {
  const listener = openListener(options);

  for (;;) {
    const client = accept(listener);

    const pid = fork();
    if (pid === 0) {
      exitAfter(() => {
        close(listener);
        serveClient(client, options);
        close(client);
      });
    }

    close(client);
    // Blocks until this very child has ended. Others wait in the queue.
    waitpid(pid, 0);
  }
}

startForking('wait-in-the-loop', 'waits for each child at once', serve);
