/**
 * Labs on one child per request, and what goes wrong with it: chapter 2.
 */
import { get as httpGet } from 'node:http';
import { NOBODY } from '#shared/rlimits';
import { formatPair } from '#shared/sockets';
import { holdersOf, serverEndOf } from '../experiments/findings';
import { visit } from '../experiments/visits';
import { get, openClients } from '../harness/clients';
import { untilIdle } from '../harness/idle';
import { isAlive, lastWords, type Server, takeTurn } from '../harness/servers';
import {
  compareDescriptors,
  countDescriptors,
  descriptorsOf,
} from '../kernel/descriptors';
import { childrenOf, threadsOfUser, zombiesOf } from '../kernel/processes';
import {
  comesTrue,
  holderLines,
  type Lab,
  type Notebook,
  pageLines,
  SILENCE,
  socketLine,
  statLine,
} from './notebook';

const fork: Lab = {
  summary: 'what do a process and its copy share?',
  plan: `
    Part 2 is started. A client connects and says nothing for a while, so that
    its child can be looked at.`,
  question: `
    After fork, parent and child both hold the connection. How many open file
    descriptions are there of it?`,
  async run({ start, connect, step, show, expect }) {
    const server = await start('part2', ...SILENCE);
    step('A client connects.');
    const client = await connect(server, 2);
    const [child = 0] = childrenOf(server.pid);
    show(statLine(server.pid), statLine(child), ...holderLines(server, client));
    const [one, other] = holdersOf(server, client);
    expect(
      'two processes hold it, under the same number',
      one !== undefined && one.fd === other?.fd,
    );
    const shared = one && other && compareDescriptors(one, other);
    expect(
      `both numbers stand for one open file description (${shared?.evidence})`,
      shared?.same === true,
    );
    step('It asks for /. What it gets, and what the two processes say:');
    client.send(get('/'));
    const { output } = server;
    await comesTrue(() => output().includes('GET / → 200'));
    await comesTrue(() => client.received() !== '');
    show(...pageLines(client), ...output().trim().split('\n'));
    expect(
      'in the parent, fork has returned the PID of the child',
      output().includes(`[${server.pid}] fork → ${child}`),
    );
    expect(
      'the child has gone on by itself and answered',
      output().includes(`[${child}] GET /`),
    );
  },
  conclusion: `
    fork is called once and returns twice: the PID of the child in the parent,
    0 in the child. The child is a copy with the same descriptors, and both
    copies refer to one open file description: one connection, two references.
    The parent of the child is the server, and the parent of the server is
    whoever started it.`,
};

const TOGETHER = 5;

const together: Lab = {
  summary: 'many clients at once: who is answered when?',
  plan: `Part 2 is started, and ${TOGETHER} clients connect. The last one asks first.`,
  question: `
    Part 1 would wait for the first client. Does the last one get its answer
    while the others say nothing?`,
  async run({ start, step, show, expect, defer }) {
    const server = await start('part2', '--quiet', ...SILENCE);
    step(`${TOGETHER} clients connect.`);
    const clients = await openClients(server, TOGETHER, defer);
    await comesTrue(() => childrenOf(server.pid).length === TOGETHER);
    show(...childrenOf(server.pid).map(statLine));
    step('They ask for /, the last one first.');
    for (const client of clients.toReversed()) {
      client.send(get('/'));
      const answered = await comesTrue(() => client.received() !== '');
      show(pageLines(client)[0] ?? '');
      expect(`client ${clients.indexOf(client) + 1} has its answer`, answered);
    }
    const pids = new Set(clients.map((client) => pageLines(client)[0]));
    expect('each from another process', pids.size === TOGETHER);
  },
  conclusion: `
    While each child waits for its own client, the parent is back at accept.
    Every client has a process of its own, so a slow one delays nobody else.
    This is what fork is for in a server; what it leaves behind is the rest of
    the story.`,
};

const hang: Lab = {
  summary: 'the child closes and ends: what does the client see?',
  plan: `
    Part 2 is started, and a client asks for /. Its child answers, closes the
    connection and ends.`,
  question: 'What does the client see by then, and what does it wait for?',
  async run({ start, connectAndAsk, step, show, expect }) {
    const server = await start('part2', '--quiet');
    const [client] = await connectAndAsk(server, 1);
    if (!client) return;
    const answered = await comesTrue(() => pageLines(client).length > 0);
    await comesTrue(() => zombiesOf(server.pid).length === 1);
    show(...pageLines(client));
    expect('it has its answer', answered);
    show(...childrenOf(server.pid).map(statLine));
    expect('the child has ended', zombiesOf(server.pid).length === 1);
    show(socketLine(server, client), ...holderLines(server, client));
    const [holder, ...others] = holdersOf(server, client);
    expect(
      'the connection is open in the parent, and nowhere else',
      holder?.pid === server.pid && others.length === 0,
    );
    expect('no end-of-file has come', !client.ended());
    step(
      `kill -9 ${server.pid}: the parent ends, and with it its descriptors.`,
    );
    process.kill(server.pid, 'SIGKILL');
    expect('now the client sees end-of-file', await comesTrue(client.ended));
  },
  conclusion: `
    The child closed its copy of the connection, but a FIN is sent when the
    last copy is closed, and the parent had one. Without a FIN the client
    cannot know that the answer is complete, so it waits: curl prints
    everything and hangs. When the parent ended, the kernel closed its
    descriptors, and the FIN was sent.`,
};

