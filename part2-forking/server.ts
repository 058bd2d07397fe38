/**
 * Part 2: the forking server.
 *
 * New: the parent serves nobody. For each client it forks a child, and the
 * child serves it while the parent is back at accept.
 *
 *     npm run part2        then, in another terminal:
 *     curl http://127.0.0.1:8888/
 *
 * What still goes wrong: curl prints the answer and hangs, since the parent
 * holds the connection too. It never gives a descriptor back, and in the end
 * it gets no more. And nobody collects the children's exit statuses: each
 * stays behind as a zombie, and in the end the user gets no more processes.
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
