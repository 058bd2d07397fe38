/**
 * From Markdown to a site, with VitePress. What that needs is not among what
 * the course needs, so it is installed when somebody wants the site.
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Obstacle } from '../common/run';

/** Where the configuration is, with a package.json of its own. */
export const SITE = 'docs/.vitepress';
/** npm writes the second when it has installed what is in the first. */
const LOCKS = ['package-lock.json', 'node_modules/.package-lock.json'];
/** What VitePress leaves in every site. */
const MARK = 'hashmap.json';

/** Installs what the site is built with, if that is missing or old. */
export async function install(signal: AbortSignal): Promise<void> {
  const [wanted = 0, installed = 0] = LOCKS.map((lock) => {
    const file = join(SITE, lock);
    return existsSync(file) ? statSync(file).mtimeMs : 0;
  });
  if (installed >= wanted) return;
  console.log(`Installing what builds the site, once: 120 MB, in ${SITE} …`);
  const flags = ['--no-audit', '--no-fund', '--loglevel=error'];
  await perform('npm', ['ci', '--prefix', SITE, ...flags], signal);
}

/** Builds the site. Whatever was in the folder is gone. */
export async function build(
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  console.log('Building the site …');
  const program = join(SITE, 'node_modules/vitepress/bin/vitepress.js');
  const args = [program, 'build', 'docs', '--outDir', resolve(folder)];
  await perform(process.execPath, args, signal);
}

/** @throws Obstacle if the program fails, when it has had its say */
async function perform(
  program: string,
  args: string[],
  signal: AbortSignal,
): Promise<void> {
  try {
    await promisify(execFile)(program, args, { signal });
  } catch (error) {
    signal.throwIfAborted();
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    console.error(`${stdout}${stderr}`.trimEnd());
    throw new Obstacle(`this failed: ${[program, ...args].join(' ')}`);
  }
}

/** Whether a folder is free for a site, or is an older one. */
export function mayBeEmptied(folder: string): boolean {
  if (!existsSync(folder)) return true;
  if (!statSync(folder).isDirectory()) return false;
  return existsSync(join(folder, MARK)) || readdirSync(folder).length === 0;
}
