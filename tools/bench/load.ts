/**
 * Load: clients that ask, wait for the whole answer and ask again. The work is
 * autocannon's, which has to be taught a few things first.
 */
import autocannon from 'autocannon';
import { Obstacle } from '../common/run';
import { get, openClient } from '../harness/clients';
import { withCleanUp } from '../harness/programs';
import { waitFor } from '../harness/wait';

/** What the clients do. */
export interface Load {
  port: number;
  path: string;
  connections: number;
  /** How long requests are begun. Those under way are still answered. */
  seconds: number;
  /** At most so many requests, for a server that leaks. */
  most: number;
  /**
   * Who ends a connection: the server after its answer, the client because
   * the server never does, or nobody (keep-alive).
   */
  ends: 'server' | 'client' | 'nobody';
}

/** What came of it. */
export interface Outcome {
  /** How many requests were sent. */
  sent: number;
  /** How long each answer took, from connecting to its end, in ms. */
  latencies: number[];
  /** From the first request to the last answer, in seconds. */
  elapsed: number;
  /** Refused and broken connections, timeouts, wrong and missing answers. */
  errors: number;
  /** What the first broken connection said. */
  why: string | undefined;
}

const TIMEOUT_SECONDS = 60;
const WHOLE_ANSWER = /^process .*\nparent .*\ndescriptor .*\nconnection .*\n$/;

/** Puts a server under load. */
export async function putUnderLoad(load: Load): Promise<Outcome> {
  const latencies: number[] = [];
  let started = 0;
  let finished = 0;
  let sent = 0;
  const mayAsk = () => {
    started ||= performance.now(); // autocannon, too, takes time to begin
    const over = performance.now() - started > load.seconds * 1000;
    return sent < load.most && !over;
  };
  const run = autocannon({
    url: `http://127.0.0.1:${load.port}${load.path}`,
    connections: load.connections,
    // Not autocannon but `mayAsk` ends the load: autocannon would cut off
    // what is under way, and then no two counts agree.
    duration: load.seconds + 2 * TIMEOUT_SECONDS,
    timeout: TIMEOUT_SECONDS,
    sampleInt: 20,
    setupClient: (client) => teach(client, load.ends, mayAsk, () => sent++),
    verifyBody: (body) => WHOLE_ANSWER.test(body),
  });
  run.on('response', (_client, _status, _bytes, milliseconds: number) => {
    latencies.push(milliseconds);
    finished = performance.now();
  });
  let why: string | undefined;
  run.on('reqError', ({ message }: Error) => {
    why ??= message;
  });
  const { errors, mismatches, non2xx } = await run;
  return {
    sent,
    latencies,
    elapsed: (finished - started) / 1000,
    errors: errors + mismatches + non2xx,
    why,
  };
}

/**
 * Teaches one of autocannon's clients that a connection is one request.
 *
 * By itself autocannon takes every connection for keep-alive: after an answer
 * it writes the next request into a socket that the server is closing, and
 * loses it. And an answer without a length is not over for it at the end of
 * the connection, nor ever.
 */
function teach(
  client: autocannon.Client,
  ends: Load['ends'],
  mayAsk: () => boolean,
  onSent: () => void,
): void {
  const { _connect, _doRequest } = client;
  let free = false;
  client._connect = () => {
    // On a slow machine, time may be over before the first connection. Without
    // one, a client cannot be destroyed.
    if (client.conn && !mayAsk()) return client.destroy();
    // Whatever the last connection left behind died with it.
    client.pipelinedRequests.clear();
    client.parser.initialize('RESPONSE');
    free = true;
    _connect.call(client);
    // Before autocannon's own listener, which connects anew.
    client.conn.prependListener('end', () => finishAnswer(client));
    if (ends === 'client') client.conn.on('data', () => leaveFirst(client));
  };
  client._doRequest = () => {
    if (ends === 'nobody' && !mayAsk()) return client.destroy();
    if (!free) return;
    free = ends === 'nobody';
    onSent();
    _doRequest.call(client);
  };
}

/** The end of the connection is the end of the answer, if there was one. */
function finishAnswer(client: autocannon.Client): void {
  client.parser.finish();
  if (client.pipelinedRequests.size() === 0) return;
  client.emit('connError', new Error('the connection ended, not the answer'));
}

/** Part 2 never ends a connection, so its clients judge by the last line. */
function leaveFirst(client: autocannon.Client): void {
  const { body = '' } = client.pipelinedRequests.peek() ?? {};
  if (!WHOLE_ANSWER.test(body)) return;
  client.parser.finish();
  client._resetConnection();
}

/**
 * Asks a server how many requests it has counted, this one included.
 *
 * @throws Obstacle if it does not say so within the time limit
 */
export function askForCount(port: number): Promise<number> {
  return withCleanUp(async (defer) => {
    const client = await openClient({ port }, defer);
    client.send(get('/count'));
    // It does not wait for the end: part 2 never sends it.
    const said = () => /^accepted +(\d+)$/m.exec(client.received())?.[1];
    await waitFor('the server tells its count', () => said() || client.over());
    const count = said();
    if (count === undefined) throw new Obstacle('the server told no count');
    return Number(count);
  });
}
