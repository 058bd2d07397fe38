/**
 * Exercise 10: ignore SIGCHLD.
 *
 * A parent that ignores the signal tells the kernel that it does not want to
 * know how its children end. They leave no zombies, and no exit status.
 */
import { startForking } from '#shared/forking';
import { exitAfter, fork } from '#shared/processes';
import { serveClient } from '#shared/serve';
import { SIG_IGN, signal } from '#shared/signals';
import { accept, close, openListener } from '#shared/sockets';
import type { ServerOptions } from '#shared/start';

function serve(options: ServerOptions): void {
  signal('SIGCHLD', SIG_IGN);
  const listener = openListener(options);

  for (;;) {
    // An ignored signal interrupts nothing: no EINTR.
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

startForking('ignore-sigchld', 'lets the kernel reap', serve);
