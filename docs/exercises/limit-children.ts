/**
 * Exercise 8: a limit on children.
 *
 * At the limit, the parent waits until a child has ended before it accepts
 * anybody. Meanwhile clients wait in the accept queue.
 */
import { exitAfter, fork, WNOHANG, waitpid } from '../../shared/processes';
import { serveClient } from '../../shared/serve';
import { accept, close, listenOn } from '../../shared/sockets';
import {
  announceListener,
  type ServerOptions,
  start,
} from '../../shared/start';

const MAX_CHILDREN = 8;

function serve(options: ServerOptions): void {
  const { host, port, backlog, timeout, patience } = options;
  const listener = listenOn({ address: host, port }, backlog, patience);
  announceListener(listener);

  let children = 0;
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
    children += 1;
    // Those that have ended by now; at the limit, at least one.
    const wait = () => (children < MAX_CHILDREN ? WNOHANG : 0);
    while (waitpid(-1, wait()).pid > 0) children -= 1;
  }
}

start('limit-children', 'never has more than eight children', serve);
