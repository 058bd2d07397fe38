/**
 * What the client prints: each step while there are few connections, counts
 * when there are many, and a summary.
 */
import chalk from 'chalk';
import { describeErrno, type SystemError } from '#shared/node/libc';
import { formatAddress, formatPair } from '#shared/sockets';
import { printable } from '#shared/text';
import { count, countEach, formatTime, listSome } from '../common/words';
import {
  age,
  type Connection,
  isOpen,
  isUnfinished,
  statusLine,
} from '../harness/connections';

const TIME_WIDTH = 8;
const MARGIN = ' '.repeat(TIME_WIDTH + 2);

const told = new WeakMap<Connection, number>();

/** A line for each step that has been taken since the last call. */
export function tellSteps(connections: Connection[]): void {
  connections.forEach((connection, i) => {
    const who = connections.length > 1 ? `client ${i + 1}: ` : '';
    const steps = stepsOf(connection, connections.length === 1);
    for (const [after, text] of steps.slice(told.get(connection))) {
      const [first, ...more] = text.split('\n');
      console.log(`${formatTime(after).padStart(TIME_WIDTH)}  ${who}${first}`);
      for (const line of more) console.log(`${MARGIN}${line}`);
    }
    told.set(connection, steps.length);
  });
}

/** In the order of time, so that a new step is always the last. */
function stepsOf(
  connection: Connection,
  alone: boolean,
): [after: number, text: string][] {
  const { connectedAfter, answeredAfter, endedAfter } = connection;
  const steps: [number | null, string][] = [
    [connectedAfter, `connected: ${formatPair(connection)}`],
    [answeredAfter, `an answer: ${answer(connection, alone)}`],
    [endedAfter, ending(connection)],
    ...longWaits(connection),
  ];
  return steps
    .filter((step): step is [number, string] => step[0] !== null)
    .sort(([a], [b]) => a - b);
}

const LONG_WAIT_MS = 1_000;
const SHOWN_LINES = 12;

/** The first line; for a client that is alone, the page as well. */
function answer(connection: Connection, alone: boolean): string {
  const status = printable(statusLine(connection));
  if (!alone) return status;
  const [, page = ''] = connection.beginning.toString().split('\r\n\r\n');
  const lines = page.trimEnd().split('\n').slice(0, SHOWN_LINES);
  return [status, ...lines.map(printable)].join('\n');
}

/** What it has waited for so long that it is worth a line. */
function longWaits(connection: Connection): [after: number, text: string][] {
  const { connectedAfter, answeredAfter, endedAfter } = connection;
  const waits: [since: number | null, until: number | null, what: string][] = [
    [0, connectedAfter, 'a place in the queue'],
    [connectedAfter, answeredAfter, 'an answer'],
    [answeredAfter, endedAfter, 'end-of-file'],
  ];
  const latest = endedAfter ?? age(connection);
  return waits.flatMap(([since, until, what]) => {
    if (since === null) return [];
    const due = since + LONG_WAIT_MS;
    if ((until ?? latest) < due) return [];
    return [[due, `still waits for ${what}`]];
  });
}

function ending({ state, bytes, error, manner }: Connection): string {
  if (state === 'left') return 'left without waiting for the answer';
  if (state === 'failed') return `failed: ${error?.message}`;
  const stays = manner.staysOpen
    ? ': stays connected until its time is over'
    : '';
  return `end-of-file, after ${count(bytes, 'byte')}${stays}`;
}

const COUNTS_EVERY_MS = 1_000;
let countsDue = 0;

