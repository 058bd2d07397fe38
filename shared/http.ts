/**
 * HTTP/1.1 as a pure function: from bytes to a request, and from a response
 * to bytes. Nothing here touches a descriptor, and no bytes make it throw.
 *
 * The grammar is that of RFC 9112 (messages) and RFC 9110 (fields). Bodies of
 * requests are read in body.ts.
 */

/** A request whose bytes are all there. */
export interface Request {
  method: string;
  /** What comes before the question mark, as sent. */
  path: string;
  body: Buffer;
}

/** Bytes that can't become a request any more, and the status to answer. */
export interface Rejection {
  status: number;
  reason: string;
}

/** Request line and fields; the body may still be on its way. */
export interface Head {
  method: string;
  path: string;
  version: string;
  /** By name, in lower case. */
  fields: ReadonlyMap<string, readonly string[]>;
  /** Where the body begins: how many bytes the head has. */
  bytes: number;
  /** How many bytes the body has, or that it comes in chunks. */
  length: number | 'chunked';
}

/** What the two-step parser says: done, hopeless, or (undefined) wait. */
export type Parsed<T> = T | Rejection | undefined;

/** The methods that every page answers. */
export const ALLOWED_METHODS: readonly string[] = ['GET', 'HEAD', 'POST'];
// RFC 9110 section 9 and RFC 5789: known, but of no use here.
const OTHER_METHODS = 'PUT DELETE CONNECT OPTIONS TRACE PATCH'.split(' ');

// RFC 9112 section 3 asks for at least 8,000 bytes of request line.
const MAX_LINE = 8_192;
/** How long a head may be, and the trailer of a body. */
export const MAX_HEAD = 32_768;
const MAX_FIELDS = 100;
/** How long a body may be. */
export const MAX_BODY = 1_048_576;
/** The answer to a body that is longer. */
export const TOO_LARGE = reject(413, `a body has at most ${MAX_BODY} bytes`);

