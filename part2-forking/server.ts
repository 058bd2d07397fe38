/**
 * Part 2: the forking server.
 *
 * New: the parent serves nobody. For each client it forks a child, and the
 * child serves it while the parent is back at accept.
 *
 *     npm run part2        then, in another terminal:
 *     curl http://127.0.0.1:8888/
 *
 * What goes wrong with it: docs/2-forking.md lets you predict it.
 */
import { startForking } from '#shared/forking';
import { exitAfter, fork } from '#shared/processes';
import { serveClient } from '#shared/serve';
import { accept, close, openListener } from '#shared/sockets';
import type { ServerOptions } from '#shared/start';

function serve(options: ServerOptions): void {
  const listener = openListener(options);

  for (;;) {
    const client = accept(listener);

    // Called once, returns twice: 0 in the child, the child's PID in the
    // parent. Both go on here, and both hold the listener and the client.
    const pid = fork();
    if (pid === 0) {
      exitAfter(() => {
        // The child only serves its client, and ends here. It has no use for
        // the listener.
        close(listener);
        serveClient(client, options);
        close(client);
      });
    }
  }
}

startForking('part2', 'a forking server, one child per request', serve);
