/**
 * A whole request for the parsers, head and body.
 */
import { parseBody } from '#shared/body';
import {
  type Incoming,
  type Parser,
  parseHead,
  type Rejection,
  type Request,
} from '#shared/http';

/** Reads the head, and the body that it announces, whatever the method. */
export function* parseRequest(incoming: Incoming): Parser<Request | Rejection> {
  const head = yield* parseHead(incoming);
  return head.kind === 'head' ? yield* parseBody(incoming, head) : head;
}

/** What becomes of a request if no more of it comes than this. */
export function judge(incoming: Incoming): Request | Rejection | 'incomplete' {
  return parseRequest(incoming).next().value;
}
