/**
 * A terminal that shows one picture after the other in the same place, and
 * that looks as before when the program ends, however it ends.
 */
import { kill } from '#shared/signals';
import type { Size } from './render';

const { stdin, stdout } = process;

// xterm's control sequences: alternate screen, cursor, and (where known)
// "show nothing until the update is complete", against flicker.
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[?2026h\x1b[H';
const DONE = '\x1b[J\x1b[H\x1b[?2026l';
const REST_OF_LINE = '\x1b[K';

/** What a person has pressed. Those that do more are done here. */
export type Key = 'left' | 'right' | 'other';

// What a terminal sends for an arrow depends on its mode.
const LEFT = ['\x1b[D', '\x1bOD'];
const RIGHT = ['\x1b[C', '\x1bOC'];
const CTRL_C = '\x03';
const CTRL_Z = '\x1a';

/**
 * Takes the whole terminal.
 *
 * @param redraw called when the size has changed, or the program was
 *   suspended
 * @param press called for each key, but not for those that end or suspend it
 */
export function openScreen(
  redraw: () => void,
  press: (key: Key) => void,
): void {
  enter();
  process.on('exit', leave);
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => process.exit(0));
  }
  process.on('SIGCONT', () => {
    clearTimeout(stillHere);
    enter();
    redraw();
  });
  stdout.on('resize', redraw);
  // A key is at hand at once, and not shown on the screen.
  stdin.on('data', (bytes) => {
    for (const key of splitKeys(String(bytes))) {
      if (key === 'q' || key === CTRL_C) process.exit(0);
      else if (key === CTRL_Z) suspend();
      else press(nameOf(key));
    }
  });
}

/** One or more at a time: an arrow is three characters. */
function splitKeys(bytes: string): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the very subject
  return bytes.match(/\x1b[[O][\d;]*[A-Za-z~]|[\s\S]/g) ?? [];
}

function nameOf(key: string): Key {
  if (LEFT.includes(key)) return 'left';
  return RIGHT.includes(key) ? 'right' : 'other';
}

function enter(): void {
  // This comes first: in the background it stops us, see SIGTTOU in signal(7),
  // and the screen is somebody else's. Node thinks that it knows the mode, but
  // a shell may have changed it meanwhile.
  if (stdin.isTTY) stdin.setRawMode(false).setRawMode(true);
  stdout.write(ENTER);
  taken = true;
}

function leave(): void {
  if (stdin.isTTY) stdin.setRawMode(false);
  stdout.write(LEAVE);
  taken = false;
}

const STOPPING_MS = 100;
let stillHere: NodeJS.Timeout | undefined;
/** Whether the screen is ours: not between Ctrl-Z and SIGCONT. */
let taken = false;

/**
 * What a terminal does at Ctrl-Z unless it is in raw mode: it stops all that
 * runs in the foreground. npm is among them, and while it runs the shell that
 * waits for it does not show a prompt.
 */
function suspend(): void {
  leave();
  kill(0, 'SIGTSTP');
  // Where no shell is that could have us go on, the kernel stops nobody, see
  // "orphaned process group" in setpgid(2). Then we do it ourselves.
  stillHere = setTimeout(() => process.emit('SIGCONT'), STOPPING_MS);
}

/** How large it is. One that does not know has the usual size. */
export function sizeOfScreen(): Size {
  return { columns: stdout.columns || 80, rows: stdout.rows || 24 };
}

/** Shows lines, one write for all of them. */
export function draw(lines: string[]): void {
  if (!taken) return;
  const text = lines.map((line) => line + REST_OF_LINE).join('\r\n');
  stdout.write(HOME + text + DONE);
}
