/**
 * The heap, packed: why a fork does not cost even more.
 *
 * A fork copies page tables, and what that costs depends on how memory lies,
 * not only on how much there is. V8 puts every 256 KiB of its heap at a random
 * address, terabytes from the next. Each then needs three page tables that
 * serve nothing else, and an entry of its own among the process's mappings;
 * and none is large enough for a huge page.
 */
import { setFlagsFromString } from 'node:v8';
import { libc } from './libc';
import { MADV_DOFORK, mappingsOf, type Range } from './memory';

const PROT_NONE = 0;
const PROT_READ_WRITE = 3;
// Private, anonymous, no memory set aside for it, and nothing replaced.
const MAP_FLAGS = 0x2 | 0x20 | 0x4000 | 0x10_0000;
const MADV_COLLAPSE = 25;
const MiB = 2 ** 20;
const GiB = 2 ** 30;
const HUGE_PAGE = 2 * MiB;

/** V8 looks for room from here up to 2 ** 46. Programs lie below or above. */
const LOWEST = 2 ** 40;
/** Where the heap is to go. Any place that is free and large would do. */
const PLACE: Range = { start: 2 ** 45, end: 2 ** 45 + 64 * GiB };
/** A piece of V8's heap does not fit into less. */
const PIECE = MiB / 4;

/**
 * Moves the heap into one place. For a moment all other addresses are taken,
 * by mappings without any memory. Then V8 is told to collect its garbage and
 * to move what lives into new pieces, and there is only one place for them.
 *
 * It is done for speed alone: where the kernel refuses a step, the heap stays
 * as it is. Call it when what every child needs is on the heap.
 */
export function packHeap(): void {
  const taken = gaps().filter(take);
  setFlagsFromString('--compact-on-every-full-gc');
  globalThis.gc?.();
  setFlagsFromString('--no-compact-on-every-full-gc');
  useHugePages();
  for (const { start, end } of taken) libc.munmap(start, end - start);
}

/** What is free, but for the place of the heap. */
function gaps(): Range[] {
  const used = [...mappingsOf('self'), { ...PLACE, name: '' }];
  used.sort((one, other) => one.start - other.start);
  const found = used.map(({ start, name }, index) => {
    const before = used[index - 1] ?? { end: 0, name: '' };
    // C's heap grows up into a gap, and the stack down.
    const room = before.name === '[heap]' ? GiB : 0;
    const end = name === '[stack]' ? 0 : start;
    return { start: Math.max(before.end + room, LOWEST), end };
  });
  return found.filter(({ start, end }) => end - start >= PIECE);
}

function take({ start, end }: Range): boolean {
  return map(start, end, PROT_NONE);
}

/** @returns false if the kernel refuses, see mmap(2) */
function map(start: number, end: number, protection: number): boolean {
  const length = end - start;
  return libc.mmap(start, length, protection, MAP_FLAGS, -1, 0) === start;
}

/**
 * Has the kernel put each 512 pages of the heap into a huge one. At the first
 * write after a fork they get entries of their own in the page tables again.
 * But they stay one piece of memory, and of that Linux copies and drops all
 * entries in one go, since 6.9.
 */
function useHugePages(): void {
  const { start: lowest, end: highest } = PLACE;
  // What is marked otherwise is another mapping, and a huge page needs one.
  libc.madvise(lowest, highest - lowest, MADV_DOFORK);
  const heap = mappingsOf('self').filter(
    (m) => m.start >= lowest && m.end <= highest,
  );
  for (const { start, end } of heap) {
    const first = Math.floor(start / HUGE_PAGE) * HUGE_PAGE;
    if (first < start) map(first, start, PROT_READ_WRITE);
    for (let page = first; page + HUGE_PAGE <= end; page += HUGE_PAGE) {
      libc.madvise(page, HUGE_PAGE, MADV_COLLAPSE);
    }
  }
}
