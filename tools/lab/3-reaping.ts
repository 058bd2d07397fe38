import { holdersOf, queueLength } from '../experiments/findings';
import { endTogether } from '../experiments/signals';
import { get, openClients } from '../harness/clients';
import { untilIdle } from '../harness/idle';
import { isAlive, lastWords, type Server, suspend } from '../harness/servers';
import { countDescriptors, descriptorsOf } from '../kernel/descriptors';
import {
  childrenOf,
  readProcess,
  signalsOf,
  zombiesOf,
} from '../kernel/processes';
import {
  childOf,
  comesTrue,
  hasEnded,
  holderLines,
  type Lab,
  type Notebook,
  pageLines,
  SILENCE,
  socketLine,
  stateLine,
  statLine,
} from './notebook';

const CLIENTS = 5;

const neverWaits: Lab = {
  summary: 'what is cured by closing, and what is not?',
  plan: `
    Step a is started: part 2, and the parent closes its copies. ${CLIENTS}
    clients ask for /.`,
  question: `
    Each child says under which descriptor it has its client. Which numbers
    will the ${CLIENTS} say?`,
  async run({ start, connectAndAsk, show, expect }) {
    const server = await start('part3a', '--quiet');
    const before = countDescriptors(server.pid);
    const clients = await connectAndAsk(server, CLIENTS);
    const ended = await comesTrue(() => clients.every((one) => one.ended()));
    expect('all have their answer and end-of-file', ended);
    const lines = clients.flatMap(pageLines);
    const numbers = lines.filter((line) => line.startsWith('descriptor'));
    show(...numbers);
    expect(
      'all under the same number',
      numbers.length === CLIENTS && new Set(numbers).size === 1,
    );
    await comesTrue(() => zombiesOf(server.pid).length === CLIENTS);
    const after = countDescriptors(server.pid);
    show(`descriptors: ${before} before, ${after} after`);
    expect('no descriptor has leaked', after === before);
    show(...zombiesOf(server.pid).map(({ pid }) => statLine(pid)));
    expect('every child is a zombie', zombiesOf(server.pid).length === CLIENTS);
  },
  conclusion: `
    One line, close(client) in the parent, lets the clients go and gives the
    descriptors back: each time the same number is free again. The children are
    another matter: nobody asked for their exit statuses. A leak is one thing
    and a zombie is another, and each needs its own cure.`,
};

const refcount: Lab = {
  summary: 'the parent closes first, the child last: what then?',
  plan: `
    Step a is started, whose parent closes its copy at once. A client connects,
    asks only later, and does not close its end.`,
  question: `
    The child closes last. In which state is the server’s end of the connection
    then?`,
  async run({ start, connect, step, show, expect }) {
    const server = await start('part3a', '--quiet', ...SILENCE);
    step('A client connects. The parent forks, and closes its copy at once.');
    const client = await connect(server);
    const [child = 0] = await childOf(server);
    const holders = () => holdersOf(server, client);
    await comesTrue(() => holders().length === 1);
    show(socketLine(server, client), ...holderLines(server, client));
    expect(
      'only the child holds it: the parent has closed its copy',
      holders().length === 1 && holders()[0]?.pid === child,
    );
    expect('the client is connected', !client.over());
    step('It asks for /. The child answers and closes.');
    client.send(get('/'));
    await comesTrue(client.over);
    // The kernel takes its time to acknowledge a FIN.
    await comesTrue(() => !/FIN_WAIT1/.test(socketLine(server, client)));
    show(...pageLines(client), socketLine(server, client));
    expect('the client has its answer', pageLines(client).length > 0);
    expect('and end-of-file', client.ended());
    expect(
      'the server’s end waits for the client’s FIN',
      /FIN_WAIT2/.test(socketLine(server, client)),
    );
  },
  conclusion: `
    The copy of the child kept the connection open while the parent had long
    closed its own. When the child closed the last copy, the kernel sent the
    FIN. FIN_WAIT2: ours has arrived, and the client has not sent its own.`,
};

