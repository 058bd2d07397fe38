/**
 * npm run soak: a hundred thousand requests to part 3, and what they leave.
 *
 * Says, in between, how many descriptors and zombies the parent has and how
 * much memory. Ends with status 1 if at the end they are not what they were
 * after the first thousand, or if an answer was missing.
 */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { integer, readFlags } from '../shared/flags';
import {
  childrenOf,
  descriptorsOf,
  memoryOf,
  zombiesOf,
} from '../shared/kernel';
import { withCleanUp } from './experiments/programs';
import { type Server, startServer } from './experiments/servers';
import { built, STAGES, targetOf } from './experiments/stages';
import { waitFor } from './experiments/wait';

const FIRST_LOOK = 1_000;
const LOOKS = 10;
// V8's heap breathes. A leak of one byte per request would not fit in here.
const MEMORY_TOLERANCE_KB = 8_192;

const usage = { name: 'soak', summary: 'many requests, and what they leave' };
const { requests, clients } = readFlags(usage, {
  requests: integer('how many', [FIRST_LOOK, 10_000_000], 100_000),
  clients: integer('how many at once', [1, 200], 8),
});

/** What there is of a server that has nothing to do. */
interface Look {
  requests: number;
  descriptors: number;
  zombies: number;
  memory: number;
  perSecond: number;
}

async function soak(server: Server): Promise<Look[]> {
  const looks: Look[] = [];
  let done = 0;
  for (const until of lookAfter()) {
    const count = until - done;
    const started = Date.now();
    await Promise.all(
      Array.from({ length: clients }, (_, i) =>
        ask(server, Math.floor((count + i) / clients)),
      ),
    );
    const perSecond = Math.round((1000 * count) / (Date.now() - started));
    done = until;
    looks.push(await look(server, done, perSecond));
    printRow(looks.at(-1));
  }
  return looks;
}

/** After the first thousand, and then ten times at equal distances. */
function lookAfter(): number[] {
  const step = (requests - FIRST_LOOK) / LOOKS;
  return Array.from({ length: LOOKS + 1 }, (_, i) =>
    Math.round(FIRST_LOOK + i * step),
  );
}

/** One client: request after request, each on a connection of its own. */
async function ask({ host, port }: Server, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const request = get({ host, port, agent: false });
    const [response]: IncomingMessage[] = await once(request, 'response');
    let answer = '';
    for await (const chunk of response ?? []) answer += chunk;
    if (!answer.startsWith('process')) throw new Error(`answered "${answer}"`);
  }
}

async function look(
  { pid }: Server,
  requests: number,
  perSecond: number,
): Promise<Look> {
  // If some stay, the row says so.
  const gone = () => childrenOf(pid).length === 0;
  await waitFor('no child is left', gone).catch(() => null);
  return {
    requests,
    perSecond,
    descriptors: descriptorsOf(pid)?.size ?? 0,
    zombies: zombiesOf(pid).length,
    memory: memoryOf(pid) ?? 0,
  };
}

function printRow(row?: Look): void {
  const cells = row
    ? [row.requests, row.descriptors, row.zombies, row.memory, row.perSecond]
    : ['requests', 'descriptors', 'zombies', 'memory/kB', 'requests/s'];
  console.log(cells.map((cell) => String(cell).padStart(12)).join(''));
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

printRow();
withCleanUp(async (defer) => {
  const part3 = targetOf(built(STAGES.part3));
  judge(await soak(await startServer(part3, defer)));
}).catch((error: Error) => {
  console.error(`soak: ${error.message}`);
  process.exitCode = 1;
});
