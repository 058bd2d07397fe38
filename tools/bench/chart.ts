/**
 * The chart for the documentation: an SVG that stands on light and on dark
 * pages, and that needs neither fonts nor scripts.
 */
import { formatRate, type Report } from './report';
import type { Result } from './summary';

const WIDTH = 760;
const MARGIN = 24;
const LABELS = 236;
const ROW = 26;
const BAR = 16;
// Between the longest bar and the right edge there is room for its number.
const LONGEST = WIDTH - LABELS - MARGIN - 64;

const STYLE = `
    text { font: 14px system-ui, sans-serif; fill: #24292f }
    .title { font-weight: 600 }
    .note { font-size: 12px; fill: #57606a }
    .page { fill: #ffffff }
    .ours { fill: #0969da }
    .theirs { fill: #8c959f }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .note { fill: #9198a1 }
      .page { fill: #0d1117 }
      .ours { fill: #4493f8 }
      .theirs { fill: #656c76 }
    }`;

/** Draws requests per second, a panel for each load. */
export function drawChart({ loads, machine, rounds, seconds }: Report): string {
  const parts: string[] = [];
  let y = MARGIN;
  for (const { what, results } of loads) {
    parts.push(text(MARGIN, y + 14, `${what}: requests per second`, 'title'));
    y += 28;
    const valid = results.filter(({ problem }) => problem === null);
    const fastest = Math.max(...valid.map(({ perSecond }) => perSecond));
    for (const result of valid) {
      parts.push(...drawBar(result, y, result.perSecond / fastest));
      y += ROW;
    }
    y += MARGIN;
  }
  const { cores, versions } = machine;
  const how =
    `median of ${rounds} × ${seconds} s on ${cores} cores, ` +
    'which the load shares with the servers';
  parts.push(text(MARGIN, y, how, 'note'));
  y += 18;
  parts.push(text(MARGIN, y, versions.join(' · '), 'note'));
  const height = y + MARGIN;
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img"
  aria-label="Requests per second of each server"
  viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">
  <style>${STYLE}
  </style>
  <rect class="page" width="100%" height="100%" rx="8"/>
  ${parts.join('\n  ')}
</svg>
`;
}

function drawBar(result: Result, y: number, part: number): string[] {
  const width = Math.max(1, Math.round(part * LONGEST));
  const kind = result.name.startsWith('part') ? 'ours' : 'theirs';
  const middle = y + ROW / 2 + 5;
  const top = y + (ROW - BAR) / 2;
  return [
    text(MARGIN, middle, result.label),
    `<rect class="${kind}" x="${LABELS}" y="${top}" ` +
      `width="${width}" height="${BAR}" rx="2"/>`,
    text(LABELS + width + 8, middle, formatRate(result.perSecond)),
  ];
}

function text(x: number, y: number, words: string, kind?: string): string {
  const attribute = kind ? ` class="${kind}"` : '';
  return `<text${attribute} x="${x}" y="${y}">${escapeText(words)}</text>`;
}

function escapeText(words: string): string {
  return words.replace(/[<&]/g, (it) => (it === '<' ? '&lt;' : '&amp;'));
}
