/**
 * HTTP/1.1, by RFC 9112 (messages) and RFC 9110 (fields): from bytes to a
 * request, and from a status to the head of a response. Nothing here touches a
 * descriptor. Bodies are read in body.ts.
 *
 * Whatever bytes come: they make a request, or a Rejection is thrown.
 */

/** A request on its way: what the parsers read from, and how far they are. */
export interface Incoming {
  /** All that has come so far. */
  bytes: Buffer;
  /** The place of the first byte that has not been understood yet. */
  at: number;
  /** As soon as it is known, also of a request that is refused later on. */
  method: string | undefined;
  /** Returns when there are more bytes. @throws whatever, if none will come */
  more(): void;
}

/** Why no request can be made of what has come, and the status to answer. */
export class Rejection extends Error {
  readonly status: Status;

  constructor(status: Status, reason: string) {
    super(reason);
    this.status = status;
  }
}

/** @throws Rejection */
export function reject(status: Status, reason: string): never {
  throw new Rejection(status, reason);
}

/** What request line and fields say; the body may still be on its way. */
export interface Head {
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
/** How many bytes a body may have. */
export const MAX_BODY = 1_048_576;

const LF = 10;
// LF alone is as good as CR LF (RFC 9112 section 2.2), as it comes when
// somebody types a request into nc(1).
const EMPTY_LINE = /^\r?\n$/;
const FIRST_WORD = /^[^ ]+(?= )/;
const REQUEST_LINE = /^([^ ]+) ([^ ]+) HTTP\/(\d\.\d)\r?\n$/;
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/;
// VCHAR, obs-text, space and tab: RFC 9110 section 5.5.
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*\r?\n$/;
// RFC 3986: http://authority if there is one, the path, the query.
const TARGET = /^(?:https?:\/\/([^/?]+))?((?:\/[^?]*)?)(\?.*)?$/i;
// What path and query may consist of, and what a host and a port look like.
const URI = /^(?:[\w\-.~!$&'()*+,;=:@/?]|%[\da-f]{2})*$/i;
const HOST =
  /^(?:\[[\da-f:.]+\]|(?:[\w\-.~!$&'()*+,;=]|%[\da-f]{2})*)(?::\d*)?$/i;

// The head ////////////////////////////////////////////////////////////////////

/** Reads request line and fields: RFC 9112 sections 2 to 6. */
export function parseHead(incoming: Incoming): Head {
  const { method, path, version } = readRequestLine(incoming);
  const fields = readFields(incoming);
  const length = bodyLength(version, fields);
  checkHost(version, fields);
  // HTTP/1.0 knows no expectations: there they are ignored.
  const expectsContinue = version !== '1.0' && checkExpected(fields);
  return { method, path, length, expectsContinue };
}

function readRequestLine(incoming: Incoming) {
  let line = readLine(incoming, MAX_LINE);
  // An empty line before a request is ignored (2.2).
  if (EMPTY_LINE.test(line)) line = readLine(incoming, MAX_LINE);
  incoming.method = FIRST_WORD.exec(line)?.[0];
  if (!line.endsWith('\n')) reject(414, 'the request line is too long');
  const [, method = '', target = '', version = ''] =
    REQUEST_LINE.exec(line) ?? [];
  if (!TOKEN.test(method)) {
    reject(400, 'the request line is not METHOD TARGET HTTP/1.1');
  }
  if (!version.startsWith('1.')) {
    reject(505, `HTTP/${version} is not spoken here`);
  }
  const path = parseTarget(method, target);
  if (path === undefined) reject(400, 'the target is malformed');
  if (OTHER_METHODS.includes(method)) reject(405, `${method} is not allowed`);
  if (!ALLOWED_METHODS.includes(method)) reject(501, 'the method is unknown');
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
function checkHost(version: string, fields: Fields): void {
  const host = fields.get('host');
  if (host === undefined && version === '1.0') return;
  // Two are joined by a comma and a space, and no host has a space in it.
  if (host === undefined || !HOST.test(host)) {
    reject(400, 'there must be one Host field, and a valid one');
  }
}

/** RFC 9110 section 10.1.1: there is only one expectation. */
function checkExpected(fields: Fields): boolean {
  const expected = listOf(fields, 'expect');
  const unknown = expected.find((it) => it !== '100-continue');
  if (unknown !== undefined) reject(417, `${unknown} cannot be met`);
  return expected.length > 0;
}

// No list by its grammar, but the same length twice is what some send.
const CONTENT_LENGTH = /^(\d+)(?:[\t ]*,[\t ]*\1)*$/;

/**
 * RFC 9112 section 6: how long the body is. What could be read in two ways is
 * refused: the other reader may be a proxy in front of us (request smuggling).
 */
function bodyLength(version: string, fields: Fields): number | 'chunked' {
  const length = fields.get('content-length');
  if (!fields.has('transfer-encoding')) {
    const digits = CONTENT_LENGTH.exec(length ?? '0')?.[1];
    if (digits === undefined) reject(400, 'Content-Length is malformed');
    return checkSize(Number(digits));
  }
  if (length !== undefined || version === '1.0') {
    reject(400, 'Transfer-Encoding cannot stand here');
  }
  const [last, ...others] = listOf(fields, 'transfer-encoding').reverse();
  // The end of the body cannot be found (6.3), or chunked stands twice (6.1).
  if (last !== 'chunked' || others.includes('chunked')) {
    reject(400, 'Transfer-Encoding has to end in one chunked');
  }
  if (others.length > 0) reject(501, 'no transfer coding but chunked is known');
  return 'chunked';
}

/** @throws Rejection if so many bytes are more than a body may have */
export function checkSize(bytes: number): number {
  if (bytes > MAX_BODY) reject(413, `a body has at most ${MAX_BODY} bytes`);
  return bytes;
}

// Lines and fields ////////////////////////////////////////////////////////////

/**
 * Reads up to the next LF, RFC 9112 section 2.2, and returns the line with its
 * end. If it has none, the line is longer than it may be.
 *
 * @param limit how many bytes the line may have, its end included
 */
export function readLine(incoming: Incoming, limit: number): string {
  const start = incoming.at;
  let lineFeed = incoming.bytes.indexOf(LF, start);
  while (lineFeed === -1 && incoming.bytes.length < start + limit) {
    const searched = incoming.bytes.length;
    incoming.more();
    lineFeed = incoming.bytes.indexOf(LF, searched);
  }
  const length = lineFeed === -1 ? limit : lineFeed + 1 - start;
  incoming.at = start + Math.min(length, limit);
  return incoming.bytes.toString('latin1', start, incoming.at);
}

/** By name, in lower case. Several of a name are one: RFC 9110 section 5.3. */
type Fields = Map<string, string>;

/**
 * Reads the fields of a head or of a trailer, and the empty line behind them:
 * RFC 9112 section 5.
 */
export function readFields(incoming: Incoming): Fields {
  const fields: Fields = new Map();
  const end = incoming.at + MAX_FIELD_BYTES;
  for (let count = 0; ; count++) {
    const line = readLine(incoming, end - incoming.at);
    if (!line.endsWith('\n')) reject(431, 'the fields are too long');
    if (EMPTY_LINE.test(line)) return fields;
    if (count === MAX_FIELDS) reject(431, 'there are too many fields');
    addField(fields, line);
  }
}

/** A name, a colon immediately behind it, a value without controls. */
function addField(into: Fields, line: string): void {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(0, colon));
  const value = line.slice(colon + 1);
  if (!TOKEN.test(name)) reject(400, 'a field has no valid name');
  if (!FIELD_VALUE.test(value)) {
    reject(400, `the field ${name} contains a control character`);
  }
  const key = name.toLowerCase();
  const others = into.has(key) ? `${into.get(key)}, ` : '';
  into.set(key, others + trim(value));
}

/** RFC 9110 section 5.6.1: a list, whose empty elements do not count. */
function listOf(fields: Fields, name: string): string[] {
  const list = fields.get(name);
  if (list === undefined) return [];
  const elements = list.toLowerCase().split(',').map(trim);
  return elements.filter((element) => element !== '');
}

/** Without the white space around it, RFC 9110 section 5.6.3. */
function trim(text: string): string {
  return /[^\t \r\n](?:.*[^\t \r\n])?/s.exec(text)?.[0] ?? '';
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
