/**
 * Part 1: the iterative server.
 *
 * One process, one loop: take a client from the queue, serve it, take the
 * next one.
 *
 *     npm run part1        then, in another terminal:
 *     curl http://127.0.0.1:8888/
 *
 * What goes wrong with it: docs/1-iterative.md lets you predict it.
 */
import { serveClient } from '#shared/serve';
import { accept, close, openListener } from '#shared/sockets';
import { type ServerOptions, start } from '#shared/start';

function serve(options: ServerOptions): void {
  const listener = openListener(options);

  for (;;) {
    // No bytes ever pass through the listener. Each connection gets a
    // descriptor of its own.
    const client = accept(listener);

    // Whoever connects meanwhile waits in the kernel's queue.
    serveClient(client, options);

    // The only descriptor of this connection: closing it sends the FIN that
    // tells the client the answer is complete.
    close(client);
  }
}

start('part1', 'an iterative server, one client after the other', serve);
