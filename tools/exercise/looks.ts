/**
 * What exercises look at besides the experiments: connections, descriptors,
 * parents and children.
 */
import { formatPair } from '#shared/sockets';
import { count } from '../common/words';
import {
  describeEnd,
  describeProcess,
  describeQueue,
  describeRole,
  type Experiment,
  type Finding,
  fewOf,
  holdersOf,
  onServer,
  serverEndOf,
  whatItDoes,
} from '../experiments/findings';
import { ask, describeFailure, failed, visit } from '../experiments/visits';
import { describeZombies, zombiesLeft } from '../experiments/zombies';
import {
  type Client,
  get,
  LAST_REQUEST,
  openClient,
  openClients,
} from '../harness/clients';
import { killOneOf, untilIdle } from '../harness/idle';
import type { Defer } from '../harness/programs';
import {
  hearOut,
  isAlive,
  isRunning,
  lastWords,
  type Server,
  startServer,
  suspend,
  type Target,
} from '../harness/servers';
import { built } from '../harness/stages';
import { startStopwatch, waitFor } from '../harness/wait';
import { descriptorsOf } from '../kernel/descriptors';
import {
  childrenOf,
  isStopped,
  readProcess,
  signalsOf,
  treeOf,
  zombiesOf,
} from '../kernel/processes';
import { findHolders, findListeners } from '../kernel/sockets';

/** What was found, where something is to be so. */
export function judge(
  isSo: boolean,
  figure: string,
  evidence: string[],
): Finding {
  return { verdict: isSo ? 'good' : 'bad', figure, measured: {}, evidence };
}

export function good(figure: string, evidence: string[] = []): Finding {
  return judge(true, figure, evidence);
}

export function bad(figure: string, evidence: string[] = []): Finding {
  return judge(false, figure, evidence);
}

/** Is a connection closed before anybody has read what came over it? */
export const tooEarly = onServer(async (server, defer) => {
  // While the server is stopped, the kernel completes the handshake, and the
  // request arrives.
  await suspend(server);
  const client = await openClient(server, defer);
  client.send(LAST_REQUEST);
  await waitFor('the request has arrived', () => {
    return (serverEndOf(server, client)?.socket.receiveQueue ?? 0) > 0;
  });
  process.kill(server.pid, 'SIGCONT');
  await untilIdle(server, client.over);
  // The reset arrives before the server has come to its end, and said why.
  if (await untilIdle(server, () => !isAlive(server))) {
    await hearOut(server);
  }
  const words = lastWords(server, /EBADF/);
  const evidence = [whatItDoes(server)];
  if (words) evidence.push(`it printed: ${words}`);
  const got = client.received() === '' ? 'no answer' : 'its answer';
  const figure = `the client got ${got} and ${endOf(client)}`;
  const reset = client.over() && !client.ended();
  const ofTheClient = words !== '' && !words.includes('accept');
  return judge(got === 'no answer' && reset && ofTheClient, figure, evidence);
});

/** How a connection has ended for a client. */
function endOf(client: Client): string {
  if (client.ended()) return 'a FIN';
  return client.over() ? 'a reset (RST)' : 'no end';
}

const COUNTING = 3;

/** Can clients count, and leave by themselves while the parent still holds? */
export const length = onServer(async (server, defer) => {
  const clients: Client[] = [];
  while (clients.length < COUNTING) {
    const client = await openClient(server, defer);
    client.send(get('/'));
    clients.push(client);
    await untilIdle(server, client.over);
    const mistake = wrongLength(client.received());
    if (mistake !== null) {
      return bad(mistake, [describeProcess(server, server.pid)]);
    }
    client.socket.destroy(); // content
  }
  await untilIdle(server);
  const ends = clients.flatMap((client) => serverEndOf(server, client) ?? []);
  const held = ends.filter(({ holders }) =>
    holders.some(({ pid }) => pid === server.pid),
  );
  const figure = `${COUNTING} clients left by themselves, the parent holds ${held.length}`;
  const evidence = fewOf(held, ({ socket, holders }) => {
    const { fd } = holders.find(({ pid }) => pid === server.pid) ?? { fd: -1 };
    return `descriptor ${fd} → ${formatPair(socket)} is in the state ${socket.state} in ${describeRole(server, server.pid)}`;
  });
  return judge(held.length === COUNTING, figure, evidence);
});

