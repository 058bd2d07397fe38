/**
 * Waiting: who waits for a client that says nothing?
 */
import { testPromises } from './support/promises';

testPromises('waiting');
