/**
 * Counting: signals are not counted. Of children that end at the same moment
 * a parent may hear once.
 */
import { testPromises } from './support/promises';

testPromises('counting');
