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
  let answered = false;
  return new Promise((resolve) => {
    // Ctrl-D. Whoever has answered is on a new line already.
    asker.on('close', () => {
      if (!answered) output.write('\n');
      resolve('');
    });
    asker.question('Your prediction, and Enter: ', (answer) => {
      answered = true;
      resolve(answer.trim());
      asker.close();
    });
  });
}
