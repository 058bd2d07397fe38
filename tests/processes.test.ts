/**
 * Processes: what a stage does when the user may have no more of them.
 */
import { testPromises } from './support/promises';

testPromises('processes');
