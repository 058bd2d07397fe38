/**
 * Step c on the way to part 3: call accept again.
 *
 * New: an interrupted accept is no failure. The handler runs, when the event
 * loop turns (so there is an await now), and the loop goes back to accept.
 *
 *     npm run part3c       then, in another terminal:
 *     curl http://127.0.0.1:8888/
 *
 * What goes wrong with it: docs/3-reaping.md lets you predict it.
 */
import { acceptUnlessInterrupted } from '#shared/accepting';
import { startForking } from '#shared/forking';
import { exitAfter, fork, WNOHANG, waitpid } from '#shared/processes';
import { serveClient } from '#shared/serve';
import { onSignal } from '#shared/signals';
import { close, openListener } from '#shared/sockets';
import type { ServerOptions } from '#shared/start';

async function serve(options: ServerOptions): Promise<void> {
  onSignal('SIGCHLD', reapChild);
  const listener = openListener(options);

  for (;;) {
    const client = await acceptUnlessInterrupted(listener);
    if (client === 'EINTR') continue;

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

startForking('part3c', 'restarts accept, waits once per signal', serve);
