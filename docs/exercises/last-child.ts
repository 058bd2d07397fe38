/**
 * Exercise 9: one second for the last child.
 *
 * Part 3, and its end has a limit. SIGKILL cannot be held back, so what remains
 * to be waited for takes no time.
 */
import { acceptOrSignal } from '#shared/accepting';
import { integer } from '#shared/flags';
import { startForking } from '#shared/forking';
import { forkOrTurnAway, isFull } from '#shared/overload';
import {
  exitAfter,
  unreapedChildren,
  WNOHANG,
  WUNTRACED,
  waitpid,
} from '#shared/processes';
import { serveClient } from '#shared/serve';
import { kill, nextSignal, onSignal } from '#shared/signals';
import { close, openListener } from '#shared/sockets';
import type { ServerOptions } from '#shared/start';
import { isStopping, stopOnSignals, waitForLastChild } from '#shared/stopping';

const PATIENCE_MS = 1_000;

type Options = ServerOptions & { maxChildren: number };

async function serve(options: Options): Promise<void> {
  onSignal('SIGCHLD', reapChildren);
  stopOnSignals();
  const listener = openListener(options);

  while (!isStopping()) {
    if (isFull(options.maxChildren)) {
      await nextSignal();
      continue;
    }

    const client = await acceptOrSignal(listener);
    if (typeof client === 'string') continue; // nobody: it says why

    const pid = forkOrTurnAway(client);
    if (pid === 0) {
      exitAfter(() => {
        close(listener);
        serveClient(client, options);
        close(client);
      });
    }

    // Also if there is no child: then pid is null, and the client has its 503.
    close(client);
  }

  close(listener);
  await endChildren();
}

/** Gives the children a second, and ends those that need more. */
async function endChildren(): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  let left = PATIENCE_MS;
  while (left > 0 && unreapedChildren().length > 0) {
    await nextSignal(left);
    left = deadline - performance.now();
  }
  for (const pid of unreapedChildren()) kill(pid, 'SIGKILL');
  await waitForLastChild();
}

/**
 * Signals are not counted: ten children may end and ring the bell once. So we
 * ask again until there is no child left to tell of. (WUNTRACED: of those that
 * were stopped, too, for the log.)
 */
function reapChildren(): void {
  while ('pid' in waitpid(-1, WNOHANG | WUNTRACED));
}

startForking('last-child', 'waits a second for its last child', serve, {
  maxChildren: integer('how many clients at once', [1, 100_000], 256),
});
