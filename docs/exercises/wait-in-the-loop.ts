/**
 * Exercise 4: wait in the loop.
 *
 * Nothing leaks, and nobody is served at the same time as somebody else: an
 * iterative server that pays for a process.
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
        serveClient(client, timeout);
        close(client);
      });
    }

    close(client);
    // Blocks until this very child has ended. Others wait in the queue.
    waitpid(pid, 0);
  }
}

start('wait-in-the-loop', 'waits for each child at once', serve);
