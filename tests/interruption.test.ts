/**
 * Interruption: a child that ends interrupts the parent's accept.
 */
import { testPromises } from './support/promises';

testPromises('interruption');