const sigchld: Lab = {
  summary: 'a signal comes while accept waits: what then?',
  plan: `
    Step b is started, which waits in a SIGCHLD handler. A client asks for /.`,
  question: `
    The child ends while the parent sleeps in accept. What does accept do?`,
  async run({ start, connectAndAsk, show, expect }) {
    const server = await start('part3b', '--quiet');
    await untilIdle(server);
    show(stateLine(server.pid));
    const [client] = await connectAndAsk(server, 1);
    if (!client) return;
    await comesTrue(client.over);
    show(...pageLines(client));
    await untilIdle(server);
    // The signal may have come just before accept began to wait. Then it has
    // interrupted nothing, and one more is needed.
    if (isAlive(server)) process.kill(server.pid, 'SIGCHLD');
    await hasEnded(server);
    show(lastWords(server));
    expect('accept failed with EINTR', /EINTR/.test(server.output()));
    expect('the server is dead', !isAlive(server));
  },
  conclusion: `
    The signal has a handler, installed without SA_RESTART, so it ended the
    system call that the process slept in: accept failed with EINTR. The loop
    took that for a failure and ended; then the handler ran and collected the
    zombie, and the server was gone. EINTR is no failure: it says that there is
    something to do, and that accept may be called again after it.`,
};

const AT_ONCE = 20;

const coalesce: Lab = {
  summary: `${AT_ONCE} children end while the parent is busy: what then?`,
  plan: `
    Step c is stopped while ${AT_ONCE} children end. Then it goes on, and gets a
    further client. Then the same with part 3.`,
  question: 'How many zombies are there afterwards?',
  async run(notebook) {
    const { step, expect } = notebook;
    step('Step c: one waitpid for each signal.');
    const once = await stopAndGo(notebook, 'part3c');
    expect(`${once} of ${AT_ONCE} zombies stay`, once === AT_ONCE - 1);
    step('Part 3: waitpid until there is nobody left.');
    const loop = await stopAndGo(notebook, 'part3');
    expect(`${loop} of ${AT_ONCE} zombies stay`, loop === 0);
  },
  conclusion: `
    Standard signals are not counted: while one SIGCHLD is pending, further
    ones are lost. Step c is told once and waits for one child, and the other
    zombies stay. Part 3 takes the signal for a bell, and asks waitpid(-1,
    WNOHANG) until it says 0: nobody else has ended.`,
};

/** @returns how many zombies are left */
async function stopAndGo(
  { start, connect, show, look, defer }: Notebook,
  stage: 'part3c' | 'part3',
): Promise<number> {
  const server = await start(stage, '--quiet', ...SILENCE);
  const clients = await openClients(server, AT_ONCE, defer);
  await comesTrue(() => childrenOf(server.pid).length === AT_ONCE);
  await untilIdle(server);
  look();
  await endTogether(server, clients, childrenOf(server.pid));
  const zombies = () => zombiesOf(server.pid).length;
  show(`SIGSTOP: ${zombies()} children have ended`, pending(server));
  process.kill(server.pid, 'SIGCONT');
  // Another of Node's threads may take the signal, and accept goes on waiting.
  await connect(server);
  await comesTrue(() => childrenOf(server.pid).length > zombies());
  await untilIdle(server);
  show(`SIGCONT: ${zombies()} zombies; ${stateLine(server.pid)}`);
  return zombies();
}

function pending({ pid }: Server): string {
  const { names, mask } = signalsOf(pid, 'ShdPnd');
  const list = names.join(', ') || 'none';
  return `signals pending, by /proc/${pid}/status: ${list} (ShdPnd ${mask})`;
}

const MANY = 100;

const reap: Lab = {
  summary: 'what is left of 100 requests?',
  plan: `Part 3 is started and serves 10 clients, then ${MANY - 10} more.`,
  question: 'What has to be counted, to know that nothing is left?',
  async run({ start, askTogether, step, show, expect }) {
    const server = await start('part3', '--quiet');
    const children = () => childrenOf(server.pid).length;
    const before = countDescriptors(server.pid);
    show(`${before} descriptors, ${children()} children`);
    for (const number of [10, MANY - 10]) {
      step(`${number} clients ask for /.`);
      for (let served = 0; served < number; served += 10) {
        const ten = await askTogether(server, '/', 10);
        await comesTrue(() => ten.every((client) => client.over()));
        for (const { socket } of ten) socket.destroy();
      }
      const nobody = await comesTrue(() => children() === 0);
      const left = countDescriptors(server.pid);
      show(`${left} descriptors, ${children()} children`);
      const isSo = nobody && left === before;
      expect(`${left} descriptors, no child, no zombie`, isSo);
    }
  },
  conclusion: `
    The parent closes its copy of every connection, so the number of its
    descriptors is the same after 10 requests and after 100. It waits for every
    child that has ended, so no zombie stays. A server that gives back what it
    takes can run for ever.`,
};

