/**
 * Exercise 6: double fork.
 *
 * The child forks a grandchild and ends. The parent waits for the child, which
 * takes no time. The grandchild serves, as an orphan, and init reaps it.
 */
import { exitAfter, fork, waitpid } from '../../shared/processes';
import { serveClient } from '../../shared/serve';
import { accept, close, listenOn } from '../../shared/sockets';
import {
  announceListener,
  type ServerOptions,
  start,
} from '../../shared/start';

function serve(options: ServerOptions): void {
  const { host, port, backlog, timeout, patience } = options;
  const listener = listenOn({ address: host, port }, backlog, patience);
  announceListener(listener);

  for (;;) {
    const client = accept(listener);

    const pid = fork();
    if (pid === 0) {
      exitAfter(() => {
        close(listener);
        if (fork() !== 0) return;
        exitAfter(() => {
          serveClient(client, timeout);
          close(client);
        });
      });
    }

    close(client);
    waitpid(pid, 0);
  }
}

start('double-fork', 'leaves the reaping to init', serve);
