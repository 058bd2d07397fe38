/**
 * What a server does that has as much to do as it can: it lets clients wait,
 * or turns them away with a 503. Each call can be left out.
 */
import { formatHead } from './http';
import { log } from './log';
import { SystemError } from './node/libc';
import { fork, unreapedChildren } from './processes';
import { readWaiting, writeNow } from './sockets';

/**
 * Whether there are as many children as there may be. Clients wait in the
 * accept queue until one has been reaped.
 */
export function isFull(maxChildren: number): boolean {
  if (unreapedChildren().length < maxChildren) return false;
  if (!wasFull) log(maxChildren, 'children: new connections wait in the queue');
  wasFull = true; // one line is enough, however often it happens
  return true;
}

let wasFull = false;

/**
 * fork(2) for a server that goes on when there is no room for a child: the
 * client is told so, with a 503.
 *
 * @returns as fork, or null if it fails, which is logged
 */
export function forkOrTurnAway(client: number): number | null {
  try {
    return fork();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    log(error.message);
    turnAway(client);
    return null;
  }
}

/**
 * Waits for nothing, since it is the parent that does this. The answer is lost
 * if the request arrives only now, and the client's system discards what it has
 * received when it gets our RST.
 */
function turnAway(client: number): void {
  const text = '503: no process is free for this request, try again\n';
  readWaiting(client, Buffer.alloc(8_192));
  writeNow(client, Buffer.from(formatHead(503) + text));
  log('turned away → 503');
}
