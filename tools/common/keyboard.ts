/**
 * Keys that are at hand as soon as they are pressed, in a terminal that is as
 * before when the program ends, however it ends.
 */
import { kill } from '#shared/signals';

const { stdin } = process;

/** What a program does with the terminal while it has it. */
export interface TerminalUser {
  /** Called for each key, but not for those that end or suspend it. */
  press: (key: string) => void;
  /** What it does besides when it takes the terminal. */
  enter?: () => void;
  /** And when it gives it back. */
  leave?: () => void;
  /** Called when it goes on after it was suspended. */
  resume?: () => void;
}

const CTRL_C = '\x03';
const CTRL_Z = '\x1a';
const STOPPING_MS = 100;

/**
 * Takes the terminal. From now on `q` and Ctrl-C end the program, and Ctrl-Z
 * suspends it.
 *
 * @returns what gives it back before
 */
export function takeTerminal(user: TerminalUser): () => void {
  let stillHere: NodeJS.Timeout | undefined;
  const take = () => {
    // This comes first: in the background it stops us, see SIGTTOU in
    // signal(7), and the screen is somebody else's. Node thinks that it knows
    // the mode, but a shell may have changed it meanwhile.
    if (stdin.isTTY) stdin.setRawMode(false).setRawMode(true);
    user.enter?.();
  };
  const giveBack = () => {
    if (stdin.isTTY) stdin.setRawMode(false);
    user.leave?.();
  };
  // What a terminal does at Ctrl-Z unless it is in raw mode: it stops all that
  // runs in the foreground. npm is among them, and while it runs the shell
  // that waits for it does not show a prompt.
  const suspend = () => {
    giveBack();
    kill(0, 'SIGTSTP');
    // Where no shell is that could have us go on, the kernel stops nobody, see
    // "orphaned process group" in setpgid(2). Then we do it ourselves.
    stillHere = setTimeout(() => process.emit('SIGCONT'), STOPPING_MS);
  };
  const goOn = () => {
    clearTimeout(stillHere);
    take();
    user.resume?.();
  };
  const read = (bytes: Buffer) => {
    for (const key of splitKeys(String(bytes))) {
      if (key === 'q' || key === CTRL_C) end();
      else if (key === CTRL_Z) suspend();
      else user.press(key);
    }
  };
  take();
  process.on('exit', giveBack).on('SIGCONT', goOn);
  for (const name of ENDINGS) process.on(name, end);
  stdin.on('data', read).resume(); // somebody may have paused it
  return () => {
    stdin.off('data', read).pause();
    for (const name of ENDINGS) process.off(name, end);
    process.off('exit', giveBack).off('SIGCONT', goOn);
    giveBack();
  };
}

const ENDINGS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function end(): never {
  process.exit(0);
}

/** One or more at a time: an arrow is three characters. */
function splitKeys(bytes: string): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the very subject
  return bytes.match(/\x1b[[O][\d;]*[A-Za-z~]|[\s\S]/g) ?? [];
}
