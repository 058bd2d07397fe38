/**
 * The course as a site, and the reader's own server in it, live.
 *
 *     npm run site                          at http://127.0.0.1:8800/
 *     npm run site -- --build FOLDER        files for any static host
 */
import { integer, readFlags, usageError } from '#shared/flags';
import { word } from '../common/flags';
import { run } from '../common/run';
import { build, install, mayBeEmptied } from './build';
import { serve } from './serve';

const USAGE = { name: 'site', summary: 'the course as a site' };
const BUILD = 'write the site there, for any static host, and end';
const FLAGS = {
  port: integer('where to serve it, on 127.0.0.1', [0, 65_535], 8800),
  build: word('FOLDER', BUILD, 'a folder', null),
};

async function main(): Promise<void> {
  const flags = readFlags(USAGE, FLAGS);
  const target = flags.build ?? 'build/site';
  if (flags.build && !mayBeEmptied(target)) {
    const problem = 'holds something else than a site';
    usageError(USAGE.name, `${target} ${problem}: name another folder`);
  }
  const stop = new AbortController();
  // Under npm they come twice.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => stop.abort());
  }
  try {
    if (flags.build) await make(target, stop.signal);
    else await serve(target, flags.port, make, stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
}

async function make(target: string, signal: AbortSignal): Promise<void> {
  await install(signal);
  await build(target, signal);
  console.log(`The site is in ${target}.`);
}

run(USAGE.name, main);
