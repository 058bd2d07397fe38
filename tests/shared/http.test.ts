import fc from 'fast-check';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { formatHead, parseHead, Rejection } from '#shared/http';
import { incoming, judge } from '../support/parse';

function allOf(text: string) {
  return incoming(Buffer.from(text, 'latin1'));
}

/** What the parsers make of a request: the status, if they refuse it. */
function parse(text: string) {
  const parsed = judge(allOf(text));
  if (parsed === 'incomplete') return parsed;
  if (parsed instanceof Rejection) return parsed.status;
  const { method, path, body } = parsed;
  return { method, path, body: body.toString() };
}

/** A request line with the one field that HTTP/1.1 demands. */
function line(first: string): string {
  return `${first}\r\nHost: a\r\n\r\n`;
}

/** A request with fields of its own. */
function withFields(...fields: string[]): string {
  return ['POST / HTTP/1.1', 'Host: a', ...fields, '', ''].join('\r\n');
}

function chunked(body: string): string {
  return withFields('Transfer-Encoding: chunked') + body;
}

describe('a request line', () => {
  test.each([
    ['GET / HTTP/1.1', 'GET', '/'],
    ['HEAD /sleep/3 HTTP/1.1', 'HEAD', '/sleep/3'],
    ['POST /?a=b%20c HTTP/1.1', 'POST', '/'],
    ['GET http://a.example/x?y HTTP/1.1', 'GET', '/x'],
    ['GET http://[::1]:80?y HTTP/1.1', 'GET', '/'],
    ['GET / HTTP/1.0', 'GET', '/'],
    ['GET / HTTP/1.9', 'GET', '/'],
  ])('is understood: %s', (first, method, path) => {
    expect(parse(line(first))).toEqual({ method, path, body: '' });
  });

  test.each([
    ['GET /', 400],
    ['GET  / HTTP/1.1', 400],
    ['GET / HTTP/1.1 ', 400],
    [' GET / HTTP/1.1', 400],
    ['GET\t/ HTTP/1.1', 400],
    ['G(T / HTTP/1.1', 400],
    ['GET / http/1.1', 400],
    ['GET / HTTP/1', 400],
    ['GET / HTTP/11.1', 400],
    ['GET x HTTP/1.1', 400],
    ['GET * HTTP/1.1', 400],
    ['GET ?x HTTP/1.1', 400],
    ['GET /a%2 HTTP/1.1', 400],
    ['GET /a\0b HTTP/1.1', 400],
    ['GET /a#b HTTP/1.1', 400],
    ['GET /\xfc HTTP/1.1', 400],
    ['GET http://a b/ HTTP/1.1', 400],
    ['GET ftp://a/ HTTP/1.1', 400],
    ['GET / HTTP/0.9', 505],
    ['GET / HTTP/2.0', 505],
    ['PUT / HTTP/1.1', 405],
    ['OPTIONS * HTTP/1.1', 405],
    ['CONNECT a:80 HTTP/1.1', 405],
    ['get / HTTP/1.1', 501],
    ['BREW / HTTP/1.1', 501],
    [`GET /${'a'.repeat(7_900)} HTTP/1.1`, undefined],
    [`GET /${'a'.repeat(8_200)} HTTP/1.1`, 414],
  ])('is answered with its status: %.40s', (first, status) => {
    const parsed = parse(line(first));
    expect(typeof parsed === 'object' ? undefined : parsed).toBe(status);
  });

  test('may end in LF alone, and come after an empty line', () => {
    const request = { method: 'GET', path: '/', body: '' };
    expect(parse('GET / HTTP/1.0\n\n')).toEqual(request);
    expect(parse('\r\nGET / HTTP/1.0\r\n\r\n')).toEqual(request);
  });

  test('that never ends is cut off before it is all there', () => {
    expect(parse('a'.repeat(8_193))).toBe(414);
    expect(parse('\0'.repeat(8_193))).toBe(414);
  });
});

