/**
 * Exercise 5: without a terminal.
 *
 * Step a, and it lets go of what it was started with. 0, 1 and 2 stay taken, so
 * that no socket gets a number that others write to.
 */
import { openSync } from 'node:fs';
import { startForking } from '#shared/forking';
import { exitAfter, fork } from '#shared/processes';
import { serveClient } from '#shared/serve';
import { accept, close, openListener } from '#shared/sockets';
import type { ServerOptions } from '#shared/start';

function serve(options: ServerOptions): void {
  for (const fd of [0, 1, 2]) {
    close(fd);
    // It gets the lowest free number, which is the one just given back.
    openSync('/dev/null', 'r+');
  }
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

startForking('without-a-terminal', 'holds nothing it was started with', serve);
