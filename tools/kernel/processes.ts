/**
 * The kernel's view of processes, as proc(5) shows it to everybody.
 *
 * Nothing here needs privileges or changes anything. A process may vanish
 * while it is being looked at, or belong to somebody else: that is a null or
 * an empty list, never an exception. Sockets are in sockets.ts.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { signalName } from '#shared/signals';

/** What the letters of proc_pid_stat(5) stand for. */
export const STATES = {
  R: 'running',
  S: 'sleeping',
  D: 'in uninterruptible sleep',
  T: 'stopped',
  t: 'stopped by a debugger',
  Z: 'zombie',
  X: 'dead',
  I: 'idle',
} as const;

/** A process, as in proc_pid_stat(5). */
export interface Process {
  pid: number;
  parent: number;
  /** The PID of whoever leads its process group, see setpgid(2). */
  group: number;
  /** All that a command started in a session of its own, see setsid(2). */
  session: number;
  /** The program's name, at most 15 bytes of it. */
  name: string;
  state: keyof typeof STATES;
  /** Page faults that the kernel dealt with in memory, see getrusage(2). */
  faults: number;
  /** How long it has had a processor, in seconds. */
  cpu: number;
  /** The same of the children that it has waited for. */
  childCpu: number;
  /**
   * Page faults of the children that it has waited for. They grow when it
   * waits for one more; and execve(2) does not reset them, so that a server
   * inherits those of the shell that became it.
   */
  childFaults: number;
  /** How many threads; a limit on processes counts each of them. */
  threads: number;
  /** When it was started, in seconds after the machine was. */
  startedAt: number;
}

// The kernel counts time in ticks of sysconf(_SC_CLK_TCK), which is
// 100 on every architecture that Node runs on.
const TICKS_PER_SECOND = 100;

/** One process, or null if there is none (any more). */
export function readProcess(pid: number): Process | null {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // The name stands in parentheses and may contain spaces and parentheses.
  const end = stat.lastIndexOf(')');
  const fields = stat.slice(end + 2).split(' ');
  return {
    pid,
    name: stat.slice(stat.indexOf('(') + 1, end),
    state: fields[0] as Process['state'],
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    faults: Number(fields[7]),
    childFaults: Number(fields[8]),
    cpu: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    childCpu: (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND,
    threads: Number(fields[17]),
    startedAt: Number(fields[19]) / TICKS_PER_SECOND,
  };
}

/** How long ago the machine was started, in seconds. */
export function readUptime(): number {
  return Number((readText('/proc/uptime') ?? '').split(' ')[0]);
}

/** The PIDs of all processes there are: the numbered folders of proc(5). */
export function listPids(): number[] {
  return listNumbers('/proc');
}

/** All processes there are. */
export function listProcesses(): Process[] {
  return listPids().map(readProcess).filter(isThere);
}

/**
 * The PIDs of a process's children, zombies included, the oldest first. Each
 * thread has a list of its own, see proc_pid_task(5).
 */
export function childrenOf(pid: number): number[] {
  const threads = listNumbers(`/proc/${pid}/task`);
  return threads.flatMap((thread) => {
    const list = readText(`/proc/${pid}/task/${thread}/children`) ?? '';
    return list.split(' ').filter(Boolean).map(Number);
  });
}

/** A process and all that descend from it. */
export function treeOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(treeOf)];
}

/** The children that have ended and that nobody has waited for. */
export function zombiesOf(pid: number): Process[] {
  return childrenOf(pid)
    .map(readProcess)
    .filter(isThere)
    .filter((child) => child.state === 'Z');
}

/** A limit of getrlimit(2); Infinity where there is none. */
export interface Limit {
  soft: number;
  hard: number;
}

/** The limits that this course runs into, see proc_pid_limits(5). */
export interface Limits {
  /** RLIMIT_NOFILE: one more than the highest descriptor. */
  openFiles: Limit;
  /** RLIMIT_NPROC: threads of the *user*, checked by fork(2). Not for root. */
  processes: Limit;
}

/** The limits of a process, or null if there is no such process. */
export function limitsOf(pid: number): Limits | null {
  const table = readText(`/proc/${pid}/limits`);
  if (!table) return null;
  return {
    openFiles: parseLimit(table, 'Max open files'),
    processes: parseLimit(table, 'Max processes'),
  };
}

