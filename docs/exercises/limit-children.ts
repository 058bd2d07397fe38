/**
 * Exercise 7: a limit on children.
 *
 * At the limit, the parent waits until a child has ended before it accepts
 * anybody. Meanwhile clients wait in the accept queue.
 */
import { startForking } from '#shared/forking';
import { exitAfter, fork, WNOHANG, waitpid } from '#shared/processes';
import { serveClient } from '#shared/serve';
import { accept, close, openListener } from '#shared/sockets';
import type { ServerOptions } from '#shared/start';

const MAX_CHILDREN = 8;

function serve(options: ServerOptions): void {
  const listener = openListener(options);

  let children = 0;
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
    children += 1;
    // Those that have ended by now; at the limit, at least one.
    const wait = () => (children < MAX_CHILDREN ? WNOHANG : 0);
    while ('pid' in waitpid(-1, wait())) children -= 1;
  }
}

startForking('limit-children', 'never has more than eight children', serve);
