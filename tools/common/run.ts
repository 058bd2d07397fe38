/**
 * How a tool runs.
 */

/** What its user has to hear, in one line: nothing is wrong with the tool. */
export class Obstacle extends Error {
  override readonly name: string = 'Obstacle';
}

/**
 * Runs a tool. An obstacle or a failed system call, ours or Node's, ends it
 * with one line and status 1; a reader of its output who has left (`| head`)
 * ends it quietly.
 */
export function run(name: string, main: () => void | Promise<void>): void {
  process.stdout.on('error', () => process.exit(0));
  // What goes wrong in a callback comes here, too.
  process.on('uncaughtException', (error) => {
    const isPlain = error instanceof Obstacle || 'syscall' in error;
    console.error(isPlain ? `${name}: ${error.message}` : error);
    process.exit(1);
  });
  main();
}
