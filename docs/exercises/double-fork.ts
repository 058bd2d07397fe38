/**
 * Exercise 11: double fork.
 *
 * The child forks a grandchild and ends. The parent waits for the child, which
 * takes no time. The grandchild serves, as an orphan, and init reaps it.
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
        if (fork() !== 0) return;
        exitAfter(() => {
          serveClient(client, options);
          close(client);
        });
      });
    }

    close(client);
    waitpid(pid, 0);
  }
}

startForking('double-fork', 'leaves the reaping to init', serve);
