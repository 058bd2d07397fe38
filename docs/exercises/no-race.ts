/**
 * Exercise 9: the reaper's race, without a time limit and without a signal.
 *
 * A descriptor stands for each child. The server waits for its listener and
 * for its children in one call. A signal is over when it has arrived; a
 * descriptor still shows what happened before anybody looked.
 */
import { POLLIN } from '../../shared/libc';
import { poll } from '../../shared/poll';
import { exitAfter, fork, pidfd_open, waitpid } from '../../shared/processes';
import { serveClient } from '../../shared/serve';
import { accept, close, listenOn } from '../../shared/sockets';
import {
  announceListener,
  type ServerOptions,
  start,
} from '../../shared/start';

const NO_LIMIT = -1;

/** The PID of each child, by the descriptor that stands for it. */
const children = new Map<number, number>();

function serve(options: ServerOptions): void {
  const { host, port, backlog, timeout, patience } = options;
  const listener = listenOn({ address: host, port }, backlog, patience);
  announceListener(listener);

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
          serveClient(client, timeout);
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
  const interests = fds.map((fd) => ({ fd, events: POLLIN }));
  const happened = poll(interests, NO_LIMIT);
  return fds.filter((_, i) => happened[i]);
}

/** Collects a child that has ended, and gives its descriptor back. */
function reap(fd: number): void {
  waitpid(children.get(fd) ?? -1, 0);
  children.delete(fd);
  close(fd);
}

start('no-race', 'cannot miss the end of a child', serve);
