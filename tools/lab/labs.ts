/**
 * All labs, in the order of the course.
 */
import { ITERATIVE } from './1-iterative';
import { FORKING } from './2-forking';
import { REAPING } from './3-reaping';
import type { Lab } from './notebook';

export const LABS: Record<string, Lab> = {
  ...ITERATIVE,
  ...FORKING,
  ...REAPING,
};
