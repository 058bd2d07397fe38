/**
 * The body of a request, of a length or in chunks. Nothing here touches a
 * descriptor, either.
 */
import {
  type Head,
  type Incoming,
  MAX_BODY,
  type Parser,
  type Rejection,
  type Request,
  readFields,
  readLine,
  reject,
  TOO_LARGE,
} from './http';

const MAX_CHUNK_LINE = 256;
// A body in many small chunks has more framing than data.
const MAX_CHUNKED = 4 * MAX_BODY;
// A size, and extensions that nobody asked for.
const CHUNK_LINE = /^([\da-f]+)(?:[\t ]*;[\t\x20-\x7e\x80-\xff]*)?$/i;
const BAD_CHUNK = reject(400, 'a chunk is malformed');

/** Reads the body that the head has announced: RFC 9112 section 6. */
export function* parseBody(
  incoming: Incoming,
  { method, path, length }: Head,
): Parser<Request | Rejection> {
  const body =
    length === 'chunked'
      ? yield* readChunks(incoming)
      : yield* readBytes(incoming, length);
  return Buffer.isBuffer(body) ? { kind: 'request', method, path, body } : body;
}

/** RFC 9112 section 7.1: chunks, the last of them empty, then a trailer. */
function* readChunks(incoming: Incoming): Parser<Buffer | Rejection> {
  const body = Buffer.alloc(MAX_BODY);
  const end = incoming.at + MAX_CHUNKED;
  let length = 0;
  for (;;) {
    const size = yield* readChunkSize(incoming);
    if (size === undefined) return BAD_CHUNK;
    if (size > MAX_BODY - length || incoming.at > end) return TOO_LARGE;
    if (size === 0) break;
    const data = yield* readBytes(incoming, size);
    length += data.copy(body, length);
    const lineEnd = yield* readBytes(incoming, 2);
    if (lineEnd.toString('latin1') !== '\r\n') return BAD_CHUNK;
  }
  const problem = yield* readTrailer(incoming);
  return problem ?? body.subarray(0, length);
}

/** @returns undefined if the line is no chunk's; it has to end in CR LF */
function* readChunkSize(incoming: Incoming): Parser<number | undefined> {
  const { text, end } = yield* readLine(incoming, MAX_CHUNK_LINE);
  const digits = end === 'CR LF' ? CHUNK_LINE.exec(text)?.[1] : undefined;
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}

/**
 * The fields behind the last chunk, RFC 9110 section 6.5. They have to be
 * valid, and nobody asks for them. One that says where the body ends comes
 * too late, and would be believed by somebody who merges it into the head.
 */
function* readTrailer(incoming: Incoming): Parser<Rejection | undefined> {
  const fields = yield* readFields(incoming);
  if ('reason' in fields) return fields;
  const framing = ['content-length', 'transfer-encoding'];
  return framing.some((name) => fields.has(name))
    ? reject(400, 'a trailer cannot say how long the body is')
    : undefined;
}

function* readBytes(incoming: Incoming, count: number): Parser<Buffer> {
  const end = incoming.at + count;
  while (incoming.bytes.length < end) yield 'incomplete';
  const bytes = incoming.bytes.subarray(incoming.at, end);
  incoming.at = end;
  return bytes;
}