const REQUEST_LINE = /^([^ ]+) ([^ ]+) HTTP\/(\d\.\d)$/;
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/;
// VCHAR, obs-text, space and tab: RFC 9110 section 5.5.
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
// RFC 3986: http://authority if there is one, the path, the query.
const TARGET = /^(?:https?:\/\/([^/?]+))?((?:\/[^?]*)?)(\?.*)?$/i;
// Optional white space, RFC 9110 section 5.6.3: no more than spaces and tabs.
// The second half begins to match only where a run of them begins. Otherwise
// it would try each of 30,000 spaces in the middle of a value, and from each
// go on to the last.
const OUTER_SPACE = /^[\t ]+|(?<![\t ])[\t ]+$/g;
// What path and query may consist of, and what a host and a port look like.
const URI = /^(?:[\w\-.~!$&'()*+,;=:@/?]|%[\da-f]{2})*$/i;
const HOST =
  /^(?:\[[\da-f:.]+\]|(?:[\w\-.~!$&'()*+,;=]|%[\da-f]{2})*)(?::\d*)?$/i;

/** True for a rejection, false for all else the parser returns. */
export function isRejection(parsed: unknown): parsed is Rejection {
  return typeof parsed === 'object' && parsed !== null && 'status' in parsed;
}

// The head ////////////////////////////////////////////////////////////////////

/**
 * Reads request line and fields: RFC 9112 sections 2 to 6.
 *
 * @param bytes all that has come so far
 * @returns undefined while the head is not complete
 */
export function parseHead(bytes: Buffer): Parsed<Head> {
  const text = bytes.toString('latin1', 0, MAX_HEAD);
  // An empty line before a request is ignored (2.2), and so is the CR that
  // is missing when somebody types a request into nc(1).
  const start = /^(?:\r?\n)?/.exec(text)?.[0].length ?? 0;
  const lineEnd = text.indexOf('\n', start);
  if ((lineEnd === -1 ? text.length : lineEnd) - start > MAX_LINE) {
    return reject(414, 'the request line is too long');
  }
  if (lineEnd === -1) return undefined;
  const line = parseRequestLine(withoutCR(text.slice(start, lineEnd)));
  if (isRejection(line)) return line;

  const emptyLine = /\n\r?\n/g;
  emptyLine.lastIndex = lineEnd;
  const found = emptyLine.exec(text);
  if (!found) {
    return bytes.length < MAX_HEAD
      ? undefined
      : reject(431, 'the fields are too long');
  }
  const fields = parseFields(text.slice(lineEnd + 1, found.index + 1));
  if (isRejection(fields)) return fields;
  const length = bodyLength(line.version, fields);
  if (isRejection(length)) return length;
  const problem = checkHost(line.version, fields);
  if (problem) return problem;
  // Not `...line`: V8 would build that slowly, in the middle of every request.
  const { method, path, version } = line;
  const end = found.index + found[0].length;
  return { method, path, version, fields, length, bytes: end };
}

type RequestLine = Pick<Head, 'method' | 'path' | 'version'>;

function parseRequestLine(line: string): RequestLine | Rejection {
  const [, method = '', target = '', version = ''] =
    REQUEST_LINE.exec(line) ?? [];
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

/** Fields by name, in lower case. One may occur several times. */
export type Fields = Map<string, string[]>;

/** Lines of fields, RFC 9112 section 5; the last one ends in LF, too. */
export function parseFields(text: string): Fields | Rejection {
  const fields: Fields = new Map();
  const lines = text.split('\n').slice(0, -1).map(withoutCR);
  if (lines.length > MAX_FIELDS)
    return reject(431, 'there are too many fields');
  for (const line of lines) {
    const field = parseField(line);
    if (isRejection(field)) return field;
    const [name, value] = field;
    fields.set(name, [...(fields.get(name) ?? []), value]);
  }
  return fields;
}

/** RFC 9112 section 5: a name, a colon at once, a value without controls. */
function parseField(line: string): [name: string, value: string] | Rejection {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(0, colon));
  const value = line.slice(colon + 1);
  if (!TOKEN.test(name)) return reject(400, 'a field has no valid name');
  if (!FIELD_VALUE.test(value)) {
    return reject(400, `the field ${name} contains a control character`);
  }
  return [name.toLowerCase(), withoutSpaces(value)];
}

/** RFC 9112 section 3.2: HTTP/1.1 has exactly one Host, and a valid one. */
function checkHost(version: string, fields: Fields): Rejection | undefined {
  const hosts = fields.get('host') ?? [];
  if (hosts.length === 0 && version === '1.0') return undefined;
  if (hosts.length !== 1) return reject(400, 'there must be one Host field');
  if (HOST.test(hosts[0] ?? '')) return undefined;
  return reject(400, 'the Host field is malformed');
}

/**
 * RFC 9112 section 6: how long the body is. Whatever could be read in two
 * ways is refused, since the other reader may be a proxy in front of us
 * (request smuggling).
 */
function bodyLength(
  version: string,
  fields: Fields,
): number | 'chunked' | Rejection {
  const lengths = fields.get('content-length');
  const codings = fields.get('transfer-encoding');
  if (codings) {
    if (lengths || version === '1.0') {
      return reject(400, 'Transfer-Encoding cannot stand here');
    }
    return checkCodings(listOf(codings));
  }
  if (!lengths) return 0;
  const [length = '', ...others] = listOf(lengths);
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

// The response ////////////////////////////////////////////////////////////////

/** The statuses that occur here, RFC 9110 section 15. */
const REASONS: Record<number, string> = {
  200: 'OK',
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  505: 'HTTP Version Not Supported',
};

/** What tells a client that waits for it to send its body: RFC 9110, 15.2.1. */
export const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');

/**
 * What stands before a body: status line and fields.
 *
 * There is no Content-Length, on purpose: the end of the connection is the
 * end of the body (RFC 9112 section 6.3). A client that never sees the
 * connection end waits for more.
 */
export function formatHead(status: number): string {
  const lines = [
    `HTTP/1.1 ${status} ${REASONS[status] ?? 'Unknown'}`,
    `Date: ${formatDate(new Date())}`,
    'Content-Type: text/plain; charset=utf-8',
    'Connection: close',
  ];
  if (status === 405) lines.push(`Allow: ${ALLOWED_METHODS.join(', ')}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = [
  ...['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun'],
  ...['Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'],
];

/**
 * `Sun, 06 Nov 1994 08:49:37 GMT`, see RFC 9110 section 5.6.7. JavaScript's
 * own `toUTCString` gives the same. But V8 asks for the local time zone on the
 * way, and each child would copy the pages that this takes.
 *
 * @param date of the years 1000 to 9999
 */
export function formatDate(date: Date): string {
  const day = twoDigits(date.getUTCDate());
  const month = `${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
  const hours = twoDigits(date.getUTCHours());
  const minutes = twoDigits(date.getUTCMinutes());
  const time = `${hours}:${minutes}:${twoDigits(date.getUTCSeconds())}`;
  return `${DAYS[date.getUTCDay()]}, ${day} ${month} ${time} GMT`;
}

function twoDigits(number: number): string {
  return `${number}`.padStart(2, '0');
}

/** What the parsers return for bytes that are no request. */
export function reject(status: number, reason: string): Rejection {
  return { status, reason };
}

/** RFC 9110 section 5.6.1: several fields of a name are one, with commas. */
function listOf(values: readonly string[]): string[] {
  return values.join(',').split(',').map(withoutSpaces);
}

function withoutSpaces(text: string): string {
  return text.replace(OUTER_SPACE, '');
}

function withoutCR(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
