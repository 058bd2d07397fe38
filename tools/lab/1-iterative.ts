/**
 * Labs on one server, one client after the other: chapter 1.
 */
import { readFileSync } from 'node:fs';
import { formatPair } from '#shared/sockets';
import { holdersOf, queueLength } from '../experiments/findings';
import { get } from '../harness/clients';
import {
  advance,
  getRequest,
  openConnection,
  politely,
} from '../harness/connections';
import { untilIdle } from '../harness/idle';
import { startProgram } from '../harness/programs';
import { lastWords, type Server } from '../harness/servers';
import { STAGES } from '../harness/stages';
import { descriptorsOf, lowestFree } from '../kernel/descriptors';
import {
  comesTrue,
  hasEnded,
  type Lab,
  type Notebook,
  pageLines,
  SILENCE,
  socketLine,
  stateLine,
} from './notebook';

const socketPair: Lab = {
  summary: 'two clients, one port: what tells them apart?',
  plan: `
    Part 1 is started and shows its system calls. Two clients connect; neither
    of them calls bind.`,
  question: 'Both talk to the same port of the server. What tells them apart?',
  async run({ start, step, show, expect, defer }) {
    const server = await start('part1', '--quiet', '--trace');
    step('Two clients: socket, connect, write.');
    const address = { address: '127.0.0.1', port: server.port };
    const manner = politely(getRequest('/', address));
    const clients = [1, 2].map(() => openConnection(address, manner));
    defer(() => advance(clients, 0));
    const ended = () => {
      advance(clients, 10);
      return clients.every(({ state }) => state === 'ended');
    };
    expect('both get their answer', await comesTrue(ended));
    show(...clients.map(formatPair));
    const calls = /\] (socket|bind|listen|accept|close)\(/;
    step('Of its calls, those that make, use and close a listener.');
    const lines = () => server.output().split('\n');
    // What it has written may still be on its way.
    const closes = () => lines().filter((line) => line.includes('] close('));
    await comesTrue(() => closes().length === clients.length);
    show(...lines().filter((line) => calls.test(line)));
    const [one, other] = clients.map(({ local }) => local.port);
    expect('the kernel gave each client a port of its own', one !== other);
  },
  conclusion: `
    The server binds to the port that clients know; a client leaves it to the
    kernel, which picks an ephemeral one. A connection is named by both ends,
    the socket pair, so any number of them can share the port of the server.
    accept returned a new descriptor for each, while the listener went on
    listening.`,
};

const descriptors: Lab = {
  summary: 'what has Node opened before us?',
  plan: `
    Part 1 is started, and a client connects. We look into /proc/PID/fd before
    and after.`,
  question: `
    Between 2 and the listener are descriptors of Node. What do they lead to?`,
  async run({ start, connect, step, show, expect }) {
    const server = await start('part1', '--quiet');
    const before = descriptorsOf(server.pid) ?? new Map<number, string>();
    show(...[...before].map((one) => fdLine(server, one)));
    expect(
      `every number below the listener, ${server.listener.fd}, is taken`,
      [...before.keys()].indexOf(server.listener.fd) === server.listener.fd,
    );
    const free = lowestFree(server.pid);
    step('A client connects.');
    const client = await connect(server, 1);
    const fd = holdersOf(server, client)[0]?.fd ?? -1;
    const target = descriptorsOf(server.pid)?.get(fd) ?? '';
    show(fdLine(server, [fd, target]));
    expect('accept returned the lowest number that was free', fd === free);
  },
  conclusion: `
    The kernel hands out the lowest number that is free. Node opened
    descriptors of its own before our first line ran: event loops, and pipes
    and counters that wake them. So the listener comes after those, and the
    first connection after the listener.`,
};

function fdLine({ pid }: Server, [fd, target]: [number, string]): string {
  return `/proc/${pid}/fd/${fd} -> ${target}`;
}

const headOfLine: Lab = {
  summary: 'two clients at once: what does the server do meanwhile?',
  plan: `
    Part 1 is started. One client connects and says nothing; a second one
    connects and asks for /.`,
  question: 'Is the server busy meanwhile, or asleep?',
  async run({ start, connect, ask, step, show, expect }) {
    const server = await start('part1', '--quiet', ...SILENCE);
    step('The first client connects.');
    const first = await connect(server, 1);
    await untilIdle(server);
    show(stateLine(server.pid));
    step('The second one connects, and asks for /.');
    const second = await ask(server, '/');
    show(socketLine(server, second), `queue: ${queueLength(server)}`);
    expect('it is connected', /ESTABLISHED/.test(socketLine(server, second)));
    expect('nobody has accepted it', queueLength(server) === 1);
    const early = await comesTrue(() => second.received() !== '', 1);
    expect('after a second it has no answer', !early);
    step('The first one asks for /.');
    first.send(get('/'));
    await comesTrue(() => first.over() && second.over());
    show(...pageLines(first).slice(0, 1), ...pageLines(second).slice(0, 1));
    expect('now both have their answer', first.ended() && second.ended());
  },
  conclusion: `
    The server slept in poll, which waits until a client says something: the
    first one, whom it had accepted. The second one was connected (ESTABLISHED)
    and stayed in the queue, its request unread. One process that does one
    thing after the other makes everybody wait for the slowest.`,
};

