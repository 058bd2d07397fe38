/**
 * What somebody who is about to see something thinks it will be.
 */
import { createInterface } from 'node:readline';

/** @returns what was written; nothing if nobody can be asked, or will say */
export async function askForPrediction(): Promise<string> {
  if (!process.stdin.isTTY) return '';
  const { stdin: input, stdout: output } = process;
  const asker = createInterface({ input, output });
  asker.on('SIGINT', () => process.exit(130));
  return new Promise((resolve) => {
    asker.on('close', () => resolve('')); // Ctrl-D
    asker.question('Your prediction, and Enter: ', (answer) => {
      resolve(answer.trim());
      asker.close();
    });
  });
}
