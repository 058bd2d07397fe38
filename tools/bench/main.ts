/**
 * npm run bench: the stages beside their yardsticks, under the same load.
 *
 * The servers take turns in every round, so that a machine that is busy for
 * a while is busy for all of them. What clients and servers have counted has
 * to agree, or the run is no result.
 */
import { accessSync, constants, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { integer, readFlags, seconds } from '#shared/flags';
import { someOf, word } from '../common/flags';
import { Obstacle, run } from '../common/run';
import { adoptOrphans } from '../harness/orphans';
import { compile, STAGES } from '../harness/stages';
import { drawChart } from './chart';
import { type Costs, measureCosts } from './costs';
import { askForCount, type Outcome, putUnderLoad } from './load';
import { describeMachine } from './machine';
import { formatReport, Progress } from './report';
import {
  CONTESTANTS,
  type Contestant,
  type Name,
  type Running,
  startContestant,
} from './servers';
import { type Result, type Run, summarizeRuns } from './summary';

const JSON_FILE = 'build/bench.json';
const NAMES = Object.keys(CONTESTANTS) as Name[];
const QUICK_CLIENTS = 8;
const SLEEP_SECONDS = 0.25;

const LOADS = {
  quick: {
    what: `${QUICK_CLIENTS} clients ask for /`,
    short: 'quick clients',
  },
  mixed: {
    what:
      `${QUICK_CLIENTS} clients ask for /, ` +
      `and one for /sleep/${SLEEP_SECONDS} again and again`,
    short: 'with a slow client',
  },
};
type LoadName = keyof typeof LOADS;
const LOAD_NAMES = Object.keys(LOADS) as LoadName[];

const FLAGS = {
  seconds: seconds('how long each run lasts', [0.1, 60], 1),
  rounds: integer('how often each server has its turn', [1, 100], 3),
  requests: integer('how many one after the other', [1, 100_000], 1_000),
  only: someOf('these servers', NAMES),
  svg: word('FILE', 'draw a chart as well', 'a file name', null),
};

async function main(): Promise<void> {
  const summary = 'puts the stages and their yardsticks under the same load';
  const flags = readFlags({ name: 'bench', summary }, FLAGS);
  if (flags.svg !== null) accessSync(dirname(flags.svg), constants.W_OK);
  adoptOrphans();
  compile(STAGES.part1); // and with it all the others
  const { names, skipped } = prepare(flags.only);
  const runs = await measureAll(names, flags.rounds, flags.seconds);
  const costs = await measureAllCosts(names, flags.requests);
  const report = {
    machine: describeMachine(),
    rounds: flags.rounds,
    seconds: flags.seconds,
    skipped,
    costs,
    loads: LOAD_NAMES.map((load) => ({
      load,
      what: LOADS[load].what,
      results: names.map((name): Result => {
        const summary = summarizeRuns(runs.get(`${name} ${load}`) ?? []);
        return { name, label: CONTESTANTS[name].label, ...summary };
      }),
    })),
  };
  console.log(formatReport(report));
  writeFileSync(JSON_FILE, `${JSON.stringify(report, null, 2)}\n`);
  if (flags.svg !== null) writeFileSync(flags.svg, drawChart(report));
  const results = report.loads.flatMap((load) => load.results);
  if (results.some(({ problem }) => problem !== null)) process.exitCode = 1;
}

function prepare(wanted: Name[]) {
  const skipped: string[] = [];
  const names = wanted.filter((name) => {
    const { label, prepare }: Contestant = CONTESTANTS[name];
    const reason = prepare?.();
    if (reason !== undefined) skipped.push(`${label}: ${reason}`);
    return reason === undefined;
  });
  if (names.length === 0) throw new Obstacle(skipped.join('; '));
  return { names, skipped };
}

async function measureAll(
  names: Name[],
  rounds: number,
  seconds: number,
): Promise<Map<string, Run[]>> {
  const runs = new Map<string, Run[]>();
  const progress = new Progress(rounds * names.length * LOAD_NAMES.length);
  const servers = new Map<Name, Running>();
  // A run that does not count: the load has to be compiled, too.
  progress.say(`warms up for ${seconds} s`);
  if (names[0]) await measure(names[0], 'quick', seconds, servers);
  for (let round = 0; round < rounds; round++) {
    // Back and forth: none is always the one after the slowest.
    const order = round % 2 === 0 ? names : names.toReversed();
    for (const name of order) {
      for (const load of LOAD_NAMES) {
        progress.show(`${CONTESTANTS[name].label} · ${LOADS[load].short}`);
        const key = `${name} ${load}`;
        const run = await measure(name, load, seconds, servers);
        runs.set(key, [...(runs.get(key) ?? []), run]);
      }
    }
  }
  progress.clear();
  for (const server of servers.values()) await server.stop();
  return runs;
}

/** What a request costs those that fork and clean up. */
async function measureAllCosts(
  names: Name[],
  requests: number,
): Promise<Costs[]> {
  const progress = new Progress(names.length);
  const all: Costs[] = [];
  for (const name of names) {
    const contestant: Contestant = CONTESTANTS[name];
    const { label, forks } = contestant;
    if (!forks) continue;
    progress.say(`${label} · one request at a time`);
    all.push(await measureCosts({ ...contestant, forks }, requests));
  }
  progress.clear();
  return all;
}

/** One run. A server that leaks is started for it and ended after it. */
async function measure(
  name: Name,
  load: LoadName,
  seconds: number,
  servers: Map<Name, Running>,
): Promise<Run> {
  const contestant: Contestant = CONTESTANTS[name];
  const server = servers.get(name) ?? (await startContestant(contestant));
  try {
    return await putBothUnderLoad(server.port, contestant, load, seconds);
  } finally {
    if (contestant.bound === undefined) servers.set(name, server);
    else await server.stop();
  }
}

async function putBothUnderLoad(
  port: number,
  { ends, bound = Number.POSITIVE_INFINITY }: Contestant,
  load: LoadName,
  seconds: number,
): Promise<Run> {
  const before = await askForCount(port);
  const common = { port, seconds, ends, most: bound };
  const sleep = `/sleep/${SLEEP_SECONDS}`;
  const clients = [{ ...common, path: '/', connections: QUICK_CLIENTS }];
  if (load === 'mixed')
    clients.push({ ...common, path: sleep, connections: 1 });
  const all = await Promise.all(clients.map(putUnderLoad));
  const counted = (await askForCount(port)) - before - 1;
  return { ...(all[0] as Outcome), all, counted };
}

run('bench', main);
