/**
 * A whole request for the parsers, head and body.
 */
import { parseBody } from '#shared/body';
import {
  type Incoming,
  parseHead,
  Rejection,
  type Request,
} from '#shared/http';

/**
 * A request that has come up to some of its bytes, and goes on coming in
 * pieces, each up to where it is cut.
 */
export function incoming(bytes: Buffer, ends = [bytes.length]): Incoming {
  const [first, ...others] = ends;
  return {
    bytes: bytes.subarray(0, first),
    at: 0,
    method: undefined,
    more() {
      const end = others.shift();
      if (end === undefined) throw 'incomplete';
      this.bytes = bytes.subarray(0, end);
    },
  };
}

/** What becomes of a request: head and body are read, whatever the method. */
export function judge(input: Incoming): Request | Rejection | 'incomplete' {
  try {
    const head = parseHead(input);
    const { method, path } = head;
    return { method, path, body: parseBody(input, head) };
  } catch (error) {
    if (error instanceof Rejection || error === 'incomplete') return error;
    throw error; // nothing else may be thrown
  }
}
