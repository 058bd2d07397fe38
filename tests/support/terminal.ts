/**
 * A terminal with a program in it, for what only happens in a terminal.
 * script(1), which every Linux has, makes the pseudo-terminal.
 */
import { onTestFinished } from 'vitest';
import {
  type Defer,
  type Program,
  startProgram,
} from '../../tools/harness/programs';
import { readText, treeOf } from '../../tools/kernel/processes';
import { toolCommand } from './server';

export interface Terminal extends Program {
  type: (keys: string) => void;
  /** What a person sees: the last picture, without colours. */
  screen: () => string;
  /** Whether the cursor and the screen are as they were before. */
  restored: () => boolean;
  /** The tool itself, which script, a shell and perhaps npm have started. */
  inner: () => number;
}

/** What comes out first: before, keys that are typed go nowhere. */
export const READY = 'ready';
export const RESTORE = '\x1b[?25h\x1b[?1049l';

/**
 * Runs a tool with its arguments in a terminal of 80 × 24.
 *
 * @param underNpm as readers do; without npm it starts sooner
 * @param cwd the folder of the course, or of a copy of it
 */
export function openTerminal(
  name: string,
  args: string[] = [],
  {
    env = {},
    underNpm = false,
    cwd = '.',
    defer = onTestFinished as Defer,
  } = {},
): Terminal {
  const words = underNpm
    ? ['npm', 'run', '--silent', name, '--', ...args]
    : toolCommand(name, args);
  const command = `stty cols 80 rows 24; echo ${READY}; exec ${words.join(' ')}`;
  const terminal = { TERM: 'xterm', FORCE_COLOR: '1' };
  const program = startProgram(
    ['script', '--quiet', '--return', '--command', command, '/dev/null'],
    defer,
    { stdio: 'pipe', cwd, env: { ...process.env, ...terminal, ...env } },
  );
  program.process.stdin?.on('error', () => {}); // it has ended meanwhile
  return {
    ...program,
    type: (keys) => program.process.stdin?.write(keys),
    screen: () => plain(lastPicture(program.output())),
    restored: () => program.output().trimEnd().endsWith(RESTORE),
    inner: () => treeOf(program.pid).find(isTool) ?? program.pid,
  };
}

function isTool(pid: number): boolean {
  const command = readText(`/proc/${pid}/cmdline`) ?? '';
  return /^[^\0]*node\0.*tools\/\w+\/main\.ts/.test(command);
}

/** The last picture that has come completely: see watch/screen.ts. */
function lastPicture(output: string): string {
  const end = output.lastIndexOf('\x1b[J\x1b[H');
  const start = output.lastIndexOf('\x1b[?2026h\x1b[H', end);
  return start === -1 ? '' : output.slice(start, end);
}

/** A text without escape sequences. */
export function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the very subject
  return text.replace(/\x1b\[[?\d;]*[A-Za-z]/g, '');
}
