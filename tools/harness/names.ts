/**
 * Names that do not change from run to run, for the numbers that do.
 */
import {
  CLIENT_PORT,
  INODE,
  LISTENER,
  PORT,
  SERVER_PID,
  STARTER_PID,
} from '../common/numbers';
import { readProcess } from '../kernel/processes';
import { findListeners } from '../kernel/sockets';

// A number in a column, or anywhere else. Not a part of an address.
const NUMBER =
  /(^ *|(?<=\d) +| {2,})(\d{2,})(?= )|(?<![\d.,])(\d{2,})(?![\d.]*\d)/gm;

// Whose process it is, in a list of lsof.
const USER = /(?<=^\S+ +\d+ +)\S+(?= +\d+u )/gm;

// Where a page shows the number of a descriptor.
const DESCRIPTOR =
  /(?<=(?:socket|accept) → |(?:close|accept|bind|listen|read|write|send|recv|shutdown|[gs]etsockopt|getsockname|getpeername)\(|socket\(2, 1, 0\) = |open\("[^"]+", \d\) = |accept\(\d+, NULL, NULL\) = |accept descriptor |descriptor {2}|\/fd\/|fd=)\d+\b|(?<= )\d+(?=u )/g;

// At a limit on descriptors: the more of them Node has, the fewer clients.
const CLIENTS_TO_A_LIMIT = /(?<=^client )\d+(?=: )/gm;

/**
 * Puts the numbers that a page shows in the place of real ones: the server is
 * process 4711, its children are 4712, 4713 and so on in the order of their
 * forks, the server listens on port 8888, and its listener is descriptor 21.
 */
export class Names {
  readonly #pids = new Map<string, string>();
  readonly #ports = new Map<string, string>();
  readonly #inodes = new Map<string, string>();

  /** How far the listener's descriptor is from the one that pages show. */
  #moreDescriptors: number | null = null;

  /** How many servers there have been, each on a port of its own. */
  #servers = 0;

  /** Learns where a server listens. */
  learnPort(port: number): void {
    if (this.#ports.has(String(port))) return;
    const shown = PORT + this.#servers++;
    this.#ports.set(String(port), String(shown));
    // What a server advises to take instead.
    this.#ports.set(String(port + 1), String(shown + 1));
  }

  /** Learns PIDs from the log of a server, its own among them. */
  learn(log: string): void {
    for (const match of log.matchAll(/^\[(\d+)\]|(?:fork →|, PID) (\d+)/gm)) {
      this.learnPids([Number(match[1] ?? match[2])]);
    }
  }

  /** Learns, once, which descriptor the server listens on. */
  learnListener(pid: number): void {
    if (this.#moreDescriptors !== null) return;
    const [listener] = findListeners([pid]);
    if (listener) this.#moreDescriptors = listener.fd - LISTENER;
  }

  /**
   * Learns the PIDs of a server, before all others, and of children whose
   * forks are not in a log.
   */
  learnPids(pids: number[]): void {
    for (const pid of pids) {
      if (this.#pids.size === 0) this.#learnParent(pid);
      this.#add(this.#pids, String(pid), SERVER_PID - 1);
    }
  }

  /** What a page shows for what really came out. */
  show(text: string): string {
    for (const [, inode = ''] of text.matchAll(
      /(?:(?:socket|pipe):\[|IPv4 +)(\d+)/g,
    )) {
      this.#add(this.#inodes, inode, INODE);
    }
    for (const [, port = ''] of text.matchAll(/127\.0\.0\.1:(\d{4,5})\b/g)) {
      this.#add(this.#ports, port, CLIENT_PORT - 2);
    }
    return (
      text
        .replace(DESCRIPTOR, (word) =>
          word.replace(/\d+/, (fd) => this.#shownDescriptor(Number(fd))),
        )
        // The address of a handler that was there before.
        .replace(/(signal\(\d+, 0\) = )\d{4,}/g, '$1…')
        .replace(CLIENTS_TO_A_LIMIT, (clients) =>
          String(Number(clients) + (this.#moreDescriptors ?? 0)),
        )
        .replace(/\d+\.\d{3,}(?= s\b)/g, (time) => Number(time).toFixed(1))
        // Where the kernel's own mappings lie, which are left out.
        .replace(/(?<=madvise\()\d+, \d+/g, '…, …')
        .replace(/Date: \w{3}, \d\d \w/g, 'Date: Thu, 01 J')
        .replace(USER, (name) => 'you'.padStart(name.length))
        .replace(/pts\/\d+/g, 'pts/1')
        .replace(NUMBER, (_, space: string, column: string, number: string) =>
          column
            ? // In a column, the right edge stays where it is.
              this.#shown(column).padStart(space.length + column.length)
            : this.#shown(number),
        )
    );
  }

  /** What to type for what a page shows. */
  type(command: string): string {
    const real = new Map<string, string>();
    for (const names of [this.#pids, this.#ports, this.#inodes]) {
      for (const [number, shown] of names) real.set(shown, number);
    }
    return command
      .replace(/(?<=\/fd\/)\d+/g, (fd) => this.#realDescriptor(Number(fd)))
      .replace(/(?<!\/fd\/)\b\d+/g, (number) => real.get(number) ?? number);
  }

  #learnParent(pid: number): void {
    const parent = readProcess(pid)?.parent ?? 0;
    this.#pids.set(String(parent), String(STARTER_PID));
  }

  #shown(number: string): string {
    return (
      this.#pids.get(number) ??
      this.#ports.get(number) ??
      this.#inodes.get(number) ??
      number
    );
  }

  #shownDescriptor(fd: number): string {
    const shown = fd - (this.#moreDescriptors ?? 0);
    return String(shown >= LISTENER ? shown : fd);
  }

  #realDescriptor(shown: number): string {
    const more = shown >= LISTENER ? (this.#moreDescriptors ?? 0) : 0;
    return String(shown + more);
  }

  #add(names: Map<string, string>, number: string, first: number): void {
    if (!number || names.has(number)) return;
    names.set(number, String(first + names.size));
  }
}
