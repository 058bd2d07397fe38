/**
 * The same pages from Node's own `http`: one process, one event loop, no
 * fork. A yardstick of `npm run bench`.
 *
 *     node build/tools/bench/twins/http.js PORT close|keep-alive
 *
 * `close` ends each connection after one answer, as the stages do.
 */
import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const BACKLOG = 4096;
const [port, mode] = process.argv.slice(2);
if (!/^\d+$/.test(port ?? '') || !/^(close|keep-alive)$/.test(mode ?? '')) {
  console.error('usage: http.js PORT close|keep-alive');
  process.exit(2);
}

const server = createServer(serve);
// By default Node closes a connection that is idle for five seconds, and a
// request that is on its way just then is lost.
server.keepAliveTimeout = 0;
server.listen(Number(port), '127.0.0.1', BACKLOG, () => {
  const { port } = server.address() as AddressInfo;
  console.log(`http listens on http://127.0.0.1:${port}/, PID ${process.pid}`);
});

/** Requests, since with keep-alive there are more of them than connections. */
let accepted = 0;

async function serve(request: IncomingMessage, response: ServerResponse) {
  accepted += 1;
  const [, page, argument] = request.url?.split('/') ?? [];
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  if (mode === 'close') closeAfter(response);
  if (page === 'sleep') await pause(Number(argument) * 1000);
  if (page === 'count') response.end(`accepted    ${accepted}\n`);
  else if (page === '' || page === 'sleep') response.end(whoServes(request));
  else response.writeHead(404).end('404\n');
}

/** No length and no chunks: the end of the connection ends the answer. */
function closeAfter(response: ServerResponse): void {
  response.setHeader('Connection', 'close');
  response.useChunkedEncodingByDefault = false;
  response.removeHeader('Content-Length');
}

function whoServes({ socket }: IncomingMessage): string {
  // Node has no public name for the descriptor.
  const { fd } = (socket as Socket & { _handle: { fd: number } })._handle;
  const local = `${socket.localAddress}:${socket.localPort}`;
  const remote = `${socket.remoteAddress}:${socket.remotePort}`;
  return (
    `process     ${process.pid}\nparent      ${process.ppid}\n` +
    `descriptor  ${fd}\nconnection  ${local} ⇄ ${remote}\n`
  );
}