const COUNTING = 3;

const contentLength: Lab = {
  summary: 'does a client hang that knows how much will come?',
  plan: `
    ${COUNTING} clients ask part 2 for /. Then as many ask the same server with
    one line added to its answers: Content-Length. The clients are those of
    node:http.`,
  question: 'Which of the two servers leaves its clients hanging? Which leaks?',
  async run(notebook) {
    const { start, startByCommand, step, expect } = notebook;
    step('Part 2. Its answer ends where the connection ends.');
    const silent = await start('part2', '--quiet');
    const without = await askAndLookAt(notebook, silent);
    expect('every client waits for more', without.content === 0);
    expect('the parent holds each connection', without.allIn('ESTABLISHED'));

    step('The same, but it says how long the answer is.');
    const command = `node build/${WITH_LENGTH}.js`;
    const telling = await startByCommand(command, WITH_LENGTH, ['--quiet']);
    const knowing = await askAndLookAt(notebook, telling);
    expect('every client has left, satisfied', knowing.content === COUNTING);
    expect(
      'the parent holds each connection, now in CLOSE_WAIT',
      knowing.allIn('CLOSE_WAIT'),
    );
  },
  conclusion: `
    A client that is told the length counts the bytes, and leaves by itself
    when it has them all: nobody hangs, and nobody complains. The parent leaks
    as before. CLOSE_WAIT means that the other side has sent its FIN and this
    side has not closed. The hanging clients of part 2 were only the visible
    half of the mistake.`,
};

const WITH_LENGTH = 'docs/exercises/content-length';

/** @returns how many clients have what they want, and what the parent holds */
async function askAndLookAt({ show, defer }: Notebook, server: Server) {
  let content = 0;
  const ports: number[] = [];
  for (let i = 0; i < COUNTING; i++) {
    const request = httpGet({ port: server.port, agent: false }, (answer) => {
      answer.resume().on('end', () => {
        content++;
      });
    });
    request.on('error', () => {}); // when the server is ended
    request.on('socket', (socket) => {
      socket.on('connect', () => ports.push(socket.localPort ?? 0));
    });
    defer(() => void request.destroy());
  }
  await comesTrue(() => zombiesOf(server.pid).length === COUNTING);
  await untilIdle(server);
  const ends = ports.map((port) => serverEndOf(server, { port }));
  const held = ends.filter((end) => end !== null);
  for (const { socket, holders } of held) {
    const who = holders.map(({ pid, fd }) => `/proc/${pid}/fd/${fd}`).join();
    show(`${who} -> ${formatPair(socket)}  ${socket.state}`);
  }
  show(`${content} of ${COUNTING} clients have all they want`);
  const allIn = (state: string) =>
    held.length === COUNTING &&
    held.every(({ socket }) => socket.state === state);
  return { content, allIn };
}

const OPEN_FILES = 64;

const emfile: Lab = {
  summary: 'how many clients can part 2 serve in its life?',
  plan: `
    Part 2 is started with a limit of ${OPEN_FILES} descriptors. Clients come,
    one after the other, until it breaks.`,
  question: 'Which client is one too many, and what happens to the server?',
  async run(notebook) {
    const { start, step, show, expect } = notebook;
    const flags = ['--quiet', '--max-open-files', `${OPEN_FILES}`];
    const server = await start('part2', ...flags);
    // What we have inherited may have numbers beyond the limit.
    const open = [...(descriptorsOf(server.pid)?.keys() ?? [])];
    const own = open.filter((fd) => fd < OPEN_FILES).length;
    show(`${own} of ${OPEN_FILES} are open before the first client`);
    step('Clients ask for /, one after the other.');
    const served = await visitUntilItBreaks(notebook, server, OPEN_FILES);
    show(lastWords(server));
    expect('accept failed with EMFILE', /EMFILE/.test(server.output()));
    expect('the server is dead', !isAlive(server));
    expect('each client has cost a descriptor', served + own === OPEN_FILES);
  },
  conclusion: `
    The parent never closes its copy of a connection, so each client costs it
    one descriptor for ever. At the limit, here ${OPEN_FILES}, accept has no
    number left to return and fails with EMFILE. A server that does not expect
    that dies of it; one that did not leak would never have come there.`,
};