function parseLimit(table: string, name: string): Limit {
  const row = table.split('\n').find((line) => line.startsWith(name)) ?? '';
  const [soft, hard] = row
    .slice(name.length)
    .trim()
    .split(/\s+/)
    .map((value) => (value === 'unlimited' ? Infinity : Number(value)));
  return { soft: soft ?? Infinity, hard: hard ?? Infinity };
}

/** The real user a process belongs to, see proc_pid_status(5). */
export function userOf(pid: number): number | null {
  return numberIn(readStatus(pid), 'Uid');
}

/** The memory a process has in RAM, in kB: VmRSS. A zombie has none: null. */
export function memoryOf(pid: number): number | null {
  return numberIn(readStatus(pid), 'VmRSS');
}

/**
 * The memory that serves only this process, in kB: pages that it shares with
 * nobody, see proc_pid_smaps(5), and its page tables.
 */
export function ownMemoryOf(pid: number): number | null {
  const pages = readText(`/proc/${pid}/smaps_rollup`);
  const clean = numberIn(pages, 'Private_Clean');
  const dirty = numberIn(pages, 'Private_Dirty');
  const tables = pageTablesOf(pid);
  if (clean === null || dirty === null || tables === null) return null;
  return clean + dirty + tables;
}

/** How large its page tables are, in kB: VmPTE. */
export function pageTablesOf(pid: number): number | null {
  return numberIn(readStatus(pid), 'VmPTE');
}

/** See proc_pid_status(5). */
function readStatus(pid: number): string | null {
  return readText(`/proc/${pid}/status`);
}

/** The first number of a line that begins with a name, null without one. */
function numberIn(text: string | null, name: string): number | null {
  const line = new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(text ?? '');
  return line ? Number(line[1]) : null;
}

/** The names of the signals in a mask, and the mask as the kernel writes it. */
export interface SignalSet {
  names: string[];
  mask: string;
}

/**
 * Signals of a process by proc_pid_status(5), where each has a bit: those that
 * wait for it (ShdPnd), or that it ignores (SigIgn).
 */
export function signalsOf(pid: number, which: 'ShdPnd' | 'SigIgn'): SignalSet {
  const line = new RegExp(`^${which}:\\t(\\w+)`, 'm');
  const mask = line.exec(readStatus(pid) ?? '')?.[1] ?? '0';
  const bits = BigInt(`0x${mask}`).toString(2).split('').reverse();
  const names = bits.flatMap((bit, i) =>
    bit === '1' ? [signalName(i + 1)] : [],
  );
  return { names, mask };
}

/** How much of RLIMIT_NPROC a user has used up. */
export function threadsOfUser(uid: number): number {
  return countThreads(listProcesses().filter(({ pid }) => userOf(pid) === uid));
}

/** As RLIMIT_NPROC of setrlimit(2) counts: threads, and a zombie for one. */
export function countThreads(processes: Process[]): number {
  return processes.reduce((sum, { threads }) => sum + Math.max(1, threads), 0);
}

/**
 * How often a process has gone to sleep or been put aside, all its threads
 * together. While this stays the same and it sleeps, it does nothing.
 */
export function switchesOf(pid: number): number {
  const counts = listNumbers(`/proc/${pid}/task`).flatMap((thread) => {
    const status = readText(`/proc/${pid}/task/${thread}/status`) ?? '';
    return [...status.matchAll(/ctxt_switches:\t(\d+)/g)];
  });
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** The text of a file of /proc, or null if it cannot be read. */
export function readText(path: string): string | null {
  return orNull(() => readFileSync(path, 'utf8'));
}

/**
 * Whether a process has been stopped, with all its threads. One that has yet
 * to stop can still take a signal.
 */
export function isStopped(pid: number): boolean {
  const threads = listNumbers(`/proc/${pid}/task`).map((thread) =>
    readText(`/proc/${pid}/task/${thread}/stat`),
  );
  return threads.every((stat) => /\) T /.test(stat ?? ''));
}

function listNumbers(folder: string): number[] {
  const names = orNull(() => readdirSync(folder)) ?? [];
  return names.filter((name) => /^\d+$/.test(name)).map(Number);
}

/** Gone, or not ours: ENOENT, ESRCH, EACCES, EPERM are no surprise here. */
export function orNull<T>(look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (
      ['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'EINVAL', 'EIO'].includes(code)
    ) {
      return null;
    }
    throw error;
  }
}

function isThere(process: Process | null): process is Process {
  return process !== null;
}
