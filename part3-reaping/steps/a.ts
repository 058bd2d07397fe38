/**
 * Step a on the way to part 3: close, but never wait.
 *
 * New: the parent closes its copy of every connection.
 *
 *     npm run part3a       then, in another terminal:
 *     curl http://127.0.0.1:8888/
 *
 * What goes wrong with it: docs/3-reaping.md lets you predict it.
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

    const pid = fork();
    if (pid === 0) {
      exitAfter(() => {
        close(listener);
        serveClient(client, options);
        close(client);
      });
    }

    // Both processes hold this connection now. If the parent kept its copy,
    // the client would never see end-of-file, however politely the child
    // left.
    close(client);
  }
}

startForking('part3a', 'closes its copies, never waits for a child', serve);
