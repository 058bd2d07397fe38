/**
 * Step b on the way to part 3: wait, and be interrupted.
 *
 * New: a child that ends sends its parent the signal SIGCHLD. The handler
 * collects the child's exit status, and the zombie is gone.
 *
 *     npm run part3b       then, in another terminal:
 *     curl http://127.0.0.1:8888/
 *
 * What still goes wrong: the signal finds the parent in accept. The call is
 * interrupted and fails with EINTR, and the server dies of it. The handler gets
 * its turn only then.
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

startForking('part3b', 'waits in a SIGCHLD handler, dies of EINTR', serve);
