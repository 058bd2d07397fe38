/**
 * accept for a server that handles signals, and that nothing stops.
 */
import { constants } from 'node:os';
import { describeErrno, errno, libc, SystemError } from './libc';
import { log } from './log';
import { handleSignals, nextSignal } from './signals';
import { countClient } from './sockets';

const { errno: E } = constants;

// Waking up: a signal, or the listener's receive timeout.
const WOKEN: number[] = [E.EINTR, E.EAGAIN];
// Nothing left to make a descriptor of, here or in the whole machine.
const EXHAUSTED: number[] = [E.EMFILE, E.ENFILE, E.ENOBUFS, E.ENOMEM];
// The connection broke before anybody accepted it. accept(2) asks servers to
// take these for "try again".
const BROKEN: number[] = [
  E.ECONNABORTED,
  E.EPROTO,
  E.ENETDOWN,
  E.ENOPROTOOPT,
  E.EHOSTUNREACH,
  E.EOPNOTSUPP,
  E.ENETUNREACH,
  E.EPERM,
];

/**
 * accept(2), or null if it was a signal that came. By then the handlers have
 * run.
 *
 * Errors that pass by themselves are null, too, and logged when they begin,
 * not at every attempt.
 *
 * @throws SystemError EBADF, EINVAL: the listener is none
 */
export async function acceptOrWake(listener: number): Promise<number | null> {
  // Under load there is always somebody to accept, and nothing ever
  // interrupts us. The handlers get their turn all the same.
  if (Date.now() > nextTurn) await turn();
  const fd = libc.accept(listener, null, null);
  if (fd === -1) return explain(errno(), listener);
  trouble = 0;
  return countClient(fd);
}

const TURN_EVERY_MS = 100;
let nextTurn = 0;

async function turn(): Promise<void> {
  await handleSignals();
  nextTurn = Date.now() + TURN_EVERY_MS;
}

/** The last error that was logged, 0 after a success. */
let trouble = 0;

async function explain(error: number, listener: number): Promise<null> {
  if (WOKEN.includes(error)) {
    await turn();
    return null;
  }
  const passes = EXHAUSTED.includes(error) || BROKEN.includes(error);
  if (!passes) throw new SystemError('accept', error, { fd: listener });
  if (error !== trouble) log('accept:', describeErrno(error));
  trouble = error;
  // accept would fail again at once. A child that ends may set something
  // free; otherwise half a second does no harm.
  if (EXHAUSTED.includes(error)) await nextSignal();
  return null;
}