/** @returns how many clients got an answer */
async function visitUntilItBreaks(
  { show, look, defer }: Notebook,
  server: Server,
  most: number,
): Promise<number> {
  let served = 0;
  await visit(server, most, defer, () => {
    served++;
    look();
    if (served % 10 !== 0) return;
    const used = countDescriptors(server.pid);
    const zombies = zombiesOf(server.pid).length;
    show(`${served} clients: ${used} descriptors, ${zombies} zombies`);
  });
  show(`${served} clients were served`);
  return served;
}

const CLIENTS = 5;

const zombies: Lab = {
  summary: 'what is left of a child that has ended?',
  plan: `
    Part 2 is started, and ${CLIENTS} clients ask for /. Then we look at the
    children.`,
  question: `
    ${CLIENTS} children have called _exit. How many descriptors do they have?`,
  async run({ start, connectAndAsk, step, show, expect }) {
    const server = await start('part2', '--quiet');
    await connectAndAsk(server, CLIENTS);
    const found = () => zombiesOf(server.pid);
    const left = await comesTrue(() => found().length === CLIENTS);
    show(...found().map(({ pid }) => statLine(pid)));
    expect(`${CLIENTS} zombies: state Z`, left);
    step('Their descriptors.');
    let held = 0;
    for (const { pid } of found()) {
      const number = countDescriptors(pid);
      show(`/proc/${pid}/fd: ${number} descriptors`);
      held += number;
    }
    expect('they have none', held === 0);
  },
  conclusion: `
    A process that has ended stays until its parent asks for its exit status: a
    zombie. It has no memory and no descriptors any more, so the leak of
    descriptors is the work of the parent alone.`,
};

const killZombie: Lab = {
  summary: 'what makes a zombie go away?',
  plan: `
    Part 2 serves a client and has a zombie. We send SIGKILL to the zombie, and
    then to the parent.`,
  question: 'Which of the two makes the zombie go away?',
  async run({ start, ask, step, show, expect }) {
    const server = await start('part2', '--quiet');
    await ask(server, '/');
    await comesTrue(() => zombiesOf(server.pid).length === 1);
    const [zombie] = zombiesOf(server.pid);
    const pid = zombie?.pid ?? 0;
    show(statLine(pid));
    if (!zombie) return expect('there is a zombie', false);
    step(`kill -9 ${pid}, the zombie.`);
    process.kill(pid, 'SIGKILL');
    show(statLine(pid));
    expect('nothing has changed', zombiesOf(server.pid).length === 1);
    step(`kill -9 ${server.pid}, the parent.`);
    process.kill(server.pid, 'SIGKILL');
    const gone = await comesTrue(() => !statLine(pid).includes(') Z '), 5);
    show(statLine(pid));
    expect('init has adopted the zombie and waited for it', gone);
  },
  conclusion: `
    A zombie cannot be killed, because it is dead already: there is nothing
    left to deliver a signal to. When its parent ends, the kernel gives it to
    init, or to the nearest process that has declared itself a subreaper. That
    one waits for it, and the zombie is gone.`,
};

const SPARE = 20;

const eagain: Lab = {
  summary: 'do children that have ended still count?',
  plan: `
    Part 2 is started with a limit on processes. Clients come, one after the
    other, until it breaks.`,
  question: 'The children are dead. Do they count?',
  async run(notebook) {
    const { start, step, show, expect } = notebook;
    const root = process.getuid?.() === 0;
    if (root) await takeTurn(notebook.defer);
    const uid = root ? NOBODY : (process.getuid?.() ?? 0);
    const limit = threadsOfUser(uid) + THREADS_OF_NODE + SPARE;
    show(`user ${uid} has ${threadsOfUser(uid)} processes and threads`);
    if (root) {
      show('This limit does not bind root: the server goes on as nobody.');
    }
    const flags = ['--quiet', '--max-processes', `${limit}`];
    const server = await start('part2', ...flags);
    step('Clients ask for /, one after the other.');
    const served = await visitUntilItBreaks(notebook, server, limit);
    show(lastWords(server));
    expect('fork failed with EAGAIN', /EAGAIN/.test(server.output()));
    expect('the server is dead', !isAlive(server));
    expect('zombies had taken all the room', served > 0 && served <= limit);
  },
  conclusion: `
    A limit on processes counts what the user has, and zombies are part of
    that. At the limit, fork fails with EAGAIN, and part 2 dies of it. The
    limit counts threads, and every other program of the same user; and it does
    not bind root.`,
};

const THREADS_OF_NODE = 8; // more than it has, so that it can start

/** By their names, in the order of the chapter. */
export const FORKING: Record<string, Lab> = {
  together,
  hang,
  fork,
  'content-length': contentLength,
  emfile,
  zombies,
  'kill-zombie': killZombie,
  eagain,
};
