/**
 * All labs, in the order of the course.
 */

import {
  contentLength,
  eagain,
  emfile,
  fork,
  hang,
  killZombie,
  together,
  zombies,
} from './forking';
import {
  backlog,
  descriptors,
  headOfLine,
  ports,
  socketPair,
} from './iterative';
import type { Lab } from './notebook';
import {
  coalesce,
  crash,
  eintr,
  neverWaits,
  orphan,
  reap,
  refcount,
} from './reaping';

export const LABS: Record<string, Lab> = {
  'socket-pair': socketPair,
  descriptors,
  'head-of-line': headOfLine,
  backlog,
  ports,
  fork,
  together,
  hang,
  'content-length': contentLength,
  emfile,
  zombies,
  'kill-zombie': killZombie,
  eagain,
  refcount,
  'never-waits': neverWaits,
  eintr,
  coalesce,
  reap,
  crash,
  orphan,
};
