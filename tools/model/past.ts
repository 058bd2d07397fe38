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
  /** How many looks ago that was which is shown; 0: the latest, whichever. */
  #back = 0;

  /** Keeps one more look. What is shown of the past stays. */
  add(model: Model): void {
    const last = hasServer(model) ? model : (this.#looks.at(-1)?.last ?? null);
    const look = { model, last, ago: null, goesOn: true };
    this.#looks = [...this.#looks, look].slice(-KEPT);
    if (this.#back > 0) this.wind(1);
  }

  /** Goes back, or forward again if negative; beyond the end is now, always. */
  wind(back: number): void {
    const oldest = Math.max(0, this.#looks.length - 1);
    this.#back = Math.min(oldest, Math.max(0, this.#back + back));
  }

  /** What was seen last, whatever is shown; null before the first look. */
  get latest(): Model | null {
    return this.#looks.at(-1)?.model ?? null;
  }

  /** null before the first look. */
  get view(): View | null {
    const [latest, shown] = [this.latest, this.#looks.at(-1 - this.#back)];
    if (!latest || !shown || this.#back === 0) return shown ?? null;
    const ago = Date.parse(latest.time) - Date.parse(shown.model.time);
    return { ...shown, ago: ago / 1_000 };
  }

  /** How many looks are kept, and which of them is shown, from 0. */
  get position(): { at: number; of: number } {
    const of = this.#looks.length;
    return { at: of - 1 - this.#back, of };
  }
}

function hasServer({ processes: [first] }: Model): boolean {
  return first?.role === 'server';
}
