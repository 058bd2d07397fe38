/**
 * What this course runs on. Imported first by whatever makes system calls, so
 * that every command ends at once, with one sentence, where it cannot work.
 */
import { existsSync } from 'node:fs';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
/** The first number of Node's version. */
export const NODE_MAJOR = major;

if (process.platform !== 'linux') {
  refuse(
    `this course makes Linux system calls and cannot run on ${process.platform}: ` +
      'use a dev container, WSL 2 or a Linux machine',
  );
}
if (major < 20 || (major === 20 && minor < 19)) {
  refuse(
    `Node ${process.versions.node} is too old: ` +
      'install Node 20.19 or newer from https://nodejs.org/',
  );
}
if (!existsSync('/proc/self/maps')) {
  refuse('this course reads what the kernel says in /proc: mount it, proc(5)');
}

/** Ends a program that cannot work here: one sentence, status 1. */
export function refuse(sentence: string): never {
  console.error(sentence);
  process.exit(1);
}
