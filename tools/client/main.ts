/**
 * The client: `socket`, `connect`, a request, and then waiting for the end.
 *
 *     npm run client
 *     npm run client -- --clients 300
 *
 * The connections are made of the same system calls as the servers. A client
 * has an answer when bytes have come; it knows that the answer is complete
 * only when end-of-file comes, which is the server's FIN.
 */
import { address, integer, readFlags, seconds, toggle } from '#shared/flags';
import { handleSignals, onSignal } from '#shared/signals';
import type { Address } from '#shared/sockets';
import { word } from '../common/flags';
import { run } from '../common/run';
import {
  advance,
  type Connection,
  getRequest,
  isOpen,
  type Manner,
  openConnection,
} from '../harness/connections';
import { summary, tellCounts, tellSteps } from './report';

const USAGE = {
  name: 'client',
  summary: 'connects to a server, asks, and waits for end-of-file',
};
const A_PATH = 'a path such as /sleep/3';
const FLAGS = {
  port: integer("the server's port", [1, 65_535], 8888),
  host: address("the server's IPv4 address"),
  path: word('PATH', 'what to ask for', A_PATH, '/', /^\/[\x21-\x7e]*$/),
  clients: integer('how many at once', [1, 10_000], 1),
  slow: toggle('say one byte every 0.1 s'),
  silent: toggle('connect, and say nothing'),
  abort: toggle('leave without waiting for the answer'),
  keepOpen: toggle('stay connected after end-of-file, until time is over'),
  timeout: seconds('how long to stay at most', [0.1, 3600], 12),
};
type Wishes = ReturnType<typeof readFlags<typeof FLAGS>>;

const SLOW_BYTE_MS = 100;
const TICK_MS = 50;
/** Up to so many clients are told of one by one. */
const FEW = 8;

async function main(options: Wishes): Promise<void> {
  onSignal('SIGINT', stop);
  onSignal('SIGTERM', stop);
  const tell = options.clients > FEW ? tellCounts : tellSteps;

  const connections = openAll(options);
  const deadline = performance.now() + options.timeout * 1000;
  while (!stopped && performance.now() < deadline) {
    tell(connections);
    if (!connections.some(isOpen)) break;
    advance(connections, Math.min(TICK_MS, deadline - performance.now()));
    await handleSignals();
  }

  console.log(['', ...summary(connections)].join('\n'));
  process.exitCode = connections.every(isContent) ? 0 : 1;
}

function openAll(options: Wishes): Connection[] {
  const server = { address: options.host, port: options.port };
  const manner = mannerOf(options, server);
  const connections: Connection[] = [];
  while (connections.length < options.clients) {
    connections.push(openConnection(server, manner));
    // Those that are through do not wait until the last one has begun.
    if (connections.length % 16 === 0) advance(connections, 0);
  }
  return connections;
}

function mannerOf(options: Wishes, server: Address): Manner {
  const request = getRequest(options.path, server);
  return {
    request: options.silent ? Buffer.alloc(0) : request,
    byteEveryMs: options.slow ? SLOW_BYTE_MS : 0,
    leaves: options.abort,
    staysOpen: options.keepOpen,
  };
}

/** It got its end-of-file, or went of its own accord. */
function isContent({ state }: Connection): boolean {
  return state === 'ended' || state === 'left';
}

let stopped = false;

function stop(): void {
  stopped = true;
}

const options = readFlags(USAGE, FLAGS);
run(USAGE.name, () => main(options));
