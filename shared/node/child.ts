/**
 * What makes a copy of Node a safe child: it runs none of its parent's
 * handlers, and it leaves by _exit(2) and by no other way. Node's own exit
 * would join threads that exist in the parent alone, and wait for ever.
 */
import { constants as files, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { libc, SIG_DFL, SIG_IGN, SystemError, unobserved } from './libc';

const { signals } = constants;

/** Whether this process is a child that was forked. */
let forked = false;

/**
 * Arranges what children must not do. Done once in the parent, it costs no
 * child anything.
 */
export function prepareChildren(): void {
  guardExits();
  // Node handles these two by itself, to leave the terminal as it was.
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
export function becomeChild(scoreFile = OOM_SCORE): void {
  forked = true;
  volunteer(scoreFile);
  for (const [name, disposition] of dispositions) {
    libc.signal(signals[name as NodeJS.Signals], disposition);
  }
  // A parent that listens for rejections handles them. A child does not.
  if (process.listenerCount('unhandledRejection') > 0) {
    process.removeAllListeners('unhandledRejection');
  }
}

const OOM_SCORE = '/proc/self/oom_score_adj';
const HIGHEST_SCORE = Buffer.from('1000');

/**
 * Where memory runs out, the kernel ends the process with the highest score.
 * It shall be a child with its one client, and not the parent. A process may
 * always raise its own: proc_pid_oom_score_adj(5).
 */
function volunteer(scoreFile: string): void {
  const fd = libc.open(scoreFile, files.O_WRONLY);
  if (fd === -1) return; // after setuid(2), for instance, it is not ours
  libc.write(fd, HIGHEST_SCORE, HIGHEST_SCORE.length);
  libc.close(fd);
}

let rehearsing = false;

/**
 * Does a child's work and ends the child: with status 0, or with a message
 * and status 1 if the work throws. The work is synchronous: both processes
 * share the descriptor of the event loop, and a child that turned it would
 * take the parent's events away.
 */
export function exitAfter(work: () => void): never {
  try {
    const result: unknown = work();
    reportRejections();
    if (result instanceof Promise) {
      throw new Error('the work of a child has to be synchronous');
    }
  } catch (error) {
    if (rehearsing) throw error;
    die(error);
  }
  if (rehearsing) throw CURTAIN;
  return _exit(0);
}

const CURTAIN = new Error('the rehearsal is over');

/** Goes on after `exitAfter`, see `rehearseChild` in fork.ts. */
export function rehearse(child: () => void): void {
  rehearsing = true;
  try {
    child();
  } catch (error) {
    if (error !== CURTAIN) throw error;
  } finally {
    rehearsing = false;
    forked = false;
  }
}

const SIGACTION_BYTES = 152; // struct sigaction in glibc and in musl

/** Does something that resets signals, and has them handled as before. */
export function keepHandlers(work: () => void): void {
  const before = [...dispositions.keys()].map((name) => {
    const signal = signals[name as NodeJS.Signals];
    const action = Buffer.alloc(SIGACTION_BYTES);
    libc.sigaction(signal, null, action);
    return { signal, action };
  });
  try {
    work();
  } finally {
    for (const { signal, action } of before) {
      libc.sigaction(signal, action, null);
    }
  }
}

/** Has Node report promises that were rejected and that nobody handled. */
function reportRejections(): void {
  // Node calls this after each callback. A child has no next callback.
  (process as unknown as { _tickCallback?: () => void })._tickCallback?.();
}

/** Ends a child that something went wrong in: a message, and status 1. */
function die(reason: unknown): never {
  try {
    const { getpid } = unobserved;
    writeSync(2, `[${getpid()}] child fails: ${explain(reason)}\n`);
  } finally {
    _exit(1);
  }
}

/** _exit(2): ends this process at once, whatever it is doing. */
export function _exit(status: number): never {
  libc._exit(status);
  throw new Error('_exit(2) does not return');
}

/** A failed system call says it all itself. A bug is somewhere in the code. */
function explain(reason: unknown): string {
  if (reason instanceof SystemError) return reason.message;
  return (reason instanceof Error && reason.stack) || String(reason);
}