/** A line a second, how far all of them are; on a terminal always the same. */
export function tellCounts(connections: Connection[]): void {
  const now = performance.now();
  const finished = !connections.some(isUnfinished);
  if (now < countsDue && !finished) return;
  countsDue = now + COUNTS_EVERY_MS;
  const time = formatTime(now - (connections[0]?.startedAt ?? now));
  const counts = groups(connections).map(
    ({ name, members }) => `${members.length} ${name}`,
  );
  const line = [time.padStart(TIME_WIDTH), ...counts].join('  ');
  process.stdout.write(process.stdout.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
}

interface Group {
  name: string;
  members: Connection[];
  /** What there is to say about them in the summary. */
  detail: (members: Connection[]) => string;
}

/** Who has come how far. Whoever has an answer was connected, too. */
function groups(connections: Connection[]): Group[] {
  const all: Group[] = [
    {
      name: 'connected',
      members: connections.filter((c) => c.connectedAfter !== null),
      detail: (members) => times(members.map((c) => c.connectedAfter)),
    },
    {
      name: 'answered',
      members: connections.filter((c) => c.answeredAfter !== null),
      detail: (members) =>
        `${times(members.map((c) => c.answeredAfter))}: ${statuses(members)}`,
    },
    {
      name: 'ended',
      members: connections.filter((c) => c.state === 'ended'),
      detail: (members) => times(members.map((c) => c.endedAfter)),
    },
    {
      name: 'open',
      members: connections.filter((c) => c.state === 'ended' && isOpen(c)),
      detail: (members) =>
        `on the client's side (CLOSE_WAIT): ${ports(members)}`,
    },
    {
      name: 'left',
      members: connections.filter((c) => c.state === 'left'),
      detail: (members) => times(members.map((c) => c.endedAfter)),
    },
    {
      name: 'failed',
      members: connections.filter((c) => c.state === 'failed'),
      detail: (members) => tally(members.map((c) => reasonOf(c.error))),
    },
    {
      name: 'connecting',
      members: connections.filter((c) => c.state === 'connecting'),
      detail: (members) => `no place in the queue yet: ${ports(members)}`,
    },
    {
      name: 'waiting',
      members: connections.filter((c) => c.state === 'waiting'),
      detail: (members) =>
        `for end-of-file, ${times(members.map(age))}: ${ports(members)}`,
    },
  ];
  return all.filter(({ members }) => members.length > 0);
}

/** The last word: how many came how far, how fast, and who still waits. */
export function summary(connections: Connection[]): string[] {
  const [first] = connections;
  if (!first) return [];
  const who = `${count(connections.length, 'client')} of`;
  const ages = connections.map((one) => one.endedAfter ?? age(one));
  const time = formatTime(Math.max(...ages));
  const rows = groups(connections).map(({ name, members, detail }) => {
    const number = String(members.length).padStart(TIME_WIDTH);
    return `${number}  ${name.padEnd(11)} ${detail(members)}`;
  });
  const title = `${who} ${formatAddress(first.remote)}, ${time}`;
  return [title, ...rows, ...whyTheyHang(connections)];
}

/** What an answer without an end means. */
function whyTheyHang(connections: Connection[]): string[] {
  const hanging = connections.filter(
    ({ state, bytes }) => state === 'waiting' && bytes > 0,
  );
  if (hanging.length === 0) return [];
  const who = hanging.length === 1 ? 'It has' : 'They have';
  return [
    chalk.yellow(`${who} an answer but no end-of-file: on the server's side,`),
    chalk.yellow('some process still has the connection open.'),
    'Which one, `npm run watch` shows.',
  ];
}

function times(ms: (number | null)[]): string {
  const sorted = ms.map(Number).sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  if (sorted.length === 1) return `after ${formatTime(median)}`;
  const slowest = sorted.at(-1) ?? 0;
  return `median ${formatTime(median)}, slowest ${formatTime(slowest)}`;
}

/** Without the descriptor that it happened to, so that all are one kind. */
function reasonOf(error: SystemError | null): string {
  return error ? `${error.syscall}: ${describeErrno(error.errno)}` : '';
}

function statuses(connections: Connection[]): string {
  return tally(connections.map((c) => printable(statusLine(c))));
}

/** `300 × HTTP/1.1 200 OK, 2 × …`, the most frequent first. */
function tally(texts: string[]): string {
  const all = countEach(texts).map(([text, number]) => `${number} × ${text}`);
  return listSome(all, 3);
}

function ports(connections: Connection[]): string {
  const noun = connections.length === 1 ? 'port' : 'ports';
  return `${noun} ${listSome(connections.map((c) => c.local.port))}`;
}