/** @returns what is wrong with the length that an answer says, if anything */
function wrongLength(answer: string): string | null {
  if (answer === '') return 'the client got no answer';
  const end = answer.indexOf('\r\n\r\n');
  if (end === -1) return 'the head of the answer does not end';
  const said = /^content-length: *(\d+)\r$/im.exec(answer.slice(0, end + 2));
  if (!said) return 'the head of the answer says no length';
  const came = answer.length - (end + '\r\n\r\n'.length);
  if (Number(said[1]) === came) return null;
  return `the head says ${said[1]} bytes, and ${came} came`;
}

/** Is anything written to a client that is not its page? */
export const standard = onServer(async (server, defer) => {
  const client = await openClient(server, defer);
  await ask(server, [client]);
  const open = descriptorsOf(server.pid) ?? new Map<number, string>();
  const lines = [0, 1, 2].map(
    (fd) => `descriptor ${fd} → ${open.get(fd) ?? 'nothing'}`,
  );
  const text = Buffer.from(client.received(), 'latin1').toString();
  const [first = ''] = text.split(/\r?\n/);
  if (!first.startsWith('HTTP/')) {
    const { fd } = server.listener;
    if (fd <= 2) lines.push(`descriptor ${fd} is the listener`);
    return bad(`the first line that a client got: ${first || 'none'}`, lines);
  }
  const kept = [0, 1, 2].filter((fd) => !isNobodys(open.get(fd) ?? ''));
  const isSo = kept.length === 0;
  const rest = isSo
    ? ' and nothing else'
    : `, and ${kept.join(', ')} are not free`;
  return judge(isSo, `the client got its page${rest}`, lines);
});

/** Neither a connection or pipe to whoever started it, nor a terminal. */
function isNobodys(target: string): boolean {
  return target.startsWith('/') && !/^\/dev\/(pts|tty)/.test(target);
}

/** The children that have not ended. */
function livingOf({ pid }: Server): number[] {
  return childrenOf(pid).filter(isRunning);
}

function describeFamily(server: Server, others = livingOf(server)): string[] {
  return [server.pid, ...others].map((pid) => describeProcess(server, pid));
}

// A limit on children /////////////////////////////////////////////////////////

const LIMIT = 8;
const CROWD = 20;

/** Are there never more children than eight, and never fewer while some wait? */
export const limit = onServer(async (server, defer) => {
  const state = () => [
    describeProcess(server, server.pid),
    ...describeQueue(server),
  ];
  const children = (when: string) =>
    `${count(livingOf(server).length, 'child', 'children')} ${when}`;
  const clients = await openClients(server, CROWD, defer);
  await untilIdle(server);
  const together = children(`for ${CROWD} clients that say nothing`);
  if (livingOf(server).length !== LIMIT) return bad(together, state());
  const [first, ...others] = clients;
  if (first) await ask(server, [first]);
  await untilIdle(server);
  if (livingOf(server).length !== LIMIT) {
    return bad(children('after one of the eight has ended'), state());
  }
  const answered = 1 + (await ask(server, others));
  if (answered < CROWD) {
    return bad(`${answered} of ${CROWD} clients answered`, state());
  }
  await untilIdle(server);
  const zombies = zombiesOf(server.pid).map(({ pid }) => pid);
  const left = count(zombies.length, 'zombie');
  if (zombies.length >= LIMIT) {
    return bad(`${left} in the end`, describeZombies(server, zombies));
  }
  return good(`${together}, all answered, ${left} in the end`);
});

// The reaper's race ///////////////////////////////////////////////////////////

// Longer than a second: some look for their children once in a second.
const LOOKING_MS = 1_500;

