/**
 * Makes a moment as long as it has to be: the one between a server's last look
 * for signals and its waiting for a client. Loaded before the server, by
 * `node --require`.
 *
 * The server stops itself whenever it is about to wait on its listener.
 * Whatever arrives until somebody lets it go on arrives in that moment.
 */
import { libc, unobserved } from '#shared/node/libc';
import { getpid } from '#shared/processes';
import { kill } from '#shared/signals';
import { SOL_SOCKET } from '#shared/sockets';

const SO_ACCEPTCONN = 30;
const server = getpid();

for (const name of ['accept', 'poll'] as const) {
  const call = libc[name];
  libc[name] = (...args) => {
    const [first] = args;
    const fds = ArrayBuffer.isView(first)
      ? [...(first as Int32Array)]
      : [first];
    // Not its children, who wait for their clients.
    if (fds.some(isListener) && getpid() === server) kill(server, 'SIGSTOP');
    return call(...args);
  };
}

/** Of the numbers in a struct pollfd, only some are descriptors. */
function isListener(fd: unknown): boolean {
  const value = new Int32Array(1);
  const size = new Int32Array([value.byteLength]);
  const { getsockopt } = unobserved;
  getsockopt(Number(fd), SOL_SOCKET, SO_ACCEPTCONN, value, size);
  return value[0] === 1;
}
