/**
 * What has been seen, so that it can be seen again.
 */
import type { Model } from './diagnosis';

/** So many looks are kept: five minutes, one a second. */
const KEPT = 300;

/** What to show: one look of many. */
export interface View {
  model: Model;
  /** The last look at a server that was there. */
  last: Model | null;
  /** How many seconds ago that was; null if it is the latest look. */
  ago: number | null;
  /** Whether there will be another look. */
  goesOn: boolean;
}

/** The looks so far, and which of them is shown. */
export class Past {
  #looks: View[] = [];
  /** null: the latest, whichever that is. */
  #shown: View | null = null;

  /** Keeps one more look. What is shown of the past stays. */
  add(model: Model): void {
    const last = hasServer(model) ? model : (this.#looks.at(-1)?.last ?? null);
    const look = { model, last, ago: null, goesOn: true };
    this.#looks = [...this.#looks, look].slice(-KEPT);
    const [oldest = null] = this.#looks;
    if (this.#shown && this.#at === -1) this.#shown = oldest;
  }

  /** Goes back, or forward again if negative; beyond the end is now, always. */
  wind(back: number): void {
    const latest = this.#looks.length - 1;
    const from = this.#shown ? this.#at : latest;
    const at = Math.max(0, from - back);
    this.#shown = at < latest ? (this.#looks[at] ?? null) : null;
  }

  /** What was seen last, whatever is shown; null before the first look. */
  get latest(): Model | null {
    return this.#looks.at(-1)?.model ?? null;
  }

  /** null before the first look. */
  get view(): View | null {
    const latest = this.#looks.at(-1) ?? null;
    if (!latest || !this.#shown) return latest;
    const timeOf = ({ model }: View) => Date.parse(model.time);
    const ago = (timeOf(latest) - timeOf(this.#shown)) / 1_000;
    return { ...this.#shown, ago };
  }

  /** How many looks are kept, and which of them is shown, from 0. */
  get position(): { at: number; of: number } {
    const of = this.#looks.length;
    return { at: this.#shown ? this.#at : of - 1, of };
  }

  get #at(): number {
    return this.#shown ? this.#looks.indexOf(this.#shown) : -1;
  }
}

function hasServer({ processes: [first] }: Model): boolean {
  return first?.role === 'server';
}
