/**
 * What a reader has done so far, in mine/progress.json; and who else is at it.
 */
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { Obstacle } from '../common/run';

/** Where a reader's files are: ignored by git, and by every other command. */
export const MINE = 'mine';
const FILE = join(MINE, 'progress.json');

/** What is remembered of an exercise that has been begun. */
export interface Attempt {
  solved: boolean;
  /** How many hints have been shown. */
  hints: number;
  /** Empty if the reader had none; not there if nobody has asked. */
  prediction?: string;
  /** The command of a server in another language. */
  command?: string[];
}

export type Attempts = Record<string, Attempt>;

/** @throws Obstacle if the file is not as we have written it */
export function readAttempts(): Attempts {
  if (!existsSync(FILE)) return {};
  try {
    const read: unknown = JSON.parse(readFileSync(FILE, 'utf8'));
    if (areAttempts(read)) return read;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new Obstacle(
    `${FILE} is damaged: mend it, or remove it to begin with none solved`,
  );
}

function areAttempts(read: unknown): read is Attempts {
  if (typeof read !== 'object' || read === null) return false;
  return Object.values(read).every(
    (one) => typeof one?.solved === 'boolean' && typeof one.hints === 'number',
  );
}

/** Remembers what has changed of one attempt. */
export function note(name: string, change: Partial<Attempt>): Attempt {
  const attempts = readAttempts();
  const before = attempts[name] ?? { solved: false, hints: 0 };
  const attempt = { ...before, ...change };
  writeAttempts({ ...attempts, [name]: attempt });
  return attempt;
}

/** Forgets an attempt. */
export function forgetAttempt(name: string): void {
  const { [name]: _, ...others } = readAttempts();
  writeAttempts(others);
}

function writeAttempts(attempts: Attempts): void {
  mkdirSync(MINE, { recursive: true });
  // Under another name first: whoever reads it meanwhile finds it whole.
  writeFileSync(`${FILE}.new`, `${JSON.stringify(attempts, null, 2)}\n`);
  renameSync(`${FILE}.new`, FILE);
}

/**
 * Makes this process the only one at work in mine/. The kernel ends that when
 * the process ends, however it ends: what is taken is a name of unix(7), an
 * abstract one, which is in no folder.
 *
 * @param what what it is at, for somebody else who would like to
 * @throws Obstacle if there is another one
 */
export async function takeMine(what: string): Promise<void> {
  mkdirSync(MINE, { recursive: true });
  const { dev, ino } = statSync(MINE);
  const path = `\0accept-fork-reap/${dev}/${ino}`;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(`${what} is open in another terminal (PID ${process.pid})`);
  });
  server.listen(path).unref();
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new Obstacle(`${await whoElse(path)}: end it there, with q`);
  }
}

async function whoElse(path: string): Promise<string> {
  let words = '';
  const socket = connect(path).setEncoding('utf8');
  socket.on('data', (text) => {
    words += text;
  });
  await once(socket, 'close').catch(() => {});
  return words || 'an exercise is open in another terminal';
}
