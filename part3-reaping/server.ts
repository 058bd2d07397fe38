/**
 * Part 3: the forking server that cleans up.
 *
 * New: the handler collects the exit status of every child that has ended. What
 * else a server owes its clients and its children is here, too: each is one
 * call.
 *
 *     npm run part3        then, in another terminal:
 *     curl http://127.0.0.1:8888/
 *
 * What it costs: docs/4-beyond.md lets you predict it.
 */
import { acceptOrSignal } from '#shared/accepting';
import { integer } from '#shared/flags';
import { startForking } from '#shared/forking';
import { forkOrTurnAway, isFull } from '#shared/overload';
import { exitAfter, WNOHANG, WUNTRACED, waitpid } from '#shared/processes';
import { serveClient } from '#shared/serve';
import { nextSignal, onSignal } from '#shared/signals';
import { close, openListener } from '#shared/sockets';
import type { ServerOptions } from '#shared/start';
import { isStopping, stopOnSignals, waitForLastChild } from '#shared/stopping';

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

startForking('part3', 'closes its copies and reaps its children', serve, {
  maxChildren: integer('how many clients at once', [1, 100_000], 256),
});
