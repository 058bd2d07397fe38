/**
 * A second opinion on requests: Node's own parser, llhttp. Where a server and
 * a proxy in front of it disagree about the end of a message, somebody can
 * smuggle a request past the proxy (RFC 9112 section 11.2). So what both
 * accept has to say the same, and to end at the same byte.
 */
import { createServer, type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Rejection } from '#shared/http';
import { incoming, judge } from '../support/parse';

const MESSAGES = 20_000;
const SEED = 9112;

// All that we accept and Node refuses, and why we do.
const REFUSED_BY_NODE: Record<string, RegExp> = {
  'LF alone ends a line (RFC 9112, 2.2), as typed into nc': /(?<!\r)\n/,
  'HTTP/1.2 is understood as HTTP/1.1 (RFC 9110, 2.5)': / HTTP\/1\.[2-9]\r?\n/,
  'a length said twice is one length (RFC 9112, 6.3)':
    /^content-length:(.*,|[\s\S]*^content-length:)/im,
  'an empty element of a list is ignored (RFC 9110, 5.6.1)':
    /^transfer-encoding:(.*,[\t ]*$|[\t ]*\r?$)/im,
  'white space and any text in an extension of a chunk (RFC 9112, 7.1.1)':
    /^[\da-f]+[\t ]*;/im,
  'a tab behind a value is white space (RFC 9110, 5.5)':
    /^(content-length|transfer-encoding):.*\t/im,
};

function reasonsFor(text: string): string[] {
  const reasons = Object.entries(REFUSED_BY_NODE);
  return reasons.filter(([, it]) => it.test(text)).map(([reason]) => reason);
}

// Messages ////////////////////////////////////////////////////////////////////

type Text = fc.Arbitrary<string>;

const oneOf = (...texts: string[]): Text => fc.constantFrom(...texts);
const inARow = (...parts: (string | Text)[]): Text =>
  fc
    .tuple(
      ...parts.map((it) => (typeof it === 'string' ? fc.constant(it) : it)),
    )
    .map((texts) => texts.join(''));
const several = (text: Text, maxLength: number): Text =>
  fc.array(text, { maxLength }).map((texts) => texts.join(''));

const requestLine = inARow(
  oneOf('POST', 'POST', 'GET', 'HEAD'),
  ' ',
  oneOf('/', '/a?b=%20c', '//a', "/-._~!$&'()*+,;=:@", 'http://a:80?b'),
  oneOf(...Array(8).fill(' HTTP/1.1'), ' HTTP/1.0', ' HTTP/1.2'),
  '\r\n',
);

const field = inARow(
  oneOf(
    ...['Content-Length: 3', 'content-length:03', 'Content-Length: 3, 3'],
    ...['Content-Length: 3,', 'Content-Length: 0x3', 'Content-Length: +3'],
    ...['Transfer-Encoding: chunked', 'TRANSFER-ENCODING:\tChunked '],
    ...['Transfer-Encoding: , chunked', 'Transfer-Encoding: gzip, chunked'],
    ...['Transfer-Encoding: identity', 'Transfer-Encoding: chunked;a=b'],
    ...['Transfer-Encoding:', 'Transfer-Encoding: xchunked', 'Host: b'],
    ...['Connection: close', 'Connection: keep-alive', 'Upgrade: h2c'],
    ...[
      'Accept: */*',
      'Cookie: a=b; c=d',
      'User-Agent: a (b) c/1',
      'Via: 1.1 a',
    ],
    ...['Expect: 100-continue', 'X:', 'X: a\t"\xfc"', "!#$%&'*+-.^_`|~: a"],
  ),
  '\r\n',
);

const chunk = oneOf(
  ...['3\r\nabc\r\n', '003\r\nabc\r\n', '3;a=b\r\nabc\r\n', '1\r\n\n\r\n'],
  ...['3 ; a="b"\r\nabc\r\n', '3;\xfc\r\nabc\r\n', 'A\r\n0123456789\r\n'],
);

const trailer = several(oneOf('X: a\r\n', 'Host: a\r\n', 'A: b\r\n'), 2);

const wellFormed = fc.oneof(
  ...[
    ['', oneOf('', 'abc')],
    ['Content-Length: 3\r\n', oneOf('abc', '\r\n\r', '0\r\n\r\n')],
    [
      'Transfer-Encoding: chunked\r\n',
      inARow(several(chunk, 3), oneOf('0', '00;a'), '\r\n', trailer, '\r\n'),
    ],
  ].map(([framing = '', body = '']) =>
    inARow(
      requestLine,
      'Host: a\r\n',
      framing,
      several(field, 2),
      '\r\n',
      body,
    ),
  ),
);

