/**
 * The body of a request, of a length or in chunks. Nothing here touches a
 * descriptor, either.
 */
import {
  checkSize,
  type Head,
  type Incoming,
  MAX_BODY,
  readFields,
  readLine,
  reject,
} from './http';

const MAX_CHUNK_LINE = 256;
// A body in many small chunks has more framing than data.
const MAX_CHUNKED = 4 * MAX_BODY;
// A size, and extensions that nobody asked for. It has to end in CR LF.
const CHUNK_LINE = /^([\da-f]+)(?:[\t ]*;[\t\x20-\x7e\x80-\xff]*)?\r\n$/i;

/** Reads the body that the head has announced: RFC 9112 section 6. */
export function parseBody(incoming: Incoming, { length }: Head): Buffer {
  return length === 'chunked'
    ? readChunks(incoming)
    : readBytes(incoming, length);
}

/** RFC 9112 section 7.1: chunks, the last of them empty, then a trailer. */
function readChunks(incoming: Incoming): Buffer {
  const body = Buffer.alloc(MAX_BODY);
  const end = incoming.at + MAX_CHUNKED;
  let length = 0;
  for (;;) {
    const [, size] = CHUNK_LINE.exec(readLine(incoming, MAX_CHUNK_LINE)) ?? [];
    if (size === undefined) reject(400, 'a chunk is malformed');
    const bytes = Number.parseInt(size, 16);
    checkSize(length + bytes);
    if (incoming.at > end) reject(413, 'the chunks are too small');
    if (bytes === 0) break;
    length += readBytes(incoming, bytes).copy(body, length);
    const lineEnd = readBytes(incoming, 2).toString('latin1');
    if (lineEnd !== '\r\n') reject(400, 'a chunk is malformed');
  }
  checkTrailer(incoming);
  return body.subarray(0, length);
}

/**
 * The fields behind the last chunk, RFC 9110 section 6.5. They have to be
 * valid, and nobody asks for them. One that says where the body ends comes
 * too late, and would be believed by somebody who merges it into the head.
 */
function checkTrailer(incoming: Incoming): void {
  const fields = readFields(incoming);
  if (fields.has('content-length') || fields.has('transfer-encoding')) {
    reject(400, 'a trailer cannot say how long the body is');
  }
}

function readBytes(incoming: Incoming, count: number): Buffer {
  const end = incoming.at + count;
  while (incoming.bytes.length < end) incoming.more();
  const bytes = incoming.bytes.subarray(incoming.at, end);
  incoming.at = end;
  return bytes;
}
