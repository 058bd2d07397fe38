/**
 * The pages: what each path answers, the same in every stage.
 */
import { ALLOWED_METHODS, type Rejection, type Request } from './http';
import { RLIMIT_CORE, setrlimit } from './limits';
import { getpid, getppid, sleep } from './processes';
import { kill, signal } from './signals';
import { bothNames, clientsSoFar, formatPair } from './sockets';

/** A status, and a body in one piece or in many. */
export interface Reply {
  status: number;
  body: string | Iterable<Uint8Array>;
}

const PATH = /^\/([^/]*)(?:\/([^/]*))?$/; // a page and its argument
const MAX_SLEEP_SECONDS = 3600;

/**
 * The answer to a request. Takes its time for /sleep, and never returns
 * from /crash.
 *
 * @param client the connection, to tell the reader about it
 */
export function answer(request: Request, client: number): Reply {
  const parts = PATH.exec(request.path);
  if (parts === null) return notFound();
  const [, page, argument = ''] = parts;
  if (page === '' && argument === '') return whoServes(request, client);
  if (page === 'sleep') return sleepFirst(request, client, argument);
  if (page === 'bytes') return manyBytes(argument);
  if (page === 'count' && argument === '') return countClients();
  if (page === 'crash' && argument === '') return crash();
  return notFound();
}

/** The answer to bytes that are no request. */
export function refuse({ status, reason }: Rejection): Reply {
  return { status, body: `${status}: ${reason}\n` };
}

function whoServes({ body }: Request, client: number): Reply {
  const lines = [
    `process     ${getpid()}`,
    `parent      ${getppid()}`,
    `descriptor  ${client}`,
    `connection  ${formatPair(bothNames(client))}`,
  ];
  if (body.length > 0) lines.push(`received    ${body.length} bytes`);
  return { status: 200, body: `${lines.join('\n')}\n` };
}

function sleepFirst(request: Request, client: number, argument: string): Reply {
  const seconds = Number(argument);
  if (!/^\d+(\.\d+)?$/.test(argument) || seconds > MAX_SLEEP_SECONDS) {
    return { status: 404, body: '404: try /sleep/3, up to /sleep/3600\n' };
  }
  sleep(seconds);
  return whoServes(request, client);
}

function manyBytes(argument: string): Reply {
  const count = Number(argument);
  if (!/^\d+$/.test(argument) || !Number.isSafeInteger(count)) {
    return { status: 404, body: '404: try /bytes/1000000\n' };
  }
  return { status: 200, body: repeatLine(count) };
}

const LINE = '0123456789'.repeat(6).concat('012\n'); // 64 bytes
const BLOCK = Buffer.from(LINE.repeat(1024));

/** `count` bytes of text in blocks, none of them made before it is wanted. */
function* repeatLine(count: number): Iterable<Uint8Array> {
  for (let left = count; left > 0; left -= BLOCK.length) {
    yield BLOCK.subarray(0, Math.min(left, BLOCK.length));
  }
}

/** The server's own count, which `npm run bench` compares with the clients'. */
function countClients(): Reply {
  return { status: 200, body: `accepted    ${clientsSoFar()}\n` };
}

/** Dies of SIGSEGV, as of a bad pointer, without leaving a core file. */
function crash(): never {
  setrlimit(RLIMIT_CORE, 0);
  signal('SIGSEGV', 0);
  kill(getpid(), 'SIGSEGV');
  throw new Error('SIGSEGV did not end this process');
}

function notFound(): Reply {
  const paths = ['/', '/sleep/SECONDS', '/bytes/N', '/count', '/crash'].join(
    '  ',
  );
  const methods = ALLOWED_METHODS.join(', ');
  return { status: 404, body: `404: there is ${paths}  (${methods})\n` };
}
