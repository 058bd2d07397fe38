/**
 * Names that do not change from run to run, for the numbers that do.
 */

const SHOWN_PORT = 8888;
const FIRST_PID = 4711;
const OUTER_PID = 4700;
const FIRST_CLIENT_PORT = 50_001;
const FIRST_INODE = 1_600_001;

/**
 * Puts the numbers that a page shows in the place of real ones: the server is
 * process 4711, its children are 4712, 4713 and so on in the order of their
 * forks, and the server listens on port 8888.
 */
export class Names {
  readonly #pids = new Map<string, string>();
  readonly #ports = new Map<string, string>();
  readonly #inodes = new Map<string, string>();

  /** @param outer the PID of the program that starts the server */
  constructor(outer: number) {
    this.#pids.set(String(outer), String(OUTER_PID));
  }

  set port(port: number) {
    this.#ports.set(String(port), String(SHOWN_PORT));
  }

  /** Learns PIDs from the log of a server, its own among them. */
  learn(log: string): void {
    for (const match of log.matchAll(/^\[(\d+)\]|(?:fork →|, PID) (\d+)/gm)) {
      this.#add(this.#pids, match[1] ?? match[2] ?? '', FIRST_PID - 1);
    }
  }

  /** What a page shows for what really came out. */
  show(text: string): string {
    for (const [, inode = ''] of text.matchAll(/(?:socket:\[|IPv4 +)(\d+)/g)) {
      this.#add(this.#inodes, inode, FIRST_INODE);
    }
    for (const [, port = ''] of text.matchAll(/127\.0\.0\.1:(\d{4,5})\b/g)) {
      this.#add(this.#ports, port, FIRST_CLIENT_PORT - 1);
    }
    return text
      .replace(/^Date: .*/gm, 'Date: Thu, 01 Jan 2026 12:00:00 GMT')
      .replace(
        /(^ *| {2,})?(?<![\d.,])(\d{2,})(?![\d.]*\d)(?=(.?))/gm,
        (_, space: string | undefined, number: string, next: string) => {
          const shown = this.#shown(number);
          if (space === undefined) return shown;
          // In a column of numbers, the right edge stays where it is.
          const width = space.length + number.length;
          return next === ' ' ? shown.padStart(width) : space + shown;
        },
      );
  }

  /** What to type for what a page shows. */
  type(command: string): string {
    const real = new Map<string, string>();
    for (const names of [this.#pids, this.#ports, this.#inodes]) {
      for (const [number, shown] of names) real.set(shown, number);
    }
    return command.replace(/\d+/g, (number) => real.get(number) ?? number);
  }

  #shown(number: string): string {
    return (
      this.#pids.get(number) ??
      this.#ports.get(number) ??
      this.#inodes.get(number) ??
      number
    );
  }

  #add(names: Map<string, string>, number: string, first: number): void {
    if (!number || names.has(number)) return;
    names.set(number, String(first + names.size));
  }
}
