/**
 * HTTP/1.1, by RFC 9112 (messages) and RFC 9110 (fields): from bytes to a
 * request, and from a status to the head of a response. Nothing here touches a
 * descriptor, and no bytes make it throw. Bodies are read in body.ts.
 *
 * The parsers are generators. Each runs until it needs bytes that have not
 * come yet, and goes on there when they have: a request may come in any pieces.
 */

/** A parser on its way to a result. */
export type Parser<Result> = Generator<'incomplete', Result, void>;

/** A request on its way: what the parsers read from, and how far they are. */
export interface Incoming {
  /** All that has come so far. Whoever receives more puts it here. */
  bytes: Buffer;
  /** The place of the first byte that has not been understood yet. */
  at: number;
  /** As soon as it is known, also of a request that is refused later on. */
  method: string | undefined;
}

/** Bytes that can't become a request any more, and the status to answer. */
export interface Rejection {
  kind: 'rejection';
  status: Status;
  reason: string;
}

/** What request line and fields say; the body may still be on its way. */
export interface Head {
  kind: 'head';
  method: string;
  /** What comes before the question mark, as sent. */
  path: string;
  /** How many bytes the body has, or that it comes in chunks. */
  length: number | 'chunked';
  /** The client waits for `100 Continue` before it sends the body. */
  expectsContinue: boolean;
}

/** A request whose bytes are all there. */
export interface Request {
  kind: 'request';
  method: string;
  path: string;
  body: Buffer;
}

/** The methods that every page answers. */
export const ALLOWED_METHODS: readonly string[] = ['GET', 'HEAD', 'POST'];
// RFC 9110 section 9 and RFC 5789: known, but of no use here.
const OTHER_METHODS = 'PUT DELETE CONNECT OPTIONS TRACE PATCH'.split(' ');

const MAX_LINE = 8_192; // RFC 9112 section 3 asks for at least 8,000 bytes
const MAX_FIELDS = 100;
const MAX_FIELD_BYTES = 32_768; // of a head together, and of a trailer
/** How long a body may be. */
export const MAX_BODY = 1_048_576;
/** The answer to a body that is longer. */
export const TOO_LARGE = reject(413, `a body has at most ${MAX_BODY} bytes`);