describe('fields', () => {
  test.each([
    ['without Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['with two Hosts', withFields('Host: a'), 400],
    ['with a Host that is none', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 400],
    [
      'with two Hosts in 1.0',
      'GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n',
      400,
    ],
    ['with a space before the colon', withFields('A : b'), 400],
    ['with no colon', withFields('A'), 400],
    ['with no name', withFields(': b'), 400],
    ['folded', withFields('A: b', ' c'), 400],
    ['with a NUL', withFields('A: b\0c'), 400],
    ['with a bare CR', withFields('A: b\rc'), 400],
    ['with a control character', withFields('A: b\x07'), 400],
    ['with a DEL', withFields('A: b\x7f'), 400],
    ['too many', withFields(...Array(101).fill('A: b')), 431],
    ['too long', withFields(`A: ${'b'.repeat(33_000)}`), 431],
    ['that never end', `GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(9_000)}`, 431],
  ])('%s are rejected', (_, request, status) => {
    expect(parse(request)).toBe(status);
  });

  test('cost no more time with many spaces in them', () => {
    const fastest = (value: string) => {
      const request = withFields(`A: ${value}`);
      const times = Array.from({ length: 5 }, () => {
        const start = performance.now();
        parse(request);
        return performance.now() - start;
      });
      return Math.min(...times);
    };
    const letters = fastest('b'.repeat(30_000));
    // From each space to the last would be 15,000 times as much.
    expect(fastest(`b${' '.repeat(30_000)}b`)).toBeLessThan(100 * letters);
  });

  test('may contain tabs, bytes above 127, and nothing', () => {
    expect(parse(withFields('A:\tb\xfc \t', 'B:'))).toBeTypeOf('object');
  });

  test('are found by name in any case, without the space around', () => {
    expect(parse(`${withFields('cONTENT-length: \t1 \t')}x`)).toMatchObject({
      body: 'x',
    });
  });

  test('may lack Host in HTTP/1.0', () => {
    expect(parse('GET / HTTP/1.0\r\n\r\n')).toBeTypeOf('object');
  });
});

describe('a body', () => {
  test.each([
    ['of a length', `${withFields('Content-Length: 3')}abc`, 'abc'],
    [
      'of a length said twice',
      `${withFields('Content-Length: 3, 3')}abc`,
      'abc',
    ],
    ['with more behind it', `${withFields('Content-Length: 1')}abc`, 'a'],
    [
      'in chunks',
      chunked('3\r\nabc\r\n00A\r\n0123456789\r\n0\r\n\r\n'),
      'abc0123456789',
    ],
    [
      'in chunks with extensions',
      chunked('1;a=b ; c\r\nx\r\n0;z\r\n\r\n'),
      'x',
    ],
    ['in chunks with a trailer', chunked('1\r\nx\r\n0\r\nA: b\r\n\r\n'), 'x'],
    ['that is empty', chunked('0\r\n\r\n'), ''],
    [
      'in chunks, with empty elements in the list of codings',
      `${withFields('Transfer-Encoding: , chunked,')}1\r\nx\r\n0\r\n\r\n`,
      'x',
    ],
    ['with LF alone in a trailer', chunked('0\r\nA: b\nC: d\n\n'), ''],
  ])('%s is read', (_, request, body) => {
    expect(parse(request)).toMatchObject({ body });
  });

  test.each([
    ['two lengths', withFields('Content-Length: 3', 'Content-Length: 4'), 400],
    ['a negative length', withFields('Content-Length: -1'), 400],
    ['a signed length', withFields('Content-Length: +1'), 400],
    ['a length in hexadecimal', withFields('Content-Length: 0x10'), 400],
    [
      'a length and a space that is none',
      withFields('Content-Length: 3\xa0'),
      400,
    ],
    ['an empty length', withFields('Content-Length:'), 400],
    [
      'a length and chunks',
      withFields('Content-Length: 3', 'Transfer-Encoding: chunked'),
      400,
    ],
    [
      'chunks in HTTP/1.0',
      'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
    ],
    ['chunks twice', withFields('Transfer-Encoding: chunked, chunked'), 400],
    [
      'chunks in two fields',
      withFields(...Array(2).fill('Transfer-Encoding: chunked')),
      400,
    ],
    ['chunks not last', withFields('Transfer-Encoding: chunked, gzip'), 400],
    ['an unknown coding', withFields('Transfer-Encoding: gzip, chunked'), 501],
    ['a made-up coding', withFields('Transfer-Encoding: xchunked'), 400],
    ['too great a length', withFields('Content-Length: 1048577'), 413],
    [
      'an enormous length',
      withFields(`Content-Length: 1${'0'.repeat(400)}`),
      413,
    ],
    ['a chunk too large', chunked('100001\r\n'), 413],
    ['an enormous chunk', chunked(`${'f'.repeat(99)}\r\n`), 413],
    [
      'chunks too large together',
      chunked(`80000\r\n${'a'.repeat(0x80000)}\r\n80001\r\n`),
      413,
    ],
    ['a chunk size that is none', chunked('x\r\n'), 400],
    ['a signed chunk size', chunked('-1\r\n'), 400],
    ['a chunk size after a space', chunked(' 1\r\n'), 400],
    ['no chunk size', chunked('\r\n'), 400],
    ['a chunk line without CR', chunked('1\nx\r\n'), 400],
    ['an endless chunk line', chunked(`1;${'a'.repeat(300)}`), 400],
    ['a chunk longer than it says', chunked('1\r\nxy\r\n0\r\n\r\n'), 400],
    ['a control in an extension', chunked('1;\x07\r\nx\r\n'), 400],
    ['no coding in the list', withFields('Transfer-Encoding: ,'), 400],
    ['a trailer with a length', chunked('0\r\nContent-Length: 1\r\n\r\n'), 400],
    [
      'a trailer with a coding',
      chunked('0\r\nTransfer-Encoding: chunked\r\n\r\n'),
      400,
    ],
    ['a malformed trailer', chunked('0\r\nA b\r\n\r\n'), 400],
    ['an endless trailer', chunked(`0\r\n${'A: b\r\n'.repeat(9_000)}`), 431],
  ])('with %s is rejected', (_, request, status) => {
    expect(parse(request)).toBe(status);
  });
});

describe('an expectation', () => {
  const expectations = ['100-continue', '100-Continue', ', 100-continue'];

  test.each(expectations)('is met in HTTP/1.1: %s', (value) => {
    const request = withFields('Content-Length: 1', `Expect: ${value}`);
    expect(parseHead(allOf(request)).expectsContinue).toBe(true);
  });

  test.each(['GET', 'POST'])('of anything else is refused: %s', (method) => {
    for (const value of ['foo', '100-continue, foo']) {
      const fields = `Host: a\r\nContent-Length: 1\r\nExpect: ${value}`;
      expect(parse(`${method} / HTTP/1.1\r\n${fields}\r\n\r\n`)).toBe(417);
    }
  });

  test.each([...expectations, 'foo'])('is nothing in HTTP/1.0: %s', (value) => {
    const request = `POST / HTTP/1.0\r\nExpect: ${value}\r\n\r\n`;
    expect(parseHead(allOf(request)).expectsContinue).toBe(false);
  });
});

test.each([
  ['HEAD', 'HEAD / HTTP/1.1\r\n', 'incomplete'],
  ['HEAD', 'HEAD / HTTP/1.1\r\n\r\n', 400],
  ['HEAD', 'HEAD / HTTP/1.1 \r\n', 400],
  ['HEAD', 'HEAD / HTTP/2.0\r\n', 505],
  ['HEAD', `HEAD /${'a'.repeat(8_200)}`, 414],
  ['BREW', '\r\nBREW / HTTP/1.1\r\n', 501],
  [undefined, 'HEAD\r\n', 400],
  [undefined, 'HEAD', 'incomplete'],
])('the method is known to be %s from %.20j…', (method, text, verdict) => {
  const input = allOf(text);
  const parsed = judge(input);
  expect(parsed === 'incomplete' ? parsed : parse(text)).toBe(verdict);
  expect(input.method).toBe(method);
});

/** Feeds a request piece by piece, as a server does. */
function parseInPieces(bytes: Buffer, cuts: number[]) {
  const ends = cuts.map((cut) => cut % (bytes.length + 1));
  const inOrder = ends.sort((a, b) => a - b);
  return judge(incoming(bytes, [0, ...inOrder, bytes.length]));
}

/** Counts the bytes that are looked at meanwhile, each as often as it is. */
function countLooks(act: () => void): number {
  const searched = vi.spyOn(Buffer.prototype, 'indexOf');
  const copied = vi.spyOn(Buffer.prototype, 'toString');
  onTestFinished(() => {
    vi.restoreAllMocks();
  });
  act();
  let looks = 0;
  searched.mock.calls.forEach(([, from], i) => {
    looks += (searched.mock.contexts[i]?.length ?? 0) - Number(from);
  });
  for (const { value } of copied.mock.results) looks += value.length;
  return looks;
}

describe('whatever comes', () => {
  test('the pieces it comes in make no difference', () => {
    const bytes = Buffer.from(
      chunked('3\r\nabc\r\na;x\r\n0123456789\r\n0\r\nA: b\r\n\r\n'),
    );
    const body = Buffer.from('abc0123456789');
    const whole = { method: 'POST', path: '/', body };
    const everyByte = Array.from(bytes.keys());
    expect(parseInPieces(bytes, everyByte)).toEqual(whole);
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 9 }), (cuts) => {
        expect(parseInPieces(bytes, cuts)).toEqual(whole);
      }),
      { numRuns: 300 },
    );
  });

  test('a byte is not looked at again for each that follows it', () => {
    const fields = Array(98).fill(`A: ${'b'.repeat(300)}`);
    const bytes = Buffer.from(withFields(...fields));
    const everyByte = Array.from(bytes.keys());
    const looks = countLooks(() => {
      expect(parseInPieces(bytes, everyByte)).toMatchObject({ path: '/' });
    });
    expect(looks).toBeGreaterThan(bytes.length);
    expect(looks).toBeLessThan(4 * bytes.length);
  });

  test('the parsers throw nothing but rejections, and their statuses are known', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'GET / HTTP/1.1\r\n',
        'POST / HTTP/1.1\r\n',
        'Host: a\r\n',
        '\r\n',
        'Content-Length: 2\r\n',
        'Transfer-Encoding: chunked\r\n',
        '0\r\n',
        '2\r\nab\r\n',
        ':',
        ' ',
        '\r',
        '\n',
        '\0',
        ';',
        'ffffffffffff\r\n',
      ),
      fc.string(),
      fc
        .uint8Array({ maxLength: 20 })
        .map((b) => Buffer.from(b).toString('latin1')),
    );
    const request = fc.array(piece, { maxLength: 12 }).map((p) => p.join(''));
    fc.assert(
      fc.property(request, (text) => {
        const parsed = parse(text);
        const known = [400, 405, 413, 414, 431, 501, 505, 'incomplete'];
        return typeof parsed === 'object' || known.includes(parsed);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('a response', () => {
  test('ends with its connection: it has no length', () => {
    const head = formatHead(200);
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(head).toMatch(/\r\nConnection: close\r\n/);
    expect(head).toMatch(/\r\n\r\n$/);
    expect(head).not.toMatch(/content-length|transfer-encoding/i);
  });

  test('has a date, RFC 9110 section 6.6.1', () => {
    const date = /\r\nDate: (.*)\r\n/.exec(formatHead(200))?.[1];
    expect(date).toMatch(/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
  });

  test('to a forbidden method says which are allowed', () => {
    expect(formatHead(405)).toContain('Allow: GET, HEAD, POST\r\n');
  });
});
