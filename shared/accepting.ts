/**
 * accept for servers that handle signals.
 */
import { constants } from 'node:os';
import { log } from './log';
import { describeErrno, EVENT_LOOP, SystemError } from './node/libc';
import { handleSignals, nextSignal } from './signals';
import { accept, POLLIN, poll } from './sockets';

const { errno: E } = constants;

/**
 * accept(2), for a server that goes on when a signal has interrupted it.
 *
 * @returns EINTR if one has; by then its handler has run
 * @throws SystemError as `accept`, EINTR excepted
 */
export async function acceptUnlessInterrupted(
  listener: number,
): Promise<number | 'EINTR'> {
  // A signal that came while we were busy has interrupted nothing.
  await handleSignals();
  try {
    return accept(listener);
  } catch (error) {
    if (!(error instanceof SystemError) || error.errno !== E.EINTR) throw error;
    await handleSignals();
    return 'EINTR';
  }
}

/**
 * Why nobody was accepted: a `signal` may have come, and its handler has run;
 * the client was `gone` before its turn came; or descriptors or memory were
 * `exhausted`, and a moment has passed since.
 */
export type NoClient = 'signal' | 'gone' | 'exhausted';

/**
 * Waits for a client or for a signal, whichever comes first. It misses
 * neither, however long ago it came: both leave something to read until
 * somebody has looked.
 *
 * @returns the descriptor of a client that has been accepted, or why not
 * @throws SystemError EBADF, EINVAL: it is not a listening socket
 */
export async function acceptOrSignal(
  listener: number,
): Promise<number | NoClient> {
  if (!hasTurned) {
    hasTurned = true;
    await handleSignals();
    return 'signal'; // one may have come and been handled on the way
  }
  const [client, signal] = poll([
    [listener, POLLIN],
    [EVENT_LOOP, POLLIN],
  ]);
  if (client && (!signal || wentFirst++ < MAY_GO_FIRST)) {
    return acceptReady(listener);
  }
  wentFirst = 0;
  await handleSignals();
  return 'signal';
}

/**
 * So many clients at the most go before a signal that waits: a turn of the
 * event loop costs much, and one is enough for many signals.
 */
const MAY_GO_FIRST = 16;
/** How many clients have been accepted while a signal waited. */
let wentFirst = 0;

/** Only when the event loop turns does it take up new handlers. */
let hasTurned = false;

// Nothing left to make a descriptor of, here or in the whole machine.
const EXHAUSTED = /^(EMFILE|ENFILE|ENOBUFS|ENOMEM)$/;
// There is nothing wrong with the listener. Most of these are on the list of
// accept(2) of what servers should take for "try again".
const GONE =
  /^(ECONNABORTED|EPROTO|ENETDOWN|ENOPROTOOPT|EHOSTUNREACH|EOPNOTSUPP|ENETUNREACH|EPERM)$/;
/** At most this long, since others than our children may free something. */
const EXHAUSTED_MS = 500;

/** Accepts a client that is there. Nobody else accepts from this listener. */
async function acceptReady(listener: number): Promise<number | NoClient> {
  try {
    const client = accept(listener);
    lastErrno = 0;
    return client;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const { code, errno } = error;
    const gone = GONE.test(code);
    if (!gone && !EXHAUSTED.test(code)) throw error;
    if (errno !== lastErrno) log('accept:', describeErrno(errno));
    lastErrno = errno;
    if (gone) return 'gone';
    await nextSignal(EXHAUSTED_MS);
    return 'exhausted';
  }
}

/** Of the last attempt, 0 if it succeeded: an error is logged when it begins. */
let lastErrno = 0;
