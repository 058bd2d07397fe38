/**
 * The few shapes that the pictures are made of, in one style, as SVG.
 *
 * A picture is as wide as GitHub shows a page, and takes its colours from the
 * reader's choice of light or dark.
 */

export const WIDTH = 800;

/** Colours with a meaning; each has a pair in STYLE. */
export type Tone = 'process' | 'kernel' | 'socket' | 'bad' | 'good' | 'plain';

const LIGHT = {
  ground: '#ffffff',
  ink: '#1f2328',
  soft: '#59636e',
  process: ['#ddf4ff', '#0969da'],
  kernel: ['#f6f8fa', '#818b98'],
  socket: ['#fff8c5', '#9a6700'],
  bad: ['#ffebe9', '#cf222e'],
  good: ['#dafbe1', '#1a7f37'],
} as const;

const DARK = {
  ground: '#0d1117',
  ink: '#f0f6fc',
  soft: '#9198a1',
  process: ['#0c2d6b', '#58a6ff'],
  kernel: ['#161b22', '#8b949e'],
  socket: ['#3b2300', '#d29922'],
  bad: ['#490202', '#f85149'],
  good: ['#04260f', '#3fb950'],
} as const;

function colours(palette: typeof LIGHT | typeof DARK): string {
  const { ground, ink, soft, ...tones } = palette;
  const rules = Object.entries(tones).map(
    ([tone, [fill, line]]) =>
      `.${tone}{fill:${fill};stroke:${line}}.t-${tone}{fill:${line}}` +
      `.l-${tone}{stroke:${line}}`,
  );
  return (
    `.ground{fill:${ground}}text{fill:${ink}}.soft{fill:${soft}}` +
    `.plain{fill:${ground};stroke:${soft}}.l-plain{stroke:${soft}}` +
    `.head{fill:${soft}}${rules.join('')}`
  );
}

const STYLE = `
text{font:14px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
.code{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.strong{font-weight:600}.middle{text-anchor:middle}.end{text-anchor:end}
rect,path,line{stroke-width:1.5}path,line{fill:none}.dashed{stroke-dasharray:5 4}
.head{stroke:none}
${colours(LIGHT)}
@media (prefers-color-scheme:dark){${colours(DARK)}}`;

/** A picture, with what it shows in words for those who do not see it. */
export interface Picture {
  title: string;
  description: string;
  height: number;
  shapes: string[];
}

/** The whole file. */
export function renderPicture(picture: Picture): string {
  const { title, description, height, shapes } = picture;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title description">
<title id="title">${escapeXml(title)}</title>
<desc id="description">${escapeXml(description)}</desc>
<style>${STYLE}</style>
<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto-start-reverse"><path class="head" d="M0 0L10 5L0 10z"/></marker></defs>
<rect class="ground" width="${WIDTH}" height="${height}" rx="6"/>
${shapes.join('\n')}
</svg>
`;
}

type TextKind = 'code' | 'strong' | 'soft' | 'middle' | 'end';

/** Text from (x, y), or around it; `kinds` are words such as `code middle`. */
export function text(x: number, y: number, words: string, kinds = ''): string {
  const room = roomFor(x, kinds);
  if (widthOf(words, kinds) > room) {
    throw new Error(`no room for "${words}": ${room} px`);
  }
  const classes = kinds ? ` class="${kinds}"` : '';
  return `<text x="${x}" y="${y}"${classes}>${escapeXml(words)}</text>`;
}

type Rectangle = [x: number, y: number, width: number, height: number];

/** A box with lines of text in its middle. */
export function box(
  place: Rectangle,
  tone: Tone,
  lines: string[],
  kinds = '',
): string {
  const [x, y, width, height] = place;
  const top = y + height / 2 - (lines.length * LINE) / 2 + 14;
  const words = lines.map((line, index) => {
    if (widthOf(line, kinds) > width - 8) {
      throw new Error(`"${line}" does not fit into ${width} px`);
    }
    return text(x + width / 2, top + index * LINE, line, `${kinds} middle`);
  });
  return rectangle(place, tone, 5) + words.join('');
}

/** A frame with its name at the top left. */
export function frame(place: Rectangle, tone: Tone, name: string): string {
  const [x, y] = place;
  return rectangle(place, tone, 8) + text(x + 12, y + 21, name, 'strong');
}

/** A bar of a chart. */
export function bar(place: Rectangle, tone: Tone): string {
  return rectangle(place, tone, 2);
}

function rectangle(place: Rectangle, tone: Tone, round: number): string {
  const [x, y, width, height] = place;
  return `<rect class="${tone}" x="${x}" y="${y}" width="${width}" height="${height}" rx="${round}"/>`;
}

/** An arrow along points, dashed or not: x and y of the first, of the second … */
export function arrow(
  points: number[],
  tone: Tone = 'plain',
  kind: '' | 'dashed' | 'both' = '',
): string {
  const path = points
    .map((number, i) => (i % 2 ? ` ${number}` : `${i ? 'L' : 'M'}${number}`))
    .join('');
  const start = kind === 'both' ? ' marker-start="url(#head)"' : '';
  return `<path class="l-${tone} ${kind}" d="${path}"${start} marker-end="url(#head)"/>`;
}

/** A line without a head. */
export function line(
  [x1, y1, x2, y2]: [x1: number, y1: number, x2: number, y2: number],
  tone: Tone = 'plain',
  kind: '' | 'dashed' = '',
): string {
  return `<line class="l-${tone} ${kind}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`;
}

const LINE = 18;
const LETTER = { code: 7.9, text: 7.2 }; // px on average, generously

function widthOf(words: string, kinds: string): number {
  return words.length * (kinds.includes('code') ? LETTER.code : LETTER.text);
}

function roomFor(x: number, kinds: string): number {
  if (kinds.includes('middle')) return 2 * Math.min(x, WIDTH - x);
  return kinds.includes('end' satisfies TextKind) ? x : WIDTH - x;
}

/** A text that may stand between tags. */
export function escapeXml(words: string): string {
  return words
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}