const LF = 10;
const FIRST_WORD = /^[^ ]+(?= )/;
const REQUEST_LINE = /^([^ ]+) ([^ ]+) HTTP\/(\d\.\d)$/;
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/;
// VCHAR, obs-text, space and tab: RFC 9110 section 5.5.
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
// RFC 3986: http://authority if there is one, the path, the query.
const TARGET = /^(?:https?:\/\/([^/?]+))?((?:\/[^?]*)?)(\?.*)?$/i;
// What is left without the white space around it, RFC 9110 section 5.6.3.
const TRIMMED = /[^\t ](?:.*[^\t ])?/s;
// What path and query may consist of, and what a host and a port look like.
const URI = /^(?:[\w\-.~!$&'()*+,;=:@/?]|%[\da-f]{2})*$/i;
const HOST =
  /^(?:\[[\da-f:.]+\]|(?:[\w\-.~!$&'()*+,;=]|%[\da-f]{2})*)(?::\d*)?$/i;

// The head ////////////////////////////////////////////////////////////////////

/** Reads request line and fields: RFC 9112 sections 2 to 6. */
export function* parseHead(incoming: Incoming): Parser<Head | Rejection> {
  const line = yield* readRequestLine(incoming);
  if ('reason' in line) return line;
  const { method, path, version } = line;
  const fields = yield* readFields(incoming);
  if ('reason' in fields) return fields;
  const length = bodyLength(version, fields);
  if (typeof length === 'object') return length;
  const expected = version === '1.0' ? [] : listOf(fields, 'expect'); // 1.0 ignores it
  const problem = checkHost(version, fields) ?? checkExpected(expected);
  if (problem) return problem;
  const expectsContinue = expected.length > 0;
  return { kind: 'head', method, path, length, expectsContinue };
}

interface RequestLine {
  method: string;
  path: string;
  version: string;
}

function* readRequestLine(incoming: Incoming): Parser<RequestLine | Rejection> {
  let line = yield* readLine(incoming, MAX_LINE);
  // An empty line before a request is ignored (2.2).
  if (line.text === '') line = yield* readLine(incoming, MAX_LINE);
  const method = FIRST_WORD.exec(line.text)?.[0];
  if (method !== undefined) incoming.method = method;
  return line.end === 'none'
    ? reject(414, 'the request line is too long')
    : parseRequestLine(line.text);
}

function parseRequestLine(text: string): RequestLine | Rejection {
  const [, method = '', target = '', version = ''] =
    REQUEST_LINE.exec(text) ?? [];
  if (!TOKEN.test(method)) {
    return reject(400, 'the request line is not METHOD TARGET HTTP/1.1');
  }
  if (!version.startsWith('1.')) {
    return reject(505, `HTTP/${version} is not spoken here`);
  }
  const path = parseTarget(method, target);
  if (path === undefined) return reject(400, 'the target is malformed');
  if (!ALLOWED_METHODS.includes(method)) {
    return OTHER_METHODS.includes(method)
      ? reject(405, `${method} is not allowed`)
      : reject(501, 'the method is unknown');
  }
  return { method, path, version };
}

/** The four forms of a target, RFC 9112 section 3.2; only the path counts. */
function parseTarget(method: string, target: string): string | undefined {
  if (method === 'CONNECT') return HOST.test(target) ? target : undefined;
  if (target === '*') return method === 'OPTIONS' ? target : undefined;
  const [, authority, path, query] = TARGET.exec(target) ?? [];
  if (path === undefined || (path === '' && authority === undefined)) {
    return undefined;
  }
  const valid = HOST.test(authority ?? '') && URI.test(path + (query ?? ''));
  return valid ? path || '/' : undefined;
}

/** RFC 9112 section 3.2: HTTP/1.1 has exactly one Host, and a valid one. */
function checkHost(version: string, fields: Fields): Rejection | undefined {
  const hosts = fields.get('host') ?? [];
  if (hosts.length === 0 && version === '1.0') return undefined;
  if (hosts.length !== 1) return reject(400, 'there must be one Host field');
  if (HOST.test(hosts[0] ?? '')) return undefined;
  return reject(400, 'the Host field is malformed');
}

/** RFC 9110 section 10.1.1: there is only one expectation. */
function checkExpected(expected: string[]): Rejection | undefined {
  const unknown = expected.find((it) => it.toLowerCase() !== '100-continue');
  return unknown === undefined
    ? undefined
    : reject(417, `${unknown} cannot be met`);
}

/**
 * RFC 9112 section 6: how long the body is. What could be read in two ways is
 * refused: the other reader may be a proxy in front of us (request smuggling).
 */
function bodyLength(
  version: string,
  fields: Fields,
): number | 'chunked' | Rejection {
  const lengths = fields.get('content-length');
  if (fields.has('transfer-encoding')) {
    if (lengths || version === '1.0') {
      return reject(400, 'Transfer-Encoding cannot stand here');
    }
    return checkCodings(listOf(fields, 'transfer-encoding'));
  }
  if (!lengths) return 0;
  // No list by its grammar, but the same length twice is what some send.
  const [length = '', ...others] = split(lengths);
  if (!/^\d+$/.test(length) || others.some((other) => other !== length)) {
    return reject(400, 'Content-Length is malformed');
  }
  return Number(length) > MAX_BODY ? TOO_LARGE : Number(length);
}

function checkCodings(codings: string[]): 'chunked' | Rejection {
  const list = codings.map((coding) => coding.toLowerCase());
  // The end of the body cannot be found (6.3), or chunked stands twice (6.1).
  if (list.pop() !== 'chunked' || list.includes('chunked')) {
    return reject(400, 'Transfer-Encoding has to end in one chunked');
  }
  if (list.length === 0) return 'chunked';
  return reject(501, 'no transfer coding but chunked is known');
}

// Lines and fields ////////////////////////////////////////////////////////////

/** A line, and what ended it: nothing, if there is more than there may be. */
interface Line {
  text: string;
  end: 'CR LF' | 'LF' | 'none';
}

/**
 * Reads up to the next LF, RFC 9112 section 2.2.
 *
 * @param limit how many bytes the line may have, its end included
 */
export function* readLine(incoming: Incoming, limit: number): Parser<Line> {
  const start = incoming.at;
  for (let searched = start; ; ) {
    const { bytes } = incoming;
    const end = bytes.indexOf(LF, searched);
    if (end !== -1 && end < start + limit) {
      incoming.at = end + 1;
      return endLine(bytes.toString('latin1', start, end));
    }
    if (bytes.length >= start + limit) {
      const text = bytes.toString('latin1', start, start + limit);
      return { text, end: 'none' };
    }
    searched = bytes.length;
    yield 'incomplete';
  }
}

function endLine(text: string): Line {
  return text.endsWith('\r')
    ? { text: text.slice(0, -1), end: 'CR LF' }
    : { text, end: 'LF' };
}

/** Fields by name, in lower case. One may occur several times. */
type Fields = Map<string, string[]>;

/**
 * Reads the fields of a head or of a trailer, and the empty line behind them:
 * RFC 9112 section 5. LF alone is as good as CR LF (2.2), as it comes when
 * somebody types a request into nc(1).
 */
export function* readFields(incoming: Incoming): Parser<Fields | Rejection> {
  const fields: Fields = new Map();
  const end = incoming.at + MAX_FIELD_BYTES;
  for (let count = 0; ; count++) {
    const line = yield* readLine(incoming, end - incoming.at);
    if (line.end === 'none') return reject(431, 'the fields are too long');
    if (line.text === '') return fields;
    if (count === MAX_FIELDS) return reject(431, 'there are too many fields');
    const problem = addField(fields, line.text);
    if (problem) return problem;
  }
}

/** A name, a colon immediately behind it, a value without controls. */
function addField(into: Fields, line: string): Rejection | undefined {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(0, colon));
  const value = line.slice(colon + 1);
  if (!TOKEN.test(name)) return reject(400, 'a field has no valid name');
  if (!FIELD_VALUE.test(value)) {
    return reject(400, `the field ${name} contains a control character`);
  }
  const key = name.toLowerCase();
  into.set(key, [...(into.get(key) ?? []), trim(value)]);
  return undefined;
}

/** RFC 9110 section 5.6.1: a list, whose empty elements do not count. */
function listOf(fields: Fields, name: string): string[] {
  const values = fields.get(name);
  return values ? split(values).filter((element) => element !== '') : [];
}

/** Several fields of a name are one, with commas: RFC 9110 section 5.3. */
function split(values: string[]): string[] {
  return values.join(',').split(',').map(trim);
}

function trim(text: string): string {
  return TRIMMED.exec(text)?.[0] ?? '';
}

/** What the parsers return for bytes that are no request. */
export function reject(status: Status, reason: string): Rejection {
  return { kind: 'rejection', status, reason };
}

// The response ////////////////////////////////////////////////////////////////

// The statuses that occur here, RFC 9110 section 15.
const REASONS = {
  200: 'OK',
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  431: 'Request Header Fields Too Large',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  505: 'HTTP Version Not Supported',
};

/** One of them. */
export type Status = keyof typeof REASONS;

/** What tells a client that waits for it to send its body: RFC 9110, 15.2.1. */
export const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');

/**
 * What stands before a body: status line and fields. There is no
 * Content-Length, on purpose: the end of the connection is the end of the body
 * (RFC 9112 section 6.3). A client that never sees it waits for more.
 */
export function formatHead(status: Status): string {
  const lines = [
    `HTTP/1.1 ${status} ${REASONS[status]}`,
    `Date: ${new Date().toUTCString()}`,
    'Content-Type: text/plain; charset=utf-8',
    'Connection: close',
  ];
  if (status === 405) lines.push(`Allow: ${ALLOWED_METHODS.join(', ')}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}
