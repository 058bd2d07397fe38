/**
 * Looks at servers for as long as somebody wants to know: one look for all
 * who watch the same port.
 */
import { forget } from '../kernel/endings';
import { diagnose, type Model } from '../model/diagnosis';
import { understand } from '../model/facts';
import { type Picture, takePicture } from '../model/picture';

/** Gets a model as JSON, or null: still here, and nothing has changed. */
type Listener = (model: string | null) => void;

const PAUSE_MS = 200;
/** Looking takes at most this share of a processor's time. */
const SHARE = 0.2;
/** So often, silent listeners are told that we are still here. */
const HEARTBEAT_MS = 10_000;
/** What changes from look to look though nothing has happened. */
const VOLATILE = new Set(['time', 'age', 'at', 'seen', 'trend']);

const looks = new Map<number, Look>();

/**
 * Watches the server on a port.
 *
 * @returns what ends it
 */
export function watch(port: number, listener: Listener): () => void {
  const look = looks.get(port) ?? new Look(port);
  looks.set(port, look);
  look.add(listener);
  return () => {
    if (look.remove(listener) === 0) looks.delete(port);
  };
}

class Look {
  readonly #port: number;
  readonly #listeners = new Set<Listener>();
  #picture: Picture | null = null;
  #model: Model | null = null;
  #news = '';
  #told = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  add(listener: Listener): void {
    this.#listeners.add(listener);
    if (this.#model) listener(JSON.stringify(this.#model));
    else this.#look();
  }

  /** @returns how many are left */
  remove(listener: Listener): number {
    this.#listeners.delete(listener);
    if (this.#listeners.size === 0) this.#end();
    return this.#listeners.size;
  }

  #end(): void {
    clearTimeout(this.#timer);
    // The server that was seen is remembered by a descriptor of ours.
    if (this.#picture?.server) forget(this.#picture.server);
  }

  #look(): void {
    const start = performance.now();
    this.#picture = takePicture(this.#port, this.#picture);
    this.#model = diagnose(understand(this.#picture, this.#model));
    const news = JSON.stringify(this.#model, (key, value) =>
      VOLATILE.has(key) ? undefined : value,
    );
    const end = performance.now();
    if (news !== this.#news) this.#tell(JSON.stringify(this.#model), end);
    else if (end - this.#told > HEARTBEAT_MS) this.#tell(null, end);
    this.#news = news;
    const pause = Math.max(PAUSE_MS, (end - start) / SHARE);
    this.#timer = setTimeout(() => this.#look(), pause);
  }

  #tell(model: string | null, time: number): void {
    for (const listener of this.#listeners) listener(model);
    this.#told = time;
  }
}