const BACKLOG = 5;
const KNOCKING = 8;

const backlog: Lab = {
  summary: 'how many clients connect to a server that does not accept?',
  plan: `
    Part 1 is started with listen(fd, ${BACKLOG}) and kept busy. Then
    ${KNOCKING} more clients connect.`,
  question: `How many of the ${KNOCKING} get connected? What do the others see?`,
  async run({ start, connect, step, show, expect }) {
    const flags = ['--quiet', '--backlog', `${BACKLOG}`, ...SILENCE];
    const server = await start('part1', ...flags);
    step('One client says nothing: the server waits for it.');
    const first = await connect(server, 1);
    step(`${KNOCKING} more clients call connect.`);
    const address = { address: '127.0.0.1', port: server.port };
    const manner = politely(getRequest('/', address));
    const clients = Array.from({ length: KNOCKING }, () =>
      openConnection(address, manner),
    );
    const connected = () => {
      advance(clients, 20);
      return clients.filter(({ state }) => state === 'waiting').length;
    };
    const full = await comesTrue(() => connected() > BACKLOG);
    show(...clients.map((one) => `${formatPair(one)}  ${endOf(one.state)}`));
    show(`queue of the listener: ${queueLength(server)}`);
    expect(`${BACKLOG} + 1 clients are connected`, full);
    expect(
      'the others are not, and their connect still waits',
      connected() === BACKLOG + 1 && queueLength(server) === BACKLOG + 1,
    );
    step('The silent client leaves: the server goes on.');
    first.socket.destroy();
    const all = () => {
      advance(clients, 20);
      return clients.every(({ state }) => state === 'ended');
    };
    expect('all get their answer in the end', await comesTrue(all));
  },
  conclusion: `
    The kernel completes handshakes without asking the server, and keeps
    backlog + 1 connections until somebody accepts them. When the queue is full
    it ignores the SYN of the next client, which stays in SYN_SENT and tries
    again after a second. A longer queue lets more clients wait; it does not
    answer any of them sooner.`,
};

function endOf(state: string): string {
  return state === 'connecting' ? 'SYN_SENT' : 'ESTABLISHED';
}

const PRIVILEGED_PORT = 1;

const ports: Lab = {
  summary: 'when does bind fail?',
  plan: `
    Part 1 is started twice on one port, then stopped and started again on it;
    and once by an ordinary user on port 1.`,
  question: 'Which of these calls of bind fail?',
  async run(notebook) {
    const { start, ask, step, show, expect } = notebook;
    const server = await start('part1', '--quiet');
    step('A second server on the same port.');
    const second = bindTo(notebook, server.port);
    await hasEnded(second);
    show(lastWords(second));
    expect('bind fails with EADDRINUSE', /EADDRINUSE/.test(second.output()));

    step('A client is served: the server closes first. Then it is restarted.');
    const client = await ask(server, '/');
    await comesTrue(client.over);
    client.socket.destroy();
    process.kill(server.pid, 'SIGKILL');
    await hasEnded(server);
    const heir = bindTo(notebook, server.port);
    const listens = () => /listens on/.test(heir.output());
    await comesTrue(() => listens() || heir.exit() !== null);
    show(lastWords(heir));
    expect('the port is free at once', listens());

    step(`An ordinary user binds port ${PRIVILEGED_PORT}.`);
    await bindPrivileged(notebook);
  },
  conclusion: `
    A port belongs to one listener at a time: EADDRINUSE. After a restart the
    old connections are still in TIME_WAIT, and SO_REUSEADDR is what lets bind
    take the port all the same. The well-known ports below 1024 are for root:
    EACCES for everybody else.`,
};

function bindTo(
  { defer, targetOf }: Notebook,
  port: number,
  ...flags: string[]
) {
  const own = ['--quiet', ...flags, '--port', `${port}`];
  return startProgram(targetOf(STAGES.part1, own).command, defer);
}

// Root gives its rights away for this flag, after the program has been loaded:
// it may lie where only root can read it.
const ORDINARY = ['--max-processes', '4000'];

async function bindPrivileged(notebook: Notebook): Promise<void> {
  const { show, expect } = notebook;
  const setting = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
  const free = Number(readFileSync(setting, 'latin1'));
  if (free <= PRIVILEGED_PORT) {
    show(`${setting} is ${free}: on this machine every port is free for all.`);
    return;
  }
  const root = process.getuid?.() === 0;
  if (root) show('You are root, so this server goes on as user nobody.');
  const program = bindTo(notebook, PRIVILEGED_PORT, ...(root ? ORDINARY : []));
  await hasEnded(program);
  show(lastWords(program));
  expect('bind fails with EACCES', /EACCES/.test(program.output()));
}

/** By their names, in the order of the chapter. */
export const ITERATIVE: Record<string, Lab> = {
  'head-of-line': headOfLine,
  backlog,
  'socket-pair': socketPair,
  ports,
  descriptors,
};
