/**
 * The terminal: progress while it runs, then tables with bars.
 */
import chalk from 'chalk';
import { formatTime, wrap } from '../common/words';
import type { Costs } from './costs';
import type { Machine } from './machine';
import type { Result } from './summary';

/** All that a benchmark has found: what build/bench.json holds. */
export interface Report {
  machine: Machine;
  rounds: number;
  /** How long each run lasted. */
  seconds: number;
  /** Who could not take part, and why. */
  skipped: string[];
  loads: { load: string; what: string; results: Result[] }[];
  /** Of the servers that fork and clean up. */
  costs: Costs[];
}

const BAR_WIDTH = 16;
const REFERENCE = 'part3';

/** Tables of 80 columns that need no colour to be read. */
export function formatReport(report: Report): string {
  const { machine, rounds, seconds, skipped } = report;
  return [
    ...report.loads.flatMap(({ what, results }) => [
      chalk.bold(what),
      chalk.dim(HEADINGS),
      ...formatRows(results),
      '',
    ]),
    ...formatCosts(report.costs),
    ...skipped.map((who) => `skipped: ${who}`),
    `${machine.cores} × ${machine.processor}, ${machine.memory} GiB`,
    machine.versions.join(' · '),
    'C and Python check the first line of a request and skip its fields; ' +
      'the stages\ncheck all of it.',
    `Median of ${rounds} × ${seconds} s. The load runs on the same cores as ` +
      'the servers,\nso compare the figures with each other, and with ' +
      'nothing else.',
  ].join('\n');
}

const HEADINGS = row('', 'req/s', 'median', '99 %', '× part 3', '');

function formatRows(results: Result[]): string[] {
  const valid = results.filter(({ problem }) => problem === null);
  const fastest = Math.max(...valid.map(({ perSecond }) => perSecond));
  const reference = valid.find(({ name }) => name === REFERENCE)?.perSecond;
  return results.map(({ label, problem, perSecond, median, p99 }) => {
    if (problem)
      return `${label.padEnd(28)} ${chalk.red(`invalid: ${problem}`)}`;
    const ratio = reference ? (perSecond / reference).toFixed(2) : '';
    const length = Math.max(1, Math.round((perSecond / fastest) * BAR_WIDTH));
    return row(
      label,
      formatRate(perSecond),
      formatTime(median),
      formatTime(p99),
      ratio,
      chalk.cyan('█'.repeat(length)),
    );
  });
}

function row(label: string, rate: string, ...cells: string[]): string {
  const bar = cells.pop() ?? '';
  const figures = cells.map((cell) => cell.padStart(8));
  const columns = [label.padEnd(28), rate.padStart(6), ...figures, bar];
  return columns.join(' ').trimEnd();
}

const COST_COLUMNS = 'fork rest itself work par. child maps tables'.split(' ');

/** A table of what a request costs. */
function formatCosts(costs: Costs[]): string[] {
  if (costs.length === 0) return [];
  return [
    chalk.bold('one request at a time: µs of a processor, page faults, memory'),
    chalk.dim(costRow('', 'parent', '', 'child', '', 'faults')),
    chalk.dim(costRow('', ...COST_COLUMNS)),
    ...costs.map((it) => {
      const times = [it.fork, it.parent, it.child, it.work];
      const counts = [it.parentFaults, it.childFaults, it.mappings];
      const numbers = [...times, ...counts].map((number) => number.toFixed(0));
      return costRow(it.name, ...numbers, `${it.tables} kB`);
    }),
    'fork: the call. itself: to begin and to end. faults: pages that are ' +
      'copied, or\nlooked up, when they are touched. maps: pieces of the ' +
      "parent's memory. tables:\nwhat the kernel keeps of where its pages are.",
    '',
  ];
}

function costRow(label: string, ...cells: string[]): string {
  const columns = cells.map((cell) => cell.padStart(7));
  return [label.padEnd(14), ...columns].join(' ').trimEnd();
}

/** Requests per second: what the noise leaves of them. */
export function formatRate(perSecond: number): string {
  return perSecond < 100 ? perSecond.toFixed(1) : perSecond.toFixed(0);
}

/** Where progress is shown: process.stderr, that is. */
type Screen = Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'write'>;

/** In a log, a line now and then says enough. */
const LOG_EVERY_MS = 10_000;

/**
 * How far it is: on a terminal, one line that is overwritten; elsewhere a line
 * at once, and then one in ten seconds.
 */
export class Progress {
  readonly #total: number;
  readonly #screen: Screen;
  readonly #started = performance.now();
  #loggedAt = Number.NEGATIVE_INFINITY;
  #begun = 0;

  constructor(total: number, screen: Screen = process.stderr) {
    this.#total = total;
    this.#screen = screen;
  }

  /** `12 of 48, 70 s left · part 3: forks and cleans up · quick clients` */
  show(what: string): void {
    const each = (performance.now() - this.#started) / 1000 / this.#begun;
    const seconds = Math.ceil(each * (this.#total - this.#begun));
    const left = this.#begun > 0 ? `, ${seconds} s left` : '';
    this.say(`${++this.#begun} of ${this.#total}${left} · ${what}`);
  }

  /** Words instead of figures, before there are any. */
  say(line: string): void {
    const { isTTY, columns } = this.#screen;
    if (isTTY) {
      const [start = '', ...rest] = wrap(line, (columns || 80) - 3);
      const more = rest.length > 0 ? ' …' : '';
      this.#screen.write(`\r\x1b[K${start}${more}`);
    } else if (performance.now() - this.#loggedAt >= LOG_EVERY_MS) {
      this.#loggedAt = performance.now();
      this.#screen.write(`${line}\n`);
    }
  }

  clear(): void {
    if (this.#screen.isTTY) this.#screen.write('\r\x1b[K');
  }
}
