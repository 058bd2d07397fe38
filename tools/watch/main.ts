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
import { diagnose, type Model } from './diagnosis';
import { paint } from './lines';
import { understand } from './model';
import { type Picture, takePicture } from './picture';
import { render } from './render';
import { draw, openScreen } from './screen';

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
type Options = ReturnType<typeof readFlags<typeof FLAGS>>;

/** What a list may take up where there is no screen to fit it into. */
const ROWS_ON_PAPER = 48;

async function main({ port, once, json, every }: Options): Promise<void> {
  const live = process.stdout.isTTY && !once && !json;
  let picture: Picture | null = null;
  let model: Model | null = null;
  const show = json ? showJson : live ? showLive : showOnPaper;
  if (live) openScreen(() => model && show(model));
  for (;;) {
    const start = Date.now();
    picture = takePicture(port, picture);
    model = diagnose(understand(picture, model), model);
    show(model);
    if (once) break;
    await pause(Math.max(0, start + every * 1000 - Date.now()));
  }
  process.exitCode = model.server ? 0 : 1;
}

function showJson(model: Model): void {
  console.log(JSON.stringify(model));
}

function showLive(model: Model): void {
  const { columns, rows } = process.stdout;
  draw(render(model, { columns, rows }).map(paint));
}

function showOnPaper(model: Model): void {
  const columns = process.stdout.columns ?? (Number(process.env.COLUMNS) || 80);
  const lines = render(model, { columns, rows: ROWS_ON_PAPER }).map(paint);
  console.log([...lines, ''].join('\n'));
}

const options = readFlags(USAGE, FLAGS);
run(USAGE.name, () => main(options));
