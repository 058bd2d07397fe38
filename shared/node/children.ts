/**
 * What makes a copy of Node a safe child: it runs none of its parent's
 * handlers, and it leaves by _exit(2) and by no other way. Node's own exit
 * would join threads that exist in the parent alone, and wait for ever.
 */
import { writeSync } from 'node:fs';
import { constants } from 'node:os';
import { libc, SystemError, unobserved } from '#shared/node/libc';

const { signals } = constants;
const SIG_DFL = 0;
const SIG_IGN = 1;

/** Whether this process is a child that was forked. */
let forked = false;
let prepared = false;

/**
 * Arranges in the parent, once, what children must not do: it costs each of
 * them nothing then.
 */
export function prepareChildren(): void {
  if (prepared) return;
  prepared = true;
  guardExits();
  // Node handles these two by itself, even if nobody asked it to.
  noteSignal('SIGTERM');
  noteSignal('SIGINT', SIG_DFL);
  for (const event of process.eventNames()) noteSignal(String(event));
  process.on('newListener', (event) => noteSignal(String(event)));
}

/** What a child does about each signal that its parent has a handler for. */
const dispositions = new Map<string, 0 | 1>();

/**
 * A terminal sends Ctrl-C to the whole foreground group. A parent that handles
 * SIGINT decides for its children, and they ignore it.
 */
function noteSignal(
  name: string,
  disposition: 0 | 1 = name === 'SIGINT' ? SIG_IGN : SIG_DFL,
): void {
  if (name in signals) dispositions.set(name, disposition);
}

/** Everything that would end in Node's teardown ends in _exit instead. */
function guardExits(): void {
  // `reallyExit` is what Node itself calls at the end of `exit`.
  for (const name of ['exit', 'reallyExit'] as const) {
    const { [name]: leave } = process as NodeJS.Process & {
      reallyExit: NodeJS.Process['exit'];
    };
    const guarded = (status?: number | string | null): never => {
      if (forked) die(`process.exit(${status ?? ''}) in a child`);
      return leave.call(process, status);
    };
    Object.assign(process, { [name]: guarded });
  }
  // Node calls this before it looks for a handler or ends the process.
  process.on('uncaughtExceptionMonitor', (error) => {
    if (forked) die(error);
  });
}

/**
 * Undoes in a forked child what the parent arranged for itself.
 *
 * Node's handlers of signals write into a pipe that parent and child share: a
 * SIGTERM meant for the child would stop the parent. So the child gets the
 * kernel's defaults back.
 */
export function becomeChild(): void {
  forked = true;
  for (const [name, disposition] of dispositions) {
    libc.signal(signals[name as NodeJS.Signals], disposition);
  }
  // A parent that listens for rejections handles them. A child does not.
  if (process.listenerCount('unhandledRejection') > 0) {
    process.removeAllListeners('unhandledRejection');
  }
}

/** Undoes `becomeChild` in a parent that has only rehearsed it. */
export function stayParent(): void {
  forked = false;
}

/** Has Node report promises that were rejected and that nobody handled. */
export function reportRejections(): void {
  // Node calls this after each callback. A child has no next callback.
  (process as unknown as { _tickCallback?: () => void })._tickCallback?.();
}

/** Ends a child that something went wrong in: a message, and status 1. */
export function die(reason: unknown): never {
  try {
    const { getpid } = unobserved;
    writeSync(2, `[${getpid()}] child fails: ${explain(reason)}\n`);
  } finally {
    libc._exit(1);
  }
  throw new Error('_exit(2) does not return');
}

/** A failed system call says it all itself. A bug is somewhere in the code. */
function explain(reason: unknown): string {
  if (reason instanceof SystemError) return reason.message;
  return (reason instanceof Error && reason.stack) || String(reason);
}
