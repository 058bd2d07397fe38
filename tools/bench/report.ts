/**
 * The terminal: progress while it runs, then tables with bars.
 */
import chalk from 'chalk';
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

function row(label: string, ...cells: [...string[]]): string {
  const [rate = '', median = '', p99 = '', ratio = '', bar = ''] = cells;
  const columns = [
    label.padEnd(28),
    rate.padStart(6),
    median.padStart(8),
    p99.padStart(8),
    ratio.padStart(8),
    bar,
  ];
  return columns.join(' ').trimEnd();
}

/** Requests per second: what the noise leaves of them. */
export function formatRate(perSecond: number): string {
  return perSecond < 100 ? perSecond.toFixed(1) : perSecond.toFixed(0);
}

function formatTime(milliseconds: number): string {
  return `${milliseconds.toFixed(milliseconds < 100 ? 1 : 0)} ms`;
}

/** One line that is overwritten, on a terminal; nothing in a pipe. */
export class Progress {
  readonly #total: number;
  readonly #started = performance.now();
  #begun = 0;

  constructor(total: number) {
    this.#total = total;
  }

  show(what: string): void {
    const left = this.#secondsLeft();
    this.#begun++;
    if (!process.stderr.isTTY) return;
    const line = `${this.#begun} of ${this.#total}${left} · ${what}`;
    const { columns = 80 } = process.stderr;
    process.stderr.write(`\r\x1b[K${line.slice(0, columns - 1)}`);
  }

  clear(): void {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  }

  #secondsLeft(): string {
    if (this.#begun === 0) return '';
    const each = (performance.now() - this.#started) / 1000 / this.#begun;
    return `, ${Math.ceil(each * (this.#total - this.#begun))} s left`;
  }
}
