/**
 * Exercise 4: say how long it is.
 *
 * Part 2, and one line more in the head: Content-Length. A client that knows
 * the length need not wait for the end of the connection, which the parent
 * still holds.
 */
import { startForking } from '#shared/forking';
import { formatHead } from '#shared/http';
import { exitAfter, fork, getpid } from '#shared/processes';
import { accept, close, openListener, read, writeAll } from '#shared/sockets';
import type { ServerOptions } from '#shared/start';

function serve(options: ServerOptions): void {
  const listener = openListener(options);

  for (;;) {
    const client = accept(listener);

    const pid = fork();
    if (pid === 0) {
      exitAfter(() => {
        close(listener);
        serveWithLength(client);
        close(client);
      });
    }
  }
}

const request = Buffer.alloc(8_192);

/** Whatever a client asks, in one piece, it gets this page. */
function serveWithLength(client: number): void {
  read(client, request);
  const body = `process     ${getpid()}\n`;
  const length = `Content-Length: ${Buffer.byteLength(body)}\r\n`;
  const head = formatHead(200).replace(/(?=\r\n$)/, length);
  writeAll(client, Buffer.from(head + body));
}

startForking('content-length', 'part 2 that says how long it is', serve);