/** Is a child missed that ends just before its parent waits for a client? */
export const race: Experiment = async (target, defer) => {
  const node = target.command.indexOf(process.execPath);
  const hole = ['--require', built('tools/exercise/hole')];
  const command = target.command.toSpliced(node + 1, 0, ...hole);
  const server = await startServer({ ...target, command }, defer);
  if (!(await stops(server))) return notStopped(server);
  const client = await openClient(server, defer);
  await letGo(server, () => childrenOf(server.pid).length > 0);
  if (!(await stops(server))) return notStopped(server);
  const [child = 0] = childrenOf(server.pid);
  await ask(server, [client]);
  await waitFor('the child has ended', () => !isRunning(child));
  const isReaped = () => readProcess(child) === null;
  await letGo(server, isReaped, LOOKING_MS);
  if (isReaped()) return good('no zombie stays');
  const evidence = [...describeZombies(server, [child]), whatItDoes(server)];
  return bad('the zombie stays', evidence);
};

/** Whether it stops itself before it waits, see hole.ts. */
function stops(server: Server): Promise<boolean> {
  return untilIdle(server, () => isStopped(server.pid));
}

/** Lets it go on, however often it stops, until something is so. */
async function letGo(
  server: Server,
  isSo: () => boolean,
  quietMs?: number,
): Promise<void> {
  const goOn = () => {
    if (isSo() || !isAlive(server)) return true;
    if (isStopped(server.pid)) process.kill(server.pid, 'SIGCONT');
    return false;
  };
  await untilIdle(server, goOn, quietMs);
}

async function notStopped(server: Server): Promise<Finding> {
  if (!isAlive(server)) return failed(server, await describeFailure(server, 1));
  return bad('it calls neither accept nor poll on its listener', [
    describeProcess(server, server.pid),
  ]);
}

// The last child //////////////////////////////////////////////////////////////

const LATE_MS = 4_000; // for one second, on a machine that is busy
const EARLY_MS = 500;
const SECOND_MS = 900; // timers may be early
const TRIES = 5;

/** Does a parent that is told to stop give its children a second, no more? */
export const lastChild: Experiment = async (target, defer) => {
  for (let tries = 1; tries <= TRIES; tries++) {
    const finding = await stopOnce(target, defer);
    if (finding !== null) return finding;
  }
  return bad('this machine is too slow');
};

/** @returns null if we were too slow for a server that has only a second */
async function stopOnce(target: Target, defer: Defer): Promise<Finding | null> {
  const server = await startServer(target, defer);
  const [silent, ready] = await openClients(server, 2, defer);
  if (!silent || !ready) throw new Error('two clients have been opened');
  await untilIdle(server);
  const children = livingOf(server);
  const since = performance.now();
  const passed = startStopwatch();
  process.kill(server.pid, 'SIGTERM');
  await waitFor('it has closed its listener', () => {
    return findListeners([server.pid]).length === 0 || passed() > LATE_MS;
  });
  const inTime = performance.now() - since < EARLY_MS;
  ready.send(LAST_REQUEST);
  await waitFor('it has ended', () => !isAlive(server) || passed() > LATE_MS);
  const elapsed = performance.now() - since;
  const seconds = `${(elapsed / 1000).toFixed(1)} s`;
  if (isAlive(server)) {
    const states = describeFamily(server);
    return bad(`it has not ended ${seconds} after SIGTERM`, states);
  }
  const figure = `it ended ${seconds} after SIGTERM`;
  const orphans = children.filter(isRunning);
  if (orphans.length > 0) {
    const left = orphans.map((pid) => describeProcess(server, pid));
    return bad(`${figure} and left a child`, left);
  }
  // The child of the other client, who says nothing, could have used it all.
  if (elapsed < SECOND_MS) {
    return bad(`${figure}, before a second was over`);
  }
  await waitFor('the client has all that was sent', () => ready.over());
  if (ready.received() !== '') {
    return good(`${figure}, and the client that asked was answered`);
  }
  if (!inTime) return null;
  return bad(`${figure}, and a client that asked got no answer`, [
    `it had asked within ${EARLY_MS} ms`,
  ]);
}

