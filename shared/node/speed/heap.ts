/**
 * The heap, packed: why a fork does not cost even more.
 *
 * A fork copies page tables, and what that costs depends on how memory lies,
 * not only on how much there is. V8 puts every 256 KiB of its heap at a random
 * address, terabytes from the next. Each then needs three page tables that
 * serve nothing else, and an entry of its own among the process's mappings;
 * and none is large enough for a huge page.
 */
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { libc } from '../libc';
import { MADV_DOFORK, mappingsOf, type Range } from '../memory';
import { NODE_MAJOR } from '../requirements';

const PROT_NONE = 0;
const PROT_READ_WRITE = 3;
// Private, anonymous, and nothing replaced.
const MAP_FLAGS = 0x2 | 0x20 | 0x10_0000;
/** No memory is set aside for it: so V8 maps its heap, but C does not. */
const MAP_NORESERVE = 0x4000;
const MADV_COLLAPSE = 25;
const MiB = 2 ** 20;
const GiB = 2 ** 30;

/** V8 looks for room from here on, on arm64 lower down than on x86-64. */
const LOWEST = 4 * GiB;
/** Much more than the heap ever takes. */
const ROOM = 64 * GiB;
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
  const free = findGaps();
  const place = choosePlace(free);
  const taken = free.flatMap((gap) => without(place, gap)).filter(take);
  setFlagsFromString('--compact-on-every-full-gc');
  collectGarbage();
  setFlagsFromString('--no-compact-on-every-full-gc');
  for (const { start, end } of taken) libc.munmap(start, end - start);
  useHugePages(place);
}

/**
 * From Node 22 on V8 keeps pieces that have become empty, some 6 MB of them,
 * unless it is told that nothing else helps.
 */
function collectGarbage(): void {
  if (NODE_MAJOR < 22) globalThis.gc?.();
  else globalThis.gc?.({ type: 'major', flavor: 'last-resort' });
}

/** What is free. How far addresses reach, 39 bits or 52, the stack shows. */
function findGaps(): Range[] {
  const used = mappingsOf('self');
  const found = used.map(({ start, name }, index) => {
    const before = used[index - 1] ?? { end: 0, name: '' };
    // C's heap grows up into a gap, and the stack down.
    const room = before.name === '[heap]' ? GiB : 0;
    const end = name === '[stack]' ? 0 : start;
    return { start: Math.max(before.end + room, LOWEST), end };
  });
  const top = found.findIndex(({ end }) => end === 0);
  return found.slice(0, top).filter(({ start, end }) => end - start >= PIECE);
}

/** The middle of the largest gap: there nothing else comes in between. */
function choosePlace(gaps: Range[]): Range {
  const sizes = gaps.map(({ start, end }) => end - start);
  const { start, end } = gaps[sizes.indexOf(Math.max(...sizes))] ?? NOWHERE;
  const middle = Math.floor((start + end) / 2 / GiB) * GiB;
  return { start: middle, end: Math.min(middle + ROOM, end) };
}

const NOWHERE: Range = { start: 0, end: 0 };

/** What is left of a gap beside the place, in none, one or two ranges. */
function without(place: Range, { start, end }: Range): Range[] {
  const below = { start, end: Math.min(end, place.start) };
  const above = { start: Math.max(start, place.end), end };
  return [below, above].filter((range) => range.end - range.start >= PIECE);
}

function take(range: Range): boolean {
  return map(range, PROT_NONE, MAP_NORESERVE);
}

/** @returns false if the kernel refuses, see mmap(2) */
function map({ start, end }: Range, protection: number, more: number): boolean {
  const length = end - start;
  const flags = MAP_FLAGS | more;
  return libc.mmap(start, length, protection, flags, -1, 0) === start;
}

const HUGE_PAGE = 2 * MiB;
const HUGE_PAGE_FILE = '/sys/kernel/mm/transparent_hugepage/hpage_pmd_size';

/**
 * Where pages are larger than 4 KiB, huge ones are far larger than the heap.
 * And a kernel may have none.
 */
function hasSmallHugePages(): boolean {
  try {
    return Number(readFileSync(HUGE_PAGE_FILE, 'latin1')) === HUGE_PAGE;
  } catch {
    return false;
  }
}

/**
 * Has the kernel put each 512 pages of V8's heap, and of C's, into a huge one.
 * At the first write after a fork they get entries of their own in the page
 * tables again. But they stay one piece of memory, and of that Linux copies
 * and drops all entries in one go, since 6.9.
 */
function useHugePages(place: Range): void {
  if (!hasSmallHugePages()) return;
  // What is marked otherwise is another mapping, and a huge page needs one.
  libc.madvise(place.start, place.end - place.start, MADV_DOFORK);
  for (const mapping of mappingsOf('self')) {
    const { start, end, name } = mapping;
    if (name === '[heap]') collapse(mapping, 0);
    if (start >= place.start && end <= place.end) {
      collapse(mapping, MAP_NORESERVE);
    }
  }
}

/**
 * A huge page begins at a multiple of its size. So the mapping is made to do
 * so as well: the kernel joins two that touch, if their flags are the same.
 */
function collapse({ start, end }: Range, flags: number): void {
  const first = Math.floor(start / HUGE_PAGE) * HUGE_PAGE;
  const below = { start: first, end: start };
  if (first < start) map(below, PROT_READ_WRITE, flags);
  for (let page = first; page + HUGE_PAGE <= end; page += HUGE_PAGE) {
    libc.madvise(page, HUGE_PAGE, MADV_COLLAPSE);
  }
}
