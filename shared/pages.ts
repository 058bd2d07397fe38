/**
 * The pages: what each path answers, the same in every stage.
 */
import { ALLOWED_METHODS, type Request, type Status } from './http';
import { getpid, getppid } from './processes';
import { RLIMIT_CORE, setrlimit } from './rlimits';
import { kill, SIG_DFL, signal } from './signals';
import { clientsSoFar, formatPair, getpeername, getsockname } from './sockets';

/** What a client is sent. */
export interface Reply {
  status: Status;
  /** Makes the body, in one piece or in many. Called when it is time. */
  body: () => string | Iterable<Uint8Array>;
  /** For how many seconds the client is kept waiting. */
  delay?: number;
}

/** What a page knows of the request it answers. */
interface Visit {
  request: Request;
  /** The connection, to tell the reader about it. */
  client: number;
  /** What follows the page's name, or nothing. */
  argument: string;
}

interface Page {
  name: string;
  /** What its argument is called, if it takes one. */
  argument?: string;
  reply: (visit: Visit) => Reply;
}

const PAGES: readonly Page[] = [
  { name: '', reply: whoServes },
  { name: 'sleep', argument: 'SECONDS', reply: sleepFirst },
  { name: 'bytes', argument: 'N', reply: manyBytes },
  { name: 'count', reply: countClients },
  { name: 'crash', reply: crash },
];

const PATH = /^\/([^/]*)(?:\/([^/]*))?$/; // a page and its argument
const MAX_SLEEP_SECONDS = 3600;

/** The answer to a request. Never returns from /crash. */
export function answer(request: Request, client: number): Reply {
  const [, name, argument = ''] = PATH.exec(request.path) ?? [];
  const page = PAGES.find((page) => page.name === name);
  if (!page || (argument !== '' && !page.argument)) return notFound();
  return page.reply({ request, client, argument });
}

/** The answer that says why there is none. */
export function refusal(status: Status, reason: string): Reply {
  return { status, body: () => `${status}: ${reason}\n` };
}

function notFound(): Reply {
  const paths = PAGES.map(({ name, argument }) =>
    argument ? `/${name}/${argument}` : `/${name}`,
  );
  const methods = ALLOWED_METHODS.join(', ');
  return refusal(404, `there is ${paths.join('  ')}  (${methods})`);
}

function whoServes({ request, client }: Visit): Reply {
  const body = () => {
    const pair = { local: getsockname(client), remote: getpeername(client) };
    const lines = [
      `process     ${getpid()}`,
      `parent      ${getppid()}`,
      `descriptor  ${client}`,
      `connection  ${formatPair(pair)}`,
    ];
    const { length } = request.body;
    if (length > 0) lines.push(`received    ${length} bytes`);
    return `${lines.join('\n')}\n`;
  };
  return { status: 200, body };
}

function sleepFirst(visit: Visit): Reply {
  const seconds = Number(visit.argument);
  if (!/^\d+(\.\d+)?$/.test(visit.argument) || seconds > MAX_SLEEP_SECONDS) {
    return refusal(404, 'try /sleep/3, up to /sleep/3600');
  }
  return { ...whoServes(visit), delay: seconds };
}

function manyBytes({ argument }: Visit): Reply {
  const count = Number(argument);
  if (!/^\d+$/.test(argument) || !Number.isSafeInteger(count)) {
    return refusal(404, 'try /bytes/1000000');
  }
  return { status: 200, body: () => repeatLine(count) };
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
  return { status: 200, body: () => `accepted    ${clientsSoFar()}\n` };
}

/** Dies of SIGSEGV, as of a bad pointer, without leaving a core file. */
function crash(): never {
  setrlimit(RLIMIT_CORE, 0);
  signal('SIGSEGV', SIG_DFL);
  kill(getpid(), 'SIGSEGV');
  throw new Error('SIGSEGV did not end this process');
}
