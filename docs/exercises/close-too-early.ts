/**
 * Exercise 1: close in the wrong place.
 *
 * The only descriptor of the connection is closed before anybody has read from
 * it. After that, the number means nothing.
 */
import { serveClient } from '#shared/serve';
import { accept, close, openListener } from '#shared/sockets';
import { type ServerOptions, start } from '#shared/start';

function serve(options: ServerOptions): void {
  const listener = openListener(options);

  for (;;) {
    const client = accept(listener);
    close(client);
    serveClient(client, options);
  }
}

start('close-too-early', 'closes before it has served', serve);
