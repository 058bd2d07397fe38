/**
 * Tools that are interrupted at any moment leave nothing running: by Ctrl-C
 * as a terminal sends it, under npm and without, once or twice, by SIGKILL, or
 * when the terminal is closed.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { test } from 'vitest';
import type { Defer } from '../../tools/harness/programs';
import { waitFor } from '../../tools/harness/wait';
import { listPids } from '../../tools/kernel/processes';
import { copyCourse } from '../support/copy';
import { built, STAGES, untilItSays } from '../support/server';
import { openTerminal, READY } from '../support/terminal';

const PART2 = `node ${built(STAGES.part2)} --port {port}`;
const ARGUMENTS = {
  soak: '--asleep 20',
  examine: PART2,
  lab: 'coalesce --yes',
  bench: '--only part2,part3',
  client: '--port 1 --clients 3',
  watch: '--port 1',
  exercise: '2',
};

/** It writes into its folder. There, a reader has made a prediction before. */
function folderFor(name: string, defer: Defer): string {
  if (name !== 'exercise') return '.';
  const folder = copyCourse(defer);
  mkdirSync(join(folder, 'mine'));
  const attempt = { solved: false, hints: 0, prediction: '' };
  const progress = JSON.stringify({ 'one-line': attempt });
  writeFileSync(join(folder, 'mine', 'progress.json'), progress);
  return folder;
}

/** How often each tool is interrupted. More takes longer and finds more. */
const TIMES = Number(process.env.INTERRUPTIONS ?? 1);
const CTRL_C = '\x03';

const interruptions = fc.record({
  /** In milliseconds. */
  after: fc.integer({ min: 0, max: 2_500 }),
  underNpm: fc.boolean(),
  how: fc.constantFrom('once', 'twice', 'killed', 'closed'),
  /** How soon the second one follows, in milliseconds. */
  again: fc.integer({ min: 0, max: 40 }),
});

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** The processes that have inherited a mark in their environment. */
function marked(mark: string): number[] {
  return listPids().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark);
    } catch {
      return false; // it has ended, or is somebody else's
    }
  });
}

test.concurrent.for(Object.entries(ARGUMENTS))(
  '%s leaves nothing running, whenever it is interrupted',
  async ([name, args], { onTestFinished: defer }) => {
    const cwd = folderFor(name, defer);
    const seed = process.env.SEED ? Number(process.env.SEED) : Date.now();
    for (const moment of fc.sample(interruptions, { numRuns: TIMES, seed })) {
      const { after, underNpm, how, again } = moment;
      const mark = randomUUID();
      const terminal = openTerminal(name, args.split(' '), {
        env: { MARK: mark },
        underNpm,
        cwd,
        defer,
      });
      await untilItSays(terminal, READY);
      await pause(after);
      if (how === 'killed') kill(terminal.inner());
      else if (how === 'closed') kill(terminal.pid);
      else terminal.type(CTRL_C);
      if (how === 'twice') {
        await pause(again);
        terminal.type(CTRL_C);
      }
      const what = `nothing is left of ${JSON.stringify(moment)}, ${seed}`;
      await waitFor(what, () => marked(mark).length === 0, 20_000);
    }
  },
);