const crash: Lab = {
  summary: 'who notices when a request kills its process?',
  plan: `
    A client asks for /crash, of part 1 and of part 3. Another client comes
    after it.`,
  question: 'What will part 3 say about the process that crashes?',
  async run({ start, ask, step, show, expect }) {
    for (const stage of ['part1', 'part3'] as const) {
      step(`${stage}: one client asks for /crash, then another for /.`);
      const server = await start(stage);
      const first = await ask(server, '/crash');
      await comesTrue(first.over);
      show(`the first client got ${first.received().length} bytes`);
      const second = await ask(server, '/').catch(() => null);
      if (second) await comesTrue(second.over);
      if (isAlive(server)) await untilIdle(server);
      else await hasEnded(server);
      await comesTrue(() => childrenOf(server.pid).length === 0);
      const { signal } = server.exit() ?? {};
      if (signal) show(`PID ${server.pid} was killed by ${signal}`);
      const lines = server.output().split('\n');
      show(...lines.filter((line) => line.includes('reaped')));
      show(stateLine(server.pid));
      const answer = second?.received() ?? '';
      if (stage === 'part1') {
        expect('the server is dead', !isAlive(server));
        expect('the second client has no answer', answer === '');
      } else {
        expect('the server lives', isAlive(server));
        expect('the second client is answered', answer !== '');
      }
    }
  },
  conclusion: `
    A process that crashes takes with it whatever it was doing. In part 1 that
    is the server; in part 3 it is one child, with one client. The parent
    collects the exit status, SIGSEGV this time, and goes on.`,
};

const orphan: Lab = {
  summary: 'the parent dies while its child works: who is lost?',
  plan: `
    A client connects to part 3, and a child waits for its request. Another one
    waits in the accept queue. The parent is killed; then the first one asks.`,
  question: 'What does each of the two clients get?',
  async run({ start, connect, step, show, expect }) {
    const server = await start('part3', '--quiet', ...SILENCE);
    step('A client connects.');
    const client = await connect(server);
    const [child = 0] = await childOf(server);
    // The child closes its copy of the listener first of all.
    await comesTrue(() => {
      const targets = [...(descriptorsOf(child)?.values() ?? [])];
      return !targets.includes(`socket:[${server.listener.inode}]`);
    });
    show(statLine(child));
    step('The parent is stopped, and another client connects.');
    await suspend(server);
    const other = await connect(server);
    show(`queue: ${queueLength(server)}`);
    step(`kill -9 ${server.pid}, the parent.`);
    process.kill(server.pid, 'SIGKILL');
    await comesTrue(() => server.exit() !== null);
    await comesTrue(other.over);
    expect('who was in the queue gets a reset', other.over() && !other.ended());
    const parent = () => readProcess(child)?.parent;
    const adopted = await comesTrue(() => parent() !== server.pid);
    show(statLine(child));
    expect(`PID ${parent()} has adopted the child`, adopted);
    step('A new server on the same port.');
    const flags = ['--quiet', '--port', `${server.port}`];
    const heir = await start('part3', ...flags);
    expect('the port is free, while the child still works', isAlive(heir));
    step('The first client asks for /.');
    client.send(get('/'));
    await comesTrue(client.over);
    show(...pageLines(client));
    const [served] = pageLines(client);
    expect('the child has answered it', served === `process     ${child}`);
    const gone = await comesTrue(() => readProcess(child) === null);
    expect('somebody has waited for the child', gone);
  },
  conclusion: `
    A child does not need its parent to do its work: its client got the whole
    of its answer. The queue went with the listener, and who waited there was
    reset. The kernel gave the orphan to init, or to the nearest
    subreaper, which waited for it in the end. The port was free at once,
    because the child had closed its copy of the listener.`,
};

/** By their names, in the order of the chapter. */
export const REAPING: Record<string, Lab> = {
  'never-waits': neverWaits,
  refcount,
  sigchld,
  coalesce,
  reap,
  crash,
  orphan,
};