/** Something that stands where it should not, instead of what stood there. */
const accident = fc.record({
  at: fc.nat(),
  removed: fc.nat(2),
  added: oneOf(
    ...['', '\r', '\n', '\r\n', '\r\n\r\n', ' ', '\t', '\0', '\v', '\x7f'],
    ...[',', ';', ':', '"', '#', '%', '*', '0', '3', 'a', 'f', '-', '\xa0'],
  ),
});

const message = fc
  .tuple(wellFormed, fc.array(accident, { maxLength: 2 }))
  .map(([text, accidents]) => accidents.reduce(spoil, text));

function spoil(
  text: string,
  { at, removed, added }: { at: number; removed: number; added: string },
): string {
  const place = at % (text.length + 1);
  return text.slice(0, place) + added + text.slice(place + removed);
}

// Verdicts ////////////////////////////////////////////////////////////////////

/** What a message says. */
interface Content {
  method: string;
  path: string;
  body: string;
}

/** A message, as far as Node has read it. */
interface Reading {
  content: Content;
  complete: boolean;
}

/** A connection to Node that exists in this process only. */
class Connection extends Duplex {
  readonly readings: Reading[] = [];
  refused = false;

  override _read(): void {}
  override _write(_: unknown, __: unknown, done: () => void): void {
    done();
  }
}

const node = createServer({ maxHeaderSize: 1 << 20, requireHostHeader: false });
// Nobody answers, whatever the client expects.
for (const event of ['request', 'checkContinue', 'checkExpectation']) {
  node.on(event, take);
}
node.on('clientError', (_, socket: Duplex) => {
  (socket as Connection).refused = true;
});

function take(request: IncomingMessage): void {
  const { method = '', url = '' } = request;
  const [, path] = /^(?:http:\/\/[^/?]*)?([^?]*)/.exec(url) ?? [];
  const content = { method, path: path || '/', body: '' };
  const reading = { content, complete: false };
  (request.socket as unknown as Connection).readings.push(reading);
  request.setEncoding('latin1');
  request.on('data', (text: string) => {
    content.body += text;
  });
  request.on('end', () => {
    reading.complete = true;
  });
}

/**
 * What Node makes of bytes: a request, whose last byte is the last of them,
 * or less than one, or nothing that it would have.
 */
async function askNode(
  text: string,
): Promise<Content | 'incomplete' | 'refused' | 'more than a request'> {
  const connection = new Connection();
  node.emit('connection', connection);
  connection.push(text.slice(0, -1), 'latin1');
  await nextTurn();
  const early = connection.readings.some(({ complete }) => complete);
  connection.push(text.slice(-1), 'latin1');
  await nextTurn();
  connection.destroy();
  const [reading, another] = connection.readings;
  if (connection.refused) return 'refused';
  if (early || another) return 'more than a request';
  return reading?.complete ? reading.content : 'incomplete';
}

/** The same by our parsers, and the bytes that they have read. */
function askOurs(text: string) {
  const input = incoming(Buffer.from(text, 'latin1'));
  const parsed = judge(input);
  if (parsed === 'incomplete') return { verdict: parsed, read: text };
  const read = text.slice(0, input.at);
  if (parsed instanceof Rejection) return { verdict: 'refused', read };
  const { method, path, body } = parsed;
  return { verdict: { method, path, body: body.toString('latin1') }, read };
}

test("what Node's parser accepts as well, it reads as we do", async () => {
  const reasons = new Set<string>();
  let agreed = 0;
  const property = fc.asyncProperty(message, async (text) => {
    const { verdict, read } = askOurs(text);
    if (verdict === 'refused') return;
    const second = await askNode(read);
    if (second !== 'refused') {
      expect(second).toEqual(verdict);
      if (verdict !== 'incomplete') agreed += 1;
    } else if (verdict !== 'incomplete') {
      const why = reasonsFor(read);
      expect(why).not.toEqual([]);
      for (const reason of why) reasons.add(reason);
    }
  });
  await fc.assert(property, { numRuns: MESSAGES, seed: SEED });
  // Otherwise the messages were of a kind that proves nothing.
  expect(agreed).toBeGreaterThan(MESSAGES / 10);
  expect([...reasons].sort()).toEqual(Object.keys(REFUSED_BY_NODE).sort());
});
