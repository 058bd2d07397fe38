/**
 * A terminal that shows one picture after the other in the same place.
 */
import { takeTerminal } from '../common/keyboard';
import type { Size } from './render';

const { stdout } = process;

// xterm's control sequences: alternate screen, cursor, and (where known)
// "show nothing until the update is complete", against flicker.
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[?2026h\x1b[H';
const DONE = '\x1b[J\x1b[H\x1b[?2026l';
const REST_OF_LINE = '\x1b[K';

/** What a person has pressed. Those that do more are done elsewhere. */
export type Key = 'left' | 'right' | 'other';

// What a terminal sends for an arrow depends on its mode.
const LEFT = ['\x1b[D', '\x1bOD'];
const RIGHT = ['\x1b[C', '\x1bOC'];

/** Whether the screen is ours: not between Ctrl-Z and SIGCONT. */
let taken = false;

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
  const show = (sequence: string, ours: boolean) => {
    stdout.write(sequence);
    taken = ours;
  };
  takeTerminal({
    press: (key) => press(nameOf(key)),
    enter: () => show(ENTER, true),
    leave: () => show(LEAVE, false),
    resume: redraw,
  });
  stdout.on('resize', redraw);
}

function nameOf(key: string): Key {
  if (LEFT.includes(key)) return 'left';
  return RIGHT.includes(key) ? 'right' : 'other';
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