// Other families //////////////////////////////////////////////////////////////

const FEW = 3;

/** Does a server tell the kernel that nobody will ask for its children? */
export const ignored = onServer(async (server, defer) => {
  const { failure } = await visit(server, FEW, defer);
  if (failure) return failed(server, failure);
  const zombies = await zombiesLeft(server);
  const { names, mask } = signalsOf(server.pid, 'SigIgn');
  const isIgnored = names.includes('SIGCHLD');
  const figure =
    `SIGCHLD is ${isIgnored ? '' : 'not '}ignored, ` +
    `${count(zombies.length, 'zombie')} after ${FEW} clients`;
  const evidence = [
    `SigIgn in /proc/${server.pid}/status is ${mask}`,
    ...describeZombies(server, zombies),
  ];
  return judge(isIgnored && zombies.length === 0, figure, evidence);
});

/** Is a client served by an orphan, which holds nothing else? */
export const grandchild = onServer(async (server, defer) => {
  const client = await openClient(server, defer);
  await untilIdle(server);
  const end = serverEndOf(server, client);
  const holders = end?.holders ?? [];
  const [holder] = holders;
  if (!end || !holder || holders.length > 1) {
    const processes = count(holders.length, 'process holds', 'processes hold');
    const others = holders.map(({ pid }) => pid);
    const children = others.filter((pid) => pid !== server.pid);
    const states = describeFamily(server, children);
    return bad(`${processes} the connection`, states);
  }
  const { pid } = holder;
  const { parent = 0 } = readProcess(pid) ?? {};
  // Here orphans are ours, see adoptOrphans.
  const isOurs = parent === process.pid;
  const adopter = isOurs ? ' (this command, in the place of init)' : '';
  const who = `${describeRole(server, pid)}, whose parent is PID ${parent}${adopter}`;
  const evidence = [`${describeEnd(end, holder)} is held by ${who}`];
  if (treeOf(server.pid).includes(pid)) {
    return bad('the client is served by no orphan', evidence);
  }
  const [own] = findHolders([pid]).get(server.listener.inode) ?? [];
  if (own) {
    evidence.push(`descriptor ${own.fd} of the same is the listener`);
    return bad('the orphan keeps the port', evidence);
  }
  if ((await ask(server, [client])) === 0) {
    return bad('the client got no answer', evidence);
  }
  const zombies = await zombiesLeft(server);
  const figure = `an orphan served the client, ${count(zombies.length, 'zombie')}`;
  return zombies.length === 0
    ? good(figure, evidence)
    : bad(figure, describeZombies(server, zombies));
});

const WORKERS = 2;

/** Are there two workers from the start, who accept by themselves? */
export const workers = onServer(async (server, defer) => {
  await untilIdle(server);
  const made = livingOf(server);
  const state = () => describeFamily(server);
  if (made.length !== WORKERS) {
    const children = count(made.length, 'child', 'children');
    return bad(`${children} before any client has come`, state());
  }
  const clients = await openClients(server, WORKERS + 1, defer);
  await untilIdle(server);
  const serving = clients.map((client) => holdersOf(server, client));
  const accepted = serving.filter((holders) => holders.length > 0);
  if (accepted.length !== WORKERS) {
    const figure = `${accepted.length} of ${clients.length} clients accepted`;
    return bad(figure, state());
  }
  if (!serving.flat().every(({ pid }) => made.includes(pid))) {
    return bad('others than the two workers serve', state());
  }
  const victim = serving[0]?.[0]?.pid ?? 0;
  await killOneOf(server, victim);
  if (livingOf(server).length !== WORKERS) {
    return bad(`PID ${victim} was killed and not replaced`, state());
  }
  const lost = WORKERS - (await ask(server, clients.slice(1)));
  if (lost > 0) {
    return bad(`${lost} other clients lost with PID ${victim}`, state());
  }
  return good(
    'two clients served, the third waits; a killed worker is replaced',
  );
});
