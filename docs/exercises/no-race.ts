/**
 * Exercise 8: the reaper's race, without a time limit and without a signal.
 *
 * A descriptor stands for each child. The server waits for its listener and
 * for its children in one call. A signal is over when it has arrived; a
 * descriptor still shows what happened before anybody looked.
 */
import { startForking } from '#shared/forking';
import { exitAfter, fork, pidfd_open, waitpid } from '#shared/processes';
import { serveClient } from '#shared/serve';
import { accept, close, openListener, POLLIN, poll } from '#shared/sockets';
import type { ServerOptions } from '#shared/start';

/** The PID of each child, by the descriptor that stands for it. */
const children = new Map<number, number>();

function serve(options: ServerOptions): void {
  const listener = openListener(options);

  for (;;) {
    for (const fd of readable([listener, ...children.keys()])) {
      if (fd !== listener) {
        reap(fd);
        continue;
      }

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
      // If it has ended by now, the next look will show it.
      children.set(pidfd_open(pid), pid);
    }
  }
}

/** Waits until there is something to see on some of the descriptors. */
function readable(fds: number[]): number[] {
  const happened = poll(fds.map((fd) => [fd, POLLIN]));
  return fds.filter((_, i) => happened[i]);
}

/** Collects a child that has ended, and gives its descriptor back. */
function reap(fd: number): void {
  waitpid(children.get(fd) ?? -1, 0);
  children.delete(fd);
  close(fd);
}

startForking('no-race', 'cannot miss the end of a child', serve);
