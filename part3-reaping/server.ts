/**
 * Part 3: the forking server that cleans up.
 *
 * New: the parent waits for every child that has ended, in a loop, and ends
 * in order when it is told to. And it goes on when the machine is full: at
 * its limit of children it lets clients wait, and where it may not fork it
 * tells them so.
 *
 *     npm run part3        then, in another terminal:
 *     curl http://127.0.0.1:8888/
 *
 * What it still cannot do: be cheap. Each request costs a process.
 */
import { acceptOrWake } from '../shared/accepting';
import { integer } from '../shared/flags';
import { logOnce } from '../shared/log';
import {
  exitAfter,
  forkOrNull,
  WNOHANG,
  WUNTRACED,
  waitpid,
} from '../shared/processes';
import { serveClient, turnAway } from '../shared/serve';
import { kill, nextSignal, onSignal, onStop } from '../shared/signals';
import { close, listenOn, setReceiveTimeout } from '../shared/sockets';
import { announceListener, type ServerOptions, start } from '../shared/start';

interface Options extends ServerOptions {
  maxChildren: number;
}

/**
 * The children that are alive, or zombies that we have not seen yet. In an
 * array, since a Set makes itself a new table for every few children: where
 * V8 keeps what is old, and the next forks copy all of them.
 */
const children: number[] = [];
let stopping = false;

async function serve(options: Options): Promise<void> {
  const { host, port, backlog, timeout, patience, maxChildren } = options;
  const listener = listenOn({ address: host, port }, backlog, patience);
  onSignal('SIGCHLD', wakeUp);
  onStop(stop, killChildren);
  // A signal that arrives just before accept begins to wait interrupts
  // nothing. It is noticed when accept gives up, half a second later.
  setReceiveTimeout(listener, 0.5);
  announceListener(listener);

  while (!stopping) {
    if (children.length >= maxChildren) {
      logOnce(`${maxChildren} children: new connections wait in the queue`);
      await childrenEnd();
      continue;
    }

    const client = await acceptOrWake(listener);
    reapChildren();
    if (client === null) continue;

    const pid = forkOrNull();
    if (pid === 0) {
      exitAfter(() => {
        close(listener);
        serveClient(client, timeout);
        close(client);
      });
    }

    if (pid === null) turnAway(client);
    else children.push(pid);
    close(client);
  }

  // No new clients. Those we have get the whole of their answer.
  close(listener);
  while (children.length > 0) await childrenEnd();
}

/**
 * Collects every child that has ended.
 *
 * Signals are not counted: ten children may end and ring the bell once. So we
 * ask again until the kernel says that nobody else is waiting.
 */
function reapChildren(): void {
  for (;;) {
    const child = waitpid(-1, WNOHANG | WUNTRACED);
    if (child.pid <= 0) return;
    const index = children.indexOf(child.pid);
    if (!child.stopped && index !== -1) children.splice(index, 1);
  }
}

/** Waits, without accepting anybody, until children may have ended. */
async function childrenEnd(): Promise<void> {
  await nextSignal();
  reapChildren();
}

/** The signal has done its work by arriving: accept has been interrupted. */
function wakeUp(): void {}

function stop(): void {
  stopping = true;
}

/** Somebody cannot wait: SIGKILL, which also ends a child that is stopped. */
function killChildren(): void {
  for (const pid of children) kill(pid, 'SIGKILL');
}

start('part3', 'closes its copies and reaps its children', serve, {
  maxChildren: integer('how many clients at once', [1, 100_000], 256),
});
