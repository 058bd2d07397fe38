/**
 * Looks at servers for as long as somebody watches: the same look for all who
 * watch the same port.
 */
import { forget } from '../kernel/endings';
import { type Look, lookAt } from '../model/look';

/** Gets a model as JSON, or null: still here, and nothing has changed. */
type Viewer = (model: string | null) => void;

const PAUSE_MS = 200;
/** Looking takes at most this share of a processor's time. */
const SHARE = 0.2;
/** So often, silent viewers are told that we are still here. */
const HEARTBEAT_MS = 10_000;
/** What changes from look to look though nothing has happened. */
const VOLATILE = new Set(['time', 'age', 'at', 'seen', 'trend']);

const broadcasts = new Map<number, Broadcast>();

/**
 * Watches the server on a port.
 *
 * @returns what ends it
 */
export function watch(port: number, viewer: Viewer): () => void {
  const broadcast = broadcasts.get(port) ?? new Broadcast(port);
  broadcasts.set(port, broadcast);
  broadcast.add(viewer);
  return () => {
    if (broadcast.remove(viewer) === 0) broadcasts.delete(port);
  };
}

class Broadcast {
  readonly #port: number;
  readonly #viewers = new Set<Viewer>();
  #look: Look | null = null;
  #news = '';
  #told = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  add(viewer: Viewer): void {
    this.#viewers.add(viewer);
    if (this.#look) viewer(JSON.stringify(this.#look.model));
    else this.#goOn();
  }

  /** @returns how many are left */
  remove(viewer: Viewer): number {
    this.#viewers.delete(viewer);
    if (this.#viewers.size === 0) this.#end();
    return this.#viewers.size;
  }

  #end(): void {
    clearTimeout(this.#timer);
    // The server that was seen is remembered by a descriptor of ours.
    const server = this.#look?.snapshot.server;
    if (server) forget(server);
  }

  #goOn(): void {
    const start = performance.now();
    this.#look = lookAt(this.#port, this.#look);
    const { model } = this.#look;
    const news = JSON.stringify(model, (key, value) =>
      VOLATILE.has(key) ? undefined : value,
    );
    const end = performance.now();
    if (news !== this.#news) this.#tell(JSON.stringify(model), end);
    else if (end - this.#told > HEARTBEAT_MS) this.#tell(null, end);
    this.#news = news;
    const pause = Math.max(PAUSE_MS, (end - start) / SHARE);
    this.#timer = setTimeout(() => this.#goOn(), pause);
  }

  #tell(model: string | null, time: number): void {
    for (const viewer of this.#viewers) viewer(model);
    this.#told = time;
  }
}
