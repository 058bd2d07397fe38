/**
 * Exercise 5: ignore SIGCHLD.
 *
 * A parent that ignores the signal tells the kernel that it does not want to
 * know how its children end. They leave no zombies, and no exit status.
 */
import { exitAfter, fork } from '../../shared/processes';
import { serveClient } from '../../shared/serve';
import { SIG_IGN, signal } from '../../shared/signals';
import { accept, close, listenOn } from '../../shared/sockets';
import {
  announceListener,
  type ServerOptions,
  start,
} from '../../shared/start';

function serve(options: ServerOptions): void {
  const { host, port, backlog, timeout, patience } = options;
  const listener = listenOn({ address: host, port }, backlog, patience);
  signal('SIGCHLD', SIG_IGN);
  announceListener(listener);

  for (;;) {
    // An ignored signal interrupts nothing: no EINTR.
    const client = accept(listener);

    const pid = fork();
    if (pid === 0) {
      exitAfter(() => {
        close(listener);
        serveClient(client, timeout);
        close(client);
      });
    }

    close(client);
  }
}

start('ignore-sigchld', 'lets the kernel reap', serve);
