import { describe, expect, test } from 'vitest';
import { waitFor } from '../tools/experiments/wait';
import { ask, get, openClient, parseAnswer } from './support/client';
import { STAGES, type Stage, startStage } from './support/server';

describe.each(Object.keys(STAGES) as Stage[])('%s', (stage) => {
  test('tells who served the client', async () => {
    const server = await startStage(stage);
    const client = await openClient(server.port);
    client.send(get('/'));
    await waitFor('the answer is complete', () =>
      /connection .*\n$/.test(client.received()),
    );
    const { status, body } = parseAnswer(client.received());
    expect(status).toBe(200);
    expect(body).toMatch(/^process {5}\d+\nparent {6}\d+\ndescriptor {2}\d+\n/);
    expect(body).toContain(`127.0.0.1:${client.port}`);
  });
});

test('part 3 answers, closes and goes in order', async () => {
  const server = await startStage('part3');
  expect(parseAnswer(await ask(server.port, get('/'))).status).toBe(200);
  process.kill(server.pid, 'SIGTERM');
  expect(await server.ended).toEqual({ code: 0, signal: null });
});
