/**
 * Exercise 9: the reaper's race, without a time limit.
 *
 * Signals are held back except while the server waits. One that arrives at
 * any other time is pending, and ends the next wait at once.
 */
import { ppoll } from '../../shared/poll';
import { exitAfter, fork, WNOHANG, waitpid } from '../../shared/processes';
import { serveClient } from '../../shared/serve';
import { blockSignals, onSignal, restoreSignals } from '../../shared/signals';
import { accept, close, listenOn } from '../../shared/sockets';
import {
  announceListener,
  type ServerOptions,
  start,
} from '../../shared/start';

function serve(options: ServerOptions): void {
  const { host, port, backlog, timeout, patience } = options;
  const listener = listenOn({ address: host, port }, backlog, patience);
  // A signal without a handler would not end any wait.
  onSignal('SIGCHLD', () => {});
  announceListener(listener);

  for (;;) {
    const mask = blockSignals();
    // Whoever ends from here on makes ppoll return.
    reapChildren();
    const ready = ppoll(listener, mask);
    restoreSignals(mask);
    if (!ready) continue;

    const client = accept(listener);
    if (fork() === 0) {
      exitAfter(() => {
        close(listener);
        serveClient(client, timeout);
        close(client);
      });
    }
    close(client);
  }
}

function reapChildren(): void {
  while (waitpid(-1, WNOHANG).pid > 0);
}

start('no-race', 'cannot miss the end of a child', serve);
