/**
 * The body of a request, of a length or in chunks: a pure function, too.
 */
import {
  type Head,
  isRejection,
  MAX_BODY,
  MAX_HEAD,
  type Parsed,
  parseFields,
  type Rejection,
  reject,
  TOO_LARGE,
} from './http';

const MAX_CHUNK_LINE = 256;
// A body in many small chunks has more framing than data.
const MAX_CHUNKED = 4 * MAX_BODY;
// A size, and extensions that nobody asked for.
const CHUNK_LINE = /^([\da-f]+)(?:[\t ]*;[\t\x20-\x7e\x80-\xff]*)?\r$/i;
const BAD_CHUNK = reject(400, 'a chunk is malformed');

/** How far a body has been read: hand it in again when more has come. */
export interface BodyProgress {
  /** The first byte that has not been understood yet. */
  at: number;
  /** How many bytes of body lie before it. */
  length: number;
}

/**
 * Reads the body that the head has announced.
 *
 * @param bytes all that has come so far, from the head's first byte
 * @param from what the last call returned, if it was not finished
 */
export function parseBody(
  head: Head,
  bytes: Buffer,
  from: BodyProgress = { at: head.bytes, length: 0 },
): Buffer | Rejection | BodyProgress {
  if (head.length === 'chunked') return parseChunks(head.bytes, bytes, from);
  const end = head.bytes + head.length;
  return bytes.length < end ? from : bytes.subarray(head.bytes, end);
}

/** RFC 9112 section 7.1: chunks, the last of them empty, then a trailer. */
function parseChunks(
  start: number,
  bytes: Buffer,
  { at, length }: BodyProgress,
): Buffer | Rejection | BodyProgress {
  for (;;) {
    const chunk = parseChunk(bytes, at, MAX_BODY - length);
    if (chunk === undefined) return { at, length };
    if (isRejection(chunk)) return chunk;
    if (chunk.size === 0) break;
    at = chunk.end;
    length += chunk.size;
    if (at > MAX_CHUNKED) return TOO_LARGE;
  }
  const problem = parseTrailer(bytes, at);
  if (problem === undefined) return { at, length };
  return problem === 'none' ? joinChunks(bytes, start, length) : problem;
}

interface Chunk {
  size: number;
  /** Where its data begins. */
  data: number;
  /** Where the next chunk begins. */
  end: number;
}

function parseChunk(bytes: Buffer, at: number, room: number): Parsed<Chunk> {
  const line = bytes.toString('latin1', at, at + MAX_CHUNK_LINE);
  const lineEnd = line.indexOf('\n');
  if (lineEnd === -1)
    return line.length < MAX_CHUNK_LINE ? undefined : BAD_CHUNK;
  const digits = CHUNK_LINE.exec(line.slice(0, lineEnd))?.[1];
  if (digits === undefined) return BAD_CHUNK;
  const size = Number.parseInt(digits, 16);
  if (size > room) return TOO_LARGE;
  const data = at + lineEnd + 1;
  if (size === 0) return { size, data, end: data };
  const end = data + size + 2;
  if (bytes.length < end) return undefined;
  const closed = bytes.toString('latin1', end - 2, end) === '\r\n';
  return closed ? { size, data, end } : BAD_CHUNK;
}

/** The fields after the last chunk. They have to be valid; nobody asks them. */
function parseTrailer(bytes: Buffer, lastChunk: number): Parsed<'none'> {
  const text = bytes.toString('latin1', lastChunk, lastChunk + MAX_HEAD);
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) {
    return text.length < MAX_HEAD
      ? undefined
      : reject(431, 'the trailer is too long');
  }
  const fields = parseFields(text.slice(text.indexOf('\n') + 1, end + 2));
  return isRejection(fields) ? fields : 'none';
}

/** Chunks that have been found valid, without their framing. */
function joinChunks(bytes: Buffer, start: number, length: number): Buffer {
  const body = Buffer.alloc(length);
  let filled = 0;
  for (let at = start; filled < length; ) {
    const chunk = parseChunk(bytes, at, MAX_BODY) as Chunk;
    filled += bytes.copy(body, filled, chunk.data, chunk.data + chunk.size);
    at = chunk.end;
  }
  return body;
}
