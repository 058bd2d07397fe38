/**
 * npm run soak: a hundred thousand requests to part 3, and what they leave.
 *
 * Says, in between, how many descriptors and zombies the parent has and how
 * much memory. Ends with status 1 if at the end they are not what they were
 * after the first thousand, or if an answer was missing.
 *
 * How fast it answers depends on what else the machine has to do. So a server
 * that has just been started takes turns with it.
 *
 * With --asleep, so many clients have a child each that sleeps all the time.
 */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { integer, readFlags } from '#shared/flags';
import { Obstacle, run } from '../common/run';
import { quantile } from '../common/statistics';
import { adoptOrphans } from '../harness/orphans';
import { type Defer, withCleanUp } from '../harness/programs';
import { type Server, startServer, type Target } from '../harness/servers';
import { built, compile, STAGES } from '../harness/stages';
import { waitFor } from '../harness/wait';
import { countDescriptors } from '../kernel/descriptors';
import {
  childrenOf,
  memoryOf,
  ownMemoryOf,
  zombiesOf,
} from '../kernel/processes';

const FIRST_LOOK = 1_000;
const LOOKS = 10;
/** So many requests are timed together. */
const BLOCK = 250;
/** The fresh server has its turn after so many blocks. */
const FRESH_EVERY = 4;
// V8's heap breathes. In 100,000 requests, 21 bytes each would not fit in here.
const MEMORY_TOLERANCE_KB = 2_048;

const usage = { name: 'soak', summary: 'many requests, and what they leave' };
const { requests, clients, asleep } = readFlags(usage, {
  requests: integer('how many', [FIRST_LOOK, 10_000_000], 100_000),
  clients: integer('how many at once', [1, 200], 8),
  asleep: integer('how many children sleep meanwhile', [0, 2_000], 0),
});

/** As a reader starts it, but with room for those that sleep. */
const FLAGS = `--quiet --port 0 --max-children ${256 + asleep}`.split(' ');
const PART_3: Target = {
  command: [process.execPath, built(STAGES.part3), ...FLAGS],
};

/** What there is of a server that has nothing to do. */
interface Look {
  requests: number;
  descriptors: number;
  zombies: number;
  memory: number;
  perSecond: number;
  /** How fast it was, measured by a server that had just been started. */
  ofFresh: number;
}

async function soak(server: Server): Promise<Look[]> {
  const looks: Look[] = [];
  let done = 0;
  for (const until of lookAfter()) {
    const speed = await askInTurn(server, until - done);
    done = until;
    looks.push(await look(server, done, speed));
    printRow(looks.at(-1));
  }
  return looks;
}

type Speed = Pick<Look, 'perSecond' | 'ofFresh'>;

/** Asks the server so many times, and a fresh one now and then. */
function askInTurn(server: Server, count: number): Promise<Speed> {
  return withCleanUp(async (defer) => {
    const fresh = await startServer(PART_3, defer);
    await timeOf(fresh, BLOCK); // the first ones are slow
    let spent = 0;
    const ratios: number[] = [];
    for (let block = 0; block * BLOCK < count; block++) {
      const requests = Math.min(BLOCK, count - block * BLOCK);
      const time = await timeOf(server, requests);
      spent += time;
      if (block % FRESH_EVERY > 0) continue;
      ratios.push((await timeOf(fresh, BLOCK)) / BLOCK / (time / requests));
    }
    const ofFresh = quantile(ratios, 0.5);
    return { perSecond: (1000 * count) / spent, ofFresh };
  });
}

/** How long so many requests take, in ms. */
async function timeOf(server: Server, count: number): Promise<number> {
  const started = performance.now();
  await Promise.all(
    Array.from({ length: clients }, (_, i) =>
      ask(server, Math.floor((count + i) / clients)),
    ),
  );
  return performance.now() - started;
}

/** After the first thousand, and then ten times at equal distances. */
function lookAfter(): Set<number> {
  const step = (requests - FIRST_LOOK) / LOOKS;
  const looks = Array.from({ length: LOOKS + 1 }, (_, i) =>
    Math.round(FIRST_LOOK + i * step),
  );
  return new Set(looks); // only one, if there are no more than a thousand
}

/** Has children answer requests that take an hour, and says what they cost. */
async function putToSleep(server: Server, defer: Defer): Promise<void> {
  const { host, port, pid } = server;
  for (let i = 0; i < asleep; i++) {
    const request = get({ host, port, path: '/sleep/3600', agent: false });
    request.on('error', () => {}); // the server ends before its answer
    defer(() => void request.destroy());
  }
  await waitFor('all are asleep', () => childrenOf(pid).length === asleep);
  const memory = childrenOf(pid).map((child) => ownMemoryOf(child) ?? 0);
  const each = Math.round(quantile(memory, 0.5));
  console.log(
    `${asleep} children are asleep, each with ${each} kB of its own\n`,
  );
}

/** One client: request after request, each on a connection of its own. */
async function ask({ host, port }: Server, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const request = get({ host, port, agent: false });
    const [response]: IncomingMessage[] = await once(request, 'response');
    let answer = '';
    for await (const chunk of response ?? []) answer += chunk;
    if (!answer.startsWith('process'))
      throw new Obstacle(`answered "${answer}"`);
  }
}

async function look(
  { pid }: Server,
  requests: number,
  speed: Speed,
): Promise<Look> {
  // If some stay, the row says so.
  const gone = () => childrenOf(pid).length === asleep;
  await waitFor('the quick ones are gone', gone).catch(() => null);
  return {
    requests,
    ...speed,
    descriptors: countDescriptors(pid),
    zombies: zombiesOf(pid).length,
    memory: memoryOf(pid) ?? 0,
  };
}

const COLUMNS: Record<string, (look: Look) => number | string> = {
  requests: ({ requests }) => requests,
  descriptors: ({ descriptors }) => descriptors,
  zombies: ({ zombies }) => zombies,
  'memory/kB': ({ memory }) => memory,
  'requests/s': ({ perSecond }) => Math.round(perSecond),
  'of a fresh one': ({ ofFresh }) => ofFresh.toFixed(2),
};

function printRow(row?: Look): void {
  const cells = Object.entries(COLUMNS).map(([title, cellOf]) =>
    String(row ? cellOf(row) : title).padStart(title.length + 2),
  );
  console.log(cells.join(''));
}

function judge(looks: Look[]): void {
  const [first, last] = [looks[0], looks.at(-1)];
  if (!first || !last) return;
  const grown = last.memory - first.memory;
  const same =
    first.descriptors === last.descriptors &&
    last.zombies === 0 &&
    grown <= MEMORY_TOLERANCE_KB;
  console.log(
    same
      ? `\nAfter ${last.requests} requests it is as after ${first.requests}.`
      : `\nIt has changed: ${grown} kB more, ` +
          `${last.descriptors - first.descriptors} descriptors more, ` +
          `${last.zombies} zombies.`,
  );
  process.exitCode = same ? 0 : 1;
}

run(usage.name, () =>
  withCleanUp(async (defer) => {
    adoptOrphans();
    compile(STAGES.part3);
    const server = await startServer(PART_3, defer);
    if (asleep > 0) await putToSleep(server, defer);
    printRow();
    judge(await soak(server));
  }),
);
