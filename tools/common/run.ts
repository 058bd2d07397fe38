/**
 * How every tool runs.
 */
import { SystemError } from '#shared/node/libc';

/**
 * Runs a tool. A failed system call ends it with one line and status 1; a
 * reader of its output who has left (`| head`) ends it quietly.
 */
export function run(name: string, main: () => Promise<void>): void {
  process.stdout.on('error', () => process.exit(0));
  main().catch((error: unknown) => {
    if (!(error instanceof SystemError)) throw error;
    console.error(`${name}: ${error.message}`);
    process.exitCode = 1;
  });
}
