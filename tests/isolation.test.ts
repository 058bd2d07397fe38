/**
 * Isolation: whom does it concern when a process crashes?
 */
import { expect, test } from 'vitest';
import { ask, get, parseAnswer } from './support/client';
import { testPromises } from './support/promises';
import { startStage } from './support/server';

testPromises('isolation');

test('part1 ends when a request crashes it', async () => {
  const server = await startStage('part1');
  expect(await ask(server.port, get('/crash'))).toBe('');
  expect(await server.ended).toEqual({ code: null, signal: 'SIGSEGV' });
});

test('part3 answers the next client after a request that crashes', async () => {
  const server = await startStage('part3');
  expect(await ask(server.port, get('/crash'))).toBe('');
  expect(parseAnswer(await ask(server.port, get('/'))).status).toBe(200);
});
