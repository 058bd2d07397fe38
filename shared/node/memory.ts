/**
 * What a child gets of its parent's memory.
 *
 * V8 tells the kernel not to copy its heap to children (MADV_DONTFORK), since
 * Node itself only ever forks to start another program. A child that goes on
 * running JavaScript needs the heap: without it, the first instruction is a
 * SIGSEGV.
 */

import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { errno, type Observer, SystemError, unobserved } from './libc';

/** For madvise(2): copy this memory to children after all. */
export const MADV_DOFORK = 11;

/** Addresses from `start` up to, but without, `end`. */
export interface Range {
  start: number;
  end: number;
}

/** A piece of a process's memory. */
export interface Mapping extends Range {
  /** A file, `[heap]` for C's, `[stack]`, or nothing. */
  name: string;
}

/** The mappings of a process in the order of addresses, see proc(5). */
export function mappingsOf(pid: number | 'self'): Mapping[] {
  const lines = readFileSync(`/proc/${pid}/maps`, 'latin1').trim().split('\n');
  return lines.map((line) => {
    const [range = '', , , , , name = ''] = line.split(/\s+/);
    const [start, end] = range.split('-').map((hex) => Number(`0x${hex}`));
    return { start: start ?? 0, end: end ?? 0, name };
  });
}

const { EINVAL } = constants.errno;
/** Below this address no program may map anything, see mmap_min_addr. */
const LOWEST = 0x1_0000;
/** Above are the kernel's own, [vsyscall] among them. */
const HIGHEST = 2 ** 52;
const TRIES = 3;

interface Stretch {
  start: number;
  /** In bytes. */
  length: number;
  /** Why madvise(2) was not content with it the last time; 0 if it was. */
  errno: number;
}

/**
 * All addresses, less those of mappings that refuse MADV_DOFORK: madvise(2)
 * ends at the first of them. Highest first, so that the stretch with nearly
 * everything in it, in the usual layout of memory, comes last.
 */
let stretches: Stretch[] = [];

/**
 * Has the next fork copy everything. To be called immediately before it:
 * whenever the heap grows, V8 marks the new pages again.
 *
 * Which mappings refuse is looked up once. It relies on those being the
 * kernel's own, which are made when a program starts: `[vvar]`, from some
 * kernel on `[vdso]` and the rings of io_uring as well. If one more appears
 * later, a call fails with EINVAL, and they are looked up again.
 *
 * @throws SystemError EINVAL: mappings that refuse keep appearing
 */
export function markAllForCopying(): void {
  for (let tries = 0; tries < TRIES; tries++) {
    if (stretches.length > 0 && stretches.every(markForCopying)) return;
    stretches = findStretches();
  }
  throw new SystemError('madvise', EINVAL);
}

/** Reports these calls once fork is done, since nothing may come between. */
export function tellOfMarking(tell: Observer): void {
  for (const { start, length, errno } of stretches) {
    const result = errno === 0 ? 0 : -1;
    tell('madvise', [start, length, MADV_DOFORK], result, errno);
  }
}

/** @returns false if one of the mappings in it refuses */
function markForCopying(stretch: Stretch): boolean {
  const { start, length } = stretch;
  const result = unobserved.madvise(start, length, MADV_DOFORK);
  stretch.errno = result === 0 ? 0 : errno();
  // ENOMEM only says that there are gaps, and that all the rest is done.
  return stretch.errno !== EINVAL;
}

function findStretches(): Stretch[] {
  const found: Stretch[] = [];
  let start = LOWEST;
  const add = (end: number) => {
    if (end > start) found.unshift({ start, length: end - start, errno: 0 });
  };
  for (const { start: from, end } of mappingsOf('self')) {
    if (end > HIGHEST) break;
    if (markForCopying({ start: from, length: end - from, errno: 0 })) continue;
    add(from);
    start = end;
  }
  add(HIGHEST);
  return found;
}
