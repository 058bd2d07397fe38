/**
 * From runs to a result: medians, and whether it is one at all.
 */
import { quantile } from '../common/statistics';
import type { Outcome } from './load';

/** One server's turn under one load. */
export interface Run extends Outcome {
  /** All the load there was, the slow client included. */
  all: Outcome[];
  /** How many requests the server has counted meanwhile. */
  counted: number;
}

/** What all the turns of a server under one load come to. */
export interface Result {
  name: string;
  label: string;
  /** Why this is no result, if it isn't. */
  problem: string | null;
  /** Quick requests answered, per second: the median of all rounds. */
  perSecond: number;
  /** Of each round. */
  rounds: number[];
  /** How long an answer took, in ms; of all rounds. */
  median: number;
  p99: number;
  /** All requests, by the clients' count and by the server's. */
  answered: number;
  counted: number;
}

export function summarizeRuns(runs: Run[]): Omit<Result, 'name' | 'label'> {
  const rounds = runs.map((run) => run.latencies.length / run.elapsed);
  const latencies = runs.flatMap((run) => run.latencies);
  const all = runs.flatMap((run) => run.all);
  return {
    problem: runs.map(findProblem).find((problem) => problem !== null) ?? null,
    perSecond: quantile(rounds, 0.5),
    rounds,
    median: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    answered: sum(all.map((outcome) => outcome.latencies.length)),
    counted: sum(runs.map((run) => run.counted)),
  };
}

/** A run counts if every request was answered, and the server knows of it. */
export function findProblem({ all, counted }: Run): string | null {
  const sent = sum(all.map((outcome) => outcome.sent));
  const answered = sum(all.map((outcome) => outcome.latencies.length));
  const errors = sum(all.map((outcome) => outcome.errors));
  const why = all.find((outcome) => outcome.why)?.why ?? 'a wrong answer';
  if (errors > 0) return `${errors} × ${why}`;
  if (answered !== sent) return `${answered} answers to ${sent} requests`;
  if (counted !== sent) return `${sent} requests, the server saw ${counted}`;
  return sent === 0 ? 'no requests' : null;
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
