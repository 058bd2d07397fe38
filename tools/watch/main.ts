/**
 * The kernel's view of a running server, live: processes, descriptors,
 * connections.
 *
 *     npm run watch                       in a terminal beside the server's
 *     npm run watch -- --port 8080        any program that listens
 *     npm run watch -- --once             one picture
 *
 * All of it comes from /proc and sock_diag(7). The server is not touched and
 * does not notice.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { integer, readFlags, seconds, toggle } from '#shared/flags';
import { run } from '../common/run';
import type { Model } from '../model/diagnosis';
import { type Look, lookAt, lookUntilCertain } from '../model/look';
import { Past, type View } from '../model/past';
import { coloured } from './lines';
import { render } from './render';
import { draw, type Key, openScreen, sizeOfScreen } from './screen';

const USAGE = {
  name: 'watch',
  summary: "the kernel's view of a running server, live",
};
const FLAGS = {
  port: integer('the port that the server listens on', [1, 65_535], 8888),
  once: toggle('one picture, then end; status 1 if nobody listens'),
  json: toggle('for programs: one object a line'),
  every: seconds('how often to look', [0.1, 60], 1),
};

const KEYS = 'q quits · ← → back and forward in time · any other key: now';
/** What a list may take up where there is no screen to fit it into. */
const ROWS_ON_PAPER = 48;

const { port, once, json, every } = readFlags(USAGE, FLAGS);
const past = new Past();
let latest: Look | null = null;

async function main(): Promise<void> {
  if (once) {
    const model = await lookUntilCertain(port);
    show(model);
    process.exitCode = model.server ? 0 : 1;
    return;
  }
  const live = process.stdout.isTTY && !json;
  if (live) openScreen(showLive, press);
  for (;;) {
    const start = performance.now();
    const model = look();
    if (live) showLive();
    else show(model);
    await pause(Math.max(0, start + every * 1000 - performance.now()));
  }
}

function look(): Model {
  latest = lookAt(port, latest);
  past.add(latest.model);
  return latest.model;
}

function press(key: Key): void {
  past.wind({ left: 1, right: -1, other: -Infinity }[key]);
  showLive();
}

function showLive(): void {
  const { view } = past;
  if (view) draw(render(view, sizeOfScreen(), KEYS).map(coloured));
}

/** One after the other: what was there before needs no second mention. */
function show(model: Model): void {
  if (json) {
    console.log(JSON.stringify(model));
    return;
  }
  const columns = process.stdout.columns || Number(process.env.COLUMNS) || 80;
  const view: View = { model, last: null, ago: null, goesOn: !once };
  const lines = render(view, { columns, rows: ROWS_ON_PAPER }).map(coloured);
  console.log([...lines, ''].join('\n'));
}

run(USAGE.name, main);
