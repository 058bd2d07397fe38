/**
 * Makes a picture of what a terminal shows: text with colours on stdin, SVG
 * on stdout. Form feeds separate screens, which are then shown in turn.
 *
 *     COMMAND | tools/run tools/docs/terminal TITLE > docs/pictures/NAME.svg
 *
 * tools/docs/watch-picture makes one.
 */
import { readFileSync } from 'node:fs';
import { escapeXml } from '../common/svg';

/** What the picture shows, for those who cannot see it. */
const TITLE = process.argv[2] ?? 'a terminal';

const CELL = { width: 8.4, height: 18 };
const MARGIN = 14;
const PLAIN = '#d4d4d4';
const GROUND = '#1b1b1f';

interface Style {
  colour: string;
  bold: boolean;
  dim: boolean;
  inverse: boolean;
}

const NORMAL = { colour: PLAIN, bold: false, dim: false, inverse: false };

/** What the parameters of SGR change, as far as chalk uses them. */
const CHANGES: Record<string, Partial<Style>> = {
  '': NORMAL,
  0: NORMAL,
  1: { bold: true },
  2: { dim: true },
  7: { inverse: true },
  22: { bold: false, dim: false },
  27: { inverse: false },
  31: { colour: '#f2777a' },
  32: { colour: '#8fc98f' },
  33: { colour: '#ffcc66' },
  34: { colour: '#6699cc' },
  35: { colour: '#c995e0' },
  36: { colour: '#66c6c6' },
  39: { colour: PLAIN },
};

/** One row: each run of characters that look alike at its own place. */
function drawRow(row: string, y: number): string {
  let style: Style = NORMAL;
  let column = 0;
  const runs: string[] = [];
  // Every other part is what stood between ESC [ and m.
  row.split(SGR).forEach((part, i) => {
    if (i % 2 === 1) {
      const changes = part.split(';').map((parameter) => CHANGES[parameter]);
      style = Object.assign({}, style, ...changes);
      return;
    }
    runs.push(drawRun(part, style, column, y));
    column += part.length;
  });
  return runs.join('');
}

const ESCAPE = String.fromCharCode(27);
const SGR = new RegExp(`${ESCAPE}\\[([\\d;]*)m`);
const EVERY_SGR = new RegExp(SGR, 'g');

function drawRun(text: string, style: Style, column: number, y: number) {
  const { colour, bold, dim, inverse } = style;
  if (text.trim() === '' && !inverse) return '';
  const x = (MARGIN + column * CELL.width).toFixed(1);
  const width = (text.length * CELL.width).toFixed(1);
  const top = y - CELL.height + 5;
  const ground = inverse
    ? `<rect x="${x}" y="${top}" width="${width}" height="${CELL.height}" fill="${colour}"/>`
    : '';
  const attributes = [
    `fill="${inverse ? GROUND : colour}"`,
    bold ? 'font-weight="bold"' : '',
    dim ? 'opacity="0.6"' : '',
    `textLength="${width}"`,
  ];
  return `${ground}<text x="${x}" y="${y}" ${attributes.join(' ')}>${escapeText(text)}</text>`;
}

/** Spaces at the beginning of a run would be dropped. */
function escapeText(text: string): string {
  return escapeXml(text).replaceAll(' ', '\u00a0');
}

/** How long each screen of several is shown. */
const SECONDS = 2;

function draw(screens: string[][]): string {
  const plain = screens.flat().map((row) => row.replaceAll(EVERY_SGR, ''));
  const columns = Math.max(...plain.map(({ length }) => length));
  const rows = Math.max(...screens.map(({ length }) => length));
  const width = Math.ceil(2 * MARGIN + columns * CELL.width);
  const height = 2 * MARGIN + rows * CELL.height;
  const drawn = screens.map((screen) =>
    screen
      .map((row, i) => drawRow(row, MARGIN + (i + 1) * CELL.height - 5))
      .join('\n'),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">
<title id="title">${escapeText(TITLE)}</title>
<rect width="100%" height="100%" rx="8" fill="${GROUND}"/>
<g font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14">
${drawn.length > 1 ? inTurn(drawn) : drawn.join()}
</g>
</svg>`;
}

/** Whoever asks for less motion sees the last of them. */
function inTurn(screens: string[]): string {
  const all = screens.length * SECONDS;
  const part = (100 / screens.length).toFixed(2);
  const style = `.screen { visibility: hidden; animation: show ${all}s step-end infinite }
@keyframes show { 0% { visibility: visible } ${part}% { visibility: hidden } }
@media (prefers-reduced-motion) {
  .screen { animation: none }
  .screen:last-child { visibility: visible }
}`;
  const groups = screens.map(
    (screen, i) =>
      `<g class="screen" style="animation-delay:${i * SECONDS}s">\n${screen}\n</g>`,
  );
  return [`<style>${style}</style>`, ...groups].join('\n');
}

const screens = readFileSync(0, 'utf8').split('\f');
console.log(draw(screens.map((screen) => screen.trimEnd().split('\n'))));
