/**
 * Serves the site, and the models of a server's family, to this machine alone.
 */
import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { Obstacle } from '../common/run';
import { SITE } from './build';
import { watch } from './live';

type Handler = (
  request: IncomingMessage,
  response: ServerResponse,
  next: () => void,
) => void;

const HEADERS = {
  // The browser, too, sees to it that nothing is asked of anybody else.
  'Content-Security-Policy':
    "default-src 'self' 'unsafe-inline' data:; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  // Tells the page that there are models: elsewhere, it does not ask for any.
  'X-Live': 'yes',
};

/**
 * Serves a site until it is told to stop.
 *
 * @param port 0 for any that is free
 * @param make makes the site; who asks for a page before, waits
 * @throws Obstacle if the port cannot be had, or there is no site
 */
export async function serve(
  folder: string,
  port: number,
  make: (folder: string, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const server = createServer();
  await listen(server, port);
  signal.addEventListener('abort', () => end(server));
  try {
    const site = make(folder, signal).then(() => openSite(folder));
    server.on('request', async (request, response) => {
      const files = await site.catch(() => null);
      // Who has left meanwhile would never be heard to leave.
      if (files && !response.destroyed)
        answer(server, files, request, response);
    });
    await site;
  } catch (error) {
    end(server);
    throw error;
  }
  const address = `http://127.0.0.1:${portOf(server)}`;
  console.log(`The course: ${address}/`);
  console.log(`Your server, live: ${address}/live`);
  console.log('Ctrl-C ends it.');
  await once(server, 'close');
}

async function listen(server: Server, port: number): Promise<void> {
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE') throw error;
    const other = `take another with --port ${port + 1}`;
    throw new Obstacle(`port ${port} is taken (${message}); ${other}`);
  }
}

/** Ends it, with whatever is under way. */
function end(server: Server): void {
  server.close();
  server.closeAllConnections();
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** sirv is installed with what builds the site, so it is not to be imported. */
function openSite(folder: string): Handler {
  const require = createRequire(resolve(SITE, 'package.json'));
  return require('sirv')(folder, { etag: true });
}

function answer(
  server: Server,
  files: Handler,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  for (const [name, value] of Object.entries(HEADERS)) {
    response.setHeader(name, value);
  }
  const [path = '', query] = (request.url ?? '').split('?');
  const port = Number(new URLSearchParams(query).get('port'));
  const refusal = refusalOf(request, portOf(server));
  if (refusal) refuse(response, ...refusal);
  else if (path !== '/live/models') {
    files(request, response, () => miss(request, response));
  } else if (Number.isInteger(port) && port >= 1 && port <= 65_535) {
    stream(request, response, port);
  } else refuse(response, 400, 'a port is a whole number from 1 to 65535');
}

/** Why a request is not answered: the status, and a sentence. */
function refusalOf(
  { method = '', headers }: IncomingMessage,
  port: number,
): [number, string] | null {
  if (!['GET', 'HEAD'].includes(method)) {
    return [405, 'only GET and HEAD are answered: this looks, and never acts'];
  }
  // A page from elsewhere could have its own name lead here (DNS rebinding),
  // and would be shown what runs on this machine.
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  const { host = '', origin } = headers;
  if (!hosts.includes(host)) {
    return [403, `this is ${hosts[0]}, not ${host || 'a server without name'}`];
  }
  if (origin !== undefined && origin !== `http://${host}`) {
    return [403, `pages of ${origin} are shown nothing`];
  }
  return null;
}

function refuse(
  response: ServerResponse,
  status: number,
  sentence: string,
): void {
  response.statusCode = status;
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  if (status === 405) response.setHeader('Allow', 'GET, HEAD');
  response.end(`${sentence}\n`);
}

/** A person gets a way out; a program, one line. */
function miss({ headers }: IncomingMessage, response: ServerResponse): void {
  if (headers.accept?.includes('text/html')) {
    response.writeHead(404, { 'Content-Type': 'text/html; charset=utf-8' });
    response.end(NO_SUCH_PAGE);
  } else refuse(response, 404, 'no such page');
}

const NO_SUCH_PAGE = `<!doctype html>
<html lang="en" style="color-scheme: light dark">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>No such page</title>
<body style="font: 18px/1.6 sans-serif; margin: 15vh 10vw">
<h1>No such page</h1>
<p><a href="/">To the beginning of the course</a>
`;

/** Sends models for as long as somebody listens, see EventSource. */
function stream(
  { method }: IncomingMessage,
  response: ServerResponse,
  port: number,
): void {
  response.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-store',
  });
  if (method === 'HEAD') {
    response.end();
    return;
  }
  const leave = watch(port, (model) =>
    response.write(model ? `data: ${model}\n\n` : ':\n\n'),
  );
  response.on('close', leave);
}
