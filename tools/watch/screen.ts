/**
 * A terminal that shows one picture after the other in the same place, and
 * that looks as before when the program ends, however it ends.
 */
const { stdin, stdout } = process;

// xterm's control sequences: alternate screen, cursor, and (where known)
// "show nothing until the update is complete", against flicker.
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[?2026h\x1b[H';
const DONE = '\x1b[J\x1b[H\x1b[?2026l';
const REST_OF_LINE = '\x1b[K';

const CTRL_C = '\x03';
const CTRL_Z = '\x1a';

/**
 * Takes the whole terminal.
 *
 * @param redraw called when the size has changed, or the program was
 *   suspended
 */
export function openScreen(redraw: () => void): void {
  enter();
  process.on('exit', leave);
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => process.exit(0));
  }
  process.on('SIGCONT', () => {
    enter();
    redraw();
  });
  stdout.on('resize', redraw);
  // A key is at hand at once, and not shown on the screen.
  stdin.on('data', (keys) => press(String(keys)));
}

function enter(): void {
  stdout.write(ENTER);
  if (stdin.isTTY) stdin.setRawMode(true);
}

function leave(): void {
  if (stdin.isTTY) stdin.setRawMode(false);
  stdout.write(LEAVE);
}

function press(keys: string): void {
  if (keys === 'q' || keys.includes(CTRL_C)) process.exit(0);
  if (!keys.includes(CTRL_Z)) return;
  leave();
  process.kill(process.pid, 'SIGSTOP');
}

/** Shows lines, one write for all of them. */
export function draw(lines: string[]): void {
  const text = lines.map((line) => line + REST_OF_LINE).join('\r\n');
  stdout.write(HOME + text + DONE);
}
