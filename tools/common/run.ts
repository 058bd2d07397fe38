/**
 * How most tools run.
 */

/**
 * Runs a tool. A failed system call, ours or Node's, ends it with one line and
 * status 1; a reader of its output who has left (`| head`) ends it quietly.
 */
export function run(name: string, main: () => Promise<void>): void {
  process.stdout.on('error', () => process.exit(0));
  main().catch((error: unknown) => {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    console.error(`${name}: ${error.message}`);
    process.exitCode = 1;
  });
}
