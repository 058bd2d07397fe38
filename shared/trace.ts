/**
 * What --trace shows: every system call, as strace(1) prints it.
 */
import { writeLine } from './log';
import { type Argument, describeErrno, observe, unobserved } from './node/libc';

const STDERR = 2;
const SHOWN_BYTES = 32;

/** `[4711] accept(20, NULL, NULL) = 21`, from now on, on stderr. */
export function startTrace(): void {
  observe((name, args, result, error) => {
    const call = formatCall(name, args, result);
    const why = result === -1 ? ` ${describeErrno(error)}` : '';
    writeLine(STDERR, `[${unobserved.getpid()}] ${call}${why}`);
  });
}

function formatCall(name: string, args: Argument[], result: number): string {
  const size = name === 'read' || name === 'recv' ? result : args[2];
  const list = args.map((arg) => formatArgument(arg, Number(size))).join(', ');
  return `${name}(${list}) = ${Number.isNaN(result) ? '?' : result}`;
}

/** Text is shortened; into other memory nobody looks. */
function formatArgument(argument: Argument, size: number): string {
  if (argument === null) return 'NULL';
  if (typeof argument === 'number') return String(argument);
  if (typeof argument === 'string') return JSON.stringify(argument);
  if (!Buffer.isBuffer(argument)) return '…';
  const shown = argument.toString('latin1', 0, Math.min(size, SHOWN_BYTES));
  return JSON.stringify(shown) + (size > SHOWN_BYTES ? '…' : '');
}
