/**
 * Exercise 3: the child keeps the listener.
 *
 * Step a, less one close. All seems well until the parent ends before a child:
 * then the port stays taken, and nobody accepts.
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
        serveClient(client, options);
        close(client);
      });
    }

    close(client);
  }
}

startForking('keep-the-listener', 'its children keep the port', serve);
