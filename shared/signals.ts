/**
 * Signals: how a process hears that something happened.
 *
 * A JavaScript handler never runs inside a system call. The kernel's signal
 * interrupts the call; the handler runs when the event loop next turns. So:
 * the signal wakes, the loop works.
 */
import { constants } from 'node:os';
import { check, EVENT_LOOP, libc } from './node/libc';
import { POLLIN, poll } from './sockets';

const { signals } = constants;

export { SIG_DFL, SIG_IGN } from './node/libc';

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

/**
 * Lets the event loop turn once: handlers of signals that have arrived run.
 */
export function handleSignals(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Waits for a signal that has a handler; by the time this returns, the handler
 * has run. One that came before is not missed: it leaves something to read
 * until the event loop has turned.
 *
 * @param milliseconds how long at most; without a limit if negative
 */
export async function nextSignal(milliseconds = -1): Promise<void> {
  poll([[EVENT_LOOP, POLLIN]], milliseconds);
  await handleSignals();
}

/** `SIGSEGV` for 11: the name of a signal number. */
export function signalName(number: number): string {
  const known = Object.entries(signals).find(([, value]) => value === number);
  return known?.[0] ?? `signal ${number}`;
}
