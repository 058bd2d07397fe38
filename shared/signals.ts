/**
 * Signals: how a process hears that something happened.
 *
 * A JavaScript handler never runs inside a system call. The kernel's signal
 * interrupts the call; the handler runs when the event loop next turns. So:
 * the signal wakes, the loop works.
 */
import { constants } from 'node:os';
import { check, libc } from './libc';

const { signals } = constants;
/** The dispositions of signal(2): what the kernel does by itself, or nothing. */
export const SIG_DFL = 0;
export const SIG_IGN = 1;
const SIG_SETMASK = 2; // the same number on x86-64 and arm64
const SIGSET_BYTES = 128; // sizeof(sigset_t) in glibc and in musl
const EVERY_SIGNAL = new Uint8Array(SIGSET_BYTES).fill(0xff);
const maskBefore = new Uint8Array(SIGSET_BYTES);

/** kill(2): sends a signal. @throws SystemError ESRCH, EPERM */
export function kill(pid: number, name: NodeJS.Signals): void {
  check(libc.kill(pid, signals[name]), 'kill', { pid });
}

/** signal(2), for the two dispositions that need no handler. */
export function signal(name: NodeJS.Signals, disposition: 0 | 1): void {
  libc.signal(signals[name], disposition);
}

/**
 * Sets a JavaScript handler, and lets the signal interrupt a blocked call, as
 * sigaction(2) without SA_RESTART does: `accept` then fails with EINTR. Node
 * alone would have the kernel restart it, and the handler would never get
 * its turn. See siginterrupt(3), signal(7).
 */
export function onSignal(name: NodeJS.Signals, handler: () => void): void {
  process.on(name, handler);
  check(libc.siginterrupt(signals[name], 1), 'siginterrupt');
}

// What a child does about each signal, for resetSignals: a child has no time
// to think about it. Node itself handles these two, even if nobody asked it.
const inChildren = new Map<NodeJS.Signals, 0 | 1>([
  ['SIGTERM', SIG_DFL],
  ['SIGINT', SIG_DFL],
]);
process.on('newListener', (event) => {
  const name = String(event) as NodeJS.Signals;
  if (name in signals)
    inChildren.set(name, name === 'SIGINT' ? SIG_IGN : SIG_DFL);
});

/**
 * Lets the event loop turn once: handlers of signals that have arrived run.
 */
export function handleSignals(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * SIGTERM or SIGINT (Ctrl-C): `stop` at the first one, `stopAtOnce` at the
 * next.
 *
 * Under npm a single Ctrl-C arrives twice, from the terminal and from npm,
 * which passes it on. So one that follows within half a second is the same.
 */
export function onStop(stop: () => void, stopAtOnce: () => void): void {
  let stopped = 0;
  const handler = () => {
    if (stopped === 0) {
      stopped = Date.now();
      stop();
    } else if (Date.now() - stopped > SAME_CTRL_C_MS) {
      stopAtOnce();
    }
  };
  onSignal('SIGTERM', handler);
  onSignal('SIGINT', handler);
}

const SAME_CTRL_C_MS = 500;

/** Waits in the event loop for a SIGCHLD, half a second at most. */
export function nextSignal(): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, 500);
    process.once('SIGCHLD', done);
    function done(): void {
      clearTimeout(timer);
      process.off('SIGCHLD', done);
      resolve();
    }
  });
}

/**
 * Holds every signal back, see sigprocmask(2). Not to be nested.
 *
 * @returns the mask that was in force, for `restoreSignals`
 */
export function blockSignals(): Uint8Array {
  libc.sigprocmask(SIG_SETMASK, EVERY_SIGNAL, maskBefore);
  return maskBefore;
}

/** Puts a mask back. Signals held back meanwhile are delivered now. */
export function restoreSignals(mask: Uint8Array): void {
  libc.sigprocmask(SIG_SETMASK, mask, null);
}

/**
 * Undoes in a forked child what the parent arranged for itself.
 *
 * Node's handlers write into a pipe that parent and child share: a SIGTERM
 * meant for the child would stop the parent. So the child gets the kernel's
 * defaults back. One exception: a terminal sends Ctrl-C to the whole
 * foreground group. A parent that handles SIGINT decides for its children,
 * and they ignore it.
 */
export function resetSignals(): void {
  for (const [name, disposition] of inChildren) signal(name, disposition);
}

/** `SIGSEGV` for 11: the name of a signal number. */
export function signalName(number: number): string {
  const known = Object.entries(signals).find(([, value]) => value === number);
  return known?.[0] ?? `signal ${number}`;
}
