/**
 * Descriptors: how many more after some requests, and what comes of it where
 * they are limited?
 */
import { testPromises } from './support/promises';

testPromises('descriptors');
testPromises('open files');
