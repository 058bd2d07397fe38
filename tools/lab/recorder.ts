/**
 * Labs recorded for the site: what is said, and the picture that belongs to
 * it. Each look waits until nobody moves any more, so that the same lab looks
 * the same the next time.
 */
import { LISTENER } from '../common/numbers';
import { Names } from '../harness/names';
import { adoptedOrphans } from '../harness/orphans';
import { withCleanUp } from '../harness/programs';
import { type Server, startServer } from '../harness/servers';
import { STAGES, targetOf } from '../harness/stages';
import { startStopwatch, waitFor } from '../harness/wait';
import { type Frame, frameOf } from '../model/frames';
import { type Look, lookAt } from '../model/look';
import {
  type Note,
  patchBetween,
  type Replay,
  type Value,
} from '../model/replay';
import type { ChapterLab } from './labs';
import type { Witness } from './notebook';

const LOOK_EVERY_MS = 20;
/** So long it waits for everybody to come to rest. */
const PATIENCE_MS = 2_000;
/** So much is enough in one step, where the lab itself says nothing. */
const ENOUGH_MOMENTS = 4;

/** Records one lab. */
export class Recorder implements Witness {
  readonly #missing: number[];
  readonly #names = new Names();
  readonly #steps: Replay['steps'] = [{ words: '', moments: [] }];
  /** What belongs to the next picture, since everybody moves. */
  readonly #unwritten: Note[] = [];
  #port: number | null = null;
  #look: Look | null = null;
  /** The last picture that was kept. */
  #frame: Value = {};

  /** @param missing descriptors that servers are given */
  constructor(missing: number[]) {
    this.#missing = missing;
  }

  /** A shell opens the descriptors, and becomes the server. */
  command(words: string[]): string[] {
    const open = this.#missing.map((fd) => `${fd}</dev/null`).join(' ');
    return ['bash', '-c', `exec ${open}; exec "$@"`, 'bash', ...words];
  }

  follow({ pid, port }: Server): void {
    this.#names.learnPids([pid]);
    this.#names.learnPort(port);
    if (port !== this.#port) this.#look = null;
    this.#port = port;
  }

  step(text: string): void {
    this.#see();
    this.#write();
    this.#steps.push({ words: this.#names.show(text), moments: [] });
  }

  note(...notes: Note[]): void {
    // Clients are numbered in the order in which the lab names them.
    for (const note of notes) this.#rename(note);
    this.#unwritten.push(...notes);
    if (this.#see()) this.#write();
  }

  #write(): void {
    const { moments } = this.#step;
    const notes = this.#unwritten.splice(0).map((note) => this.#rename(note));
    if (notes.length > 0 && moments.length === 0) moments.push({ notes: [] });
    moments.at(-1)?.notes.push(...notes);
  }

  /** The numbers that all pages show, in the place of the real ones. */
  #rename(note: Note): Note {
    return 'show' in note
      ? { show: this.#names.show(note.show) }
      : { ...note, expect: this.#names.show(note.expect) };
  }

  look(): void {
    if (this.#step.moments.length < ENOUGH_MOMENTS) this.#see();
  }

  /** The whole of it, when the lab is over and its servers are still there. */
  async finish({ run, ...words }: ChapterLab): Promise<Replay> {
    await waitFor('nobody moves', () => this.#see()).catch(() => {});
    this.#write();
    const { conclusion, ...head } = words;
    const steps = this.#steps.filter(
      ({ words, moments }) => words || moments.length > 0,
    );
    return { ...head, steps, conclusion };
  }

  get #step() {
    return this.#steps.at(-1) as Replay['steps'][number];
  }

  /**
   * Looks until two looks agree, and keeps what has changed. Nothing else goes
   * on here meanwhile, so that the lab does not run ahead.
   *
   * @returns whether everybody has come to rest
   */
  #see(): boolean {
    const waited = startStopwatch();
    let before = '';
    while (this.#port !== null && waited() < PATIENCE_MS) {
      adoptedOrphans(); // nobody else would wait for them
      // Without a memory, each process is looked at again.
      this.#look?.snapshot.memory.clear();
      this.#look = lookAt(this.#port, this.#look);
      const { model } = this.#look;
      const frame = frameOf(model);
      const now = JSON.stringify(frame);
      // One that we have started, and that we have yet to wait for.
      if (model.end?.state === 'zombie') return false;
      if (now === before && isAtRest(frame)) {
        this.#keep(frame);
        return true;
      }
      before = now;
      sleep(LOOK_EVERY_MS);
    }
    return this.#port === null;
  }

  #keep(frame: Frame): void {
    this.#names.learnPids(Object.keys(frame.processes).map(Number));
    const text = JSON.stringify(withoutOurselves(frame));
    const { connections, ...rest } = JSON.parse(this.#names.show(text));
    const sorted = Object.entries(connections).sort();
    const shown = { ...rest, connections: Object.fromEntries(sorted) };
    const change = patchBetween(this.#frame, shown);
    if (change === null) return;
    this.#frame = shown;
    this.#step.moments.push({ frame: change, notes: [] });
  }
}

/** Clients, without their process: all are ours. */
function withoutOurselves(frame: Frame): Frame {
  const connections = Object.entries(frame.connections).map(
    ([address, { client, ...one }]) => [
      address,
      { ...one, ...(client && { client: { state: client.state } }) },
    ],
  );
  return { ...frame, connections: Object.fromEntries(connections) };
}

/**
 * Whether all that has begun is done: everybody sleeps, each FIN is
 * acknowledged, and no orphan that has ended is left to be waited for.
 */
function isAtRest({ processes, connections }: Frame): boolean {
  const moves = Object.values(processes).some(
    ({ state, role }) =>
      /[RDX]/.test(state) || (state === 'Z' && role === 'orphan'),
  );
  const isHalfDone = /SYN_RECV|FIN_WAIT1|LAST_ACK|CLOSING/;
  return (
    !moves &&
    !Object.values(connections).some(({ state = '' }) => isHalfDone.test(state))
  );
}

/** Waits, and nothing of ours goes on meanwhile. */
function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/**
 * The descriptors that are missing here so that a server listens on the number
 * that all pages show. In a terminal, Node has some more of its own.
 */
export async function findMissingDescriptors(): Promise<number[]> {
  const { fd } = await withCleanUp(async (defer) => {
    const server = await startServer(targetOf(STAGES.part1), defer);
    return server.listener;
  });
  const missing = Math.max(0, LISTENER - fd);
  return Array.from({ length: missing }, (_, i) => fd + i);
}

/** A replay as a file: a line for each moment, so that differences are small. */
export function format({ steps, ...words }: Replay): string {
  const lines = steps.map(({ words, moments }) => {
    const all = moments.map((moment) => `   ${JSON.stringify(moment)}`);
    return `  {"words": ${JSON.stringify(words)}, "moments": [\n${all.join(',\n')}\n  ]}`;
  });
  const head = JSON.stringify(words, null, 1).replace(/\n}$/, '');
  return `${head},\n "steps": [\n${lines.join(',\n')}\n ]\n}\n`;
}
