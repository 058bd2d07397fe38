/**
 * Step b on the way to part 3: wait in a handler.
 *
 * New: a child that ends sends its parent the signal SIGCHLD, and the parent's
 * handler collects the child's exit status.
 *
 *     npm run part3b       then, in another terminal:
 *     curl http://127.0.0.1:8888/
 *
 * What goes wrong with it: docs/3-reaping.md lets you predict it.
 */
import { startForking } from '#shared/forking';
import { exitAfter, fork, WNOHANG, waitpid } from '#shared/processes';
import { serveClient } from '#shared/serve';
import { onSignal } from '#shared/signals';
import { accept, close, openListener } from '#shared/sockets';
import type { ServerOptions } from '#shared/start';

function serve(options: ServerOptions): void {
  onSignal('SIGCHLD', reapChild);
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
  }
}

function reapChild(): void {
  waitpid(-1, WNOHANG);
}

startForking('part3b', 'waits in a SIGCHLD handler', serve);
