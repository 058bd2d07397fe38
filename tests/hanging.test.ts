/**
 * Hanging: after the answer, does the client see end-of-file?
 */
import { testPromises } from './support/promises';

testPromises('hanging');
