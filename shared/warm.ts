/**
 * Warming up: why a child does not begin by compiling JavaScript.
 */
import { check, libc } from './libc';
import { rehearse } from './processes';
import { serveClient } from './serve';
import {
  close,
  connect,
  getsockname,
  listenOn,
  read,
  socket,
  writeAll,
} from './sockets';

// V8 compiles a function when it is first called, and learns during the next
// calls which types it meets.
const ROUNDS = 20;
const REQUEST = Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');

/**
 * Serves a client that this process itself plays, over and over, before the
 * first fork. A fork copies the heap, compiled functions included. Without
 * this, every child would compile the whole handler anew for its one client,
 * and throw it away. Call it before the log is on.
 *
 * @throws SystemError EMFILE, ENFILE
 */
export function warmUp(): void {
  const listener = listenOn({ address: '127.0.0.1', port: 0 }, ROUNDS);
  const name = getsockname(listener);
  const answer = Buffer.alloc(1024);
  for (let round = 0; round < ROUNDS; round++) {
    const client = socket();
    connect(client, name);
    writeAll(client, REQUEST);
    // Not our `accept`: nobody has to count this one.
    const server = check(libc.accept(listener, null, null), 'accept');
    rehearse(() => {
      serveClient(server, 1);
      close(server);
    });
    read(client, answer);
    close(client);
  }
  close(listener);
}
