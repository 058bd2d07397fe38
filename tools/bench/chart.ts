/**
 * The chart for the documentation: bars of requests per second, and what a
 * request costs.
 */
import { bar, renderPicture, type Tone, text, WIDTH } from '../common/svg';
import type { Costs } from './costs';
import { formatRate, type Report } from './report';
import type { Result } from './summary';

const MARGIN = 24;
const LABELS = 236;
const ROW = 26;
const BAR = 16;
// Between the longest bar and the right edge there is room for its number.
const LONGEST = WIDTH - LABELS - MARGIN - 64;

/** Draws requests per second, a panel for each load, and a panel of costs. */
export function drawChart(report: Report): string {
  const { loads, machine, rounds, seconds, costs } = report;
  const shapes: string[] = [];
  let y = MARGIN;
  for (const { what, results } of loads) {
    shapes.push(text(MARGIN, y + 14, `${what}: requests per second`, 'strong'));
    y += 28;
    const valid = results.filter(({ problem }) => problem === null);
    const fastest = Math.max(...valid.map(({ perSecond }) => perSecond));
    for (const result of valid) {
      shapes.push(...drawResult(result, y, result.perSecond / fastest));
      y += ROW;
    }
    y += MARGIN;
  }
  if (costs.length > 0) {
    const panel = drawCosts(costs, y);
    shapes.push(...panel.shapes);
    y = panel.end + MARGIN;
  }
  const how =
    `median of ${rounds} × ${seconds} s on ${machine.cores} cores, ` +
    'which the load shares with the servers';
  for (const note of [how, machine.versions.join(' · ')]) {
    shapes.push(text(MARGIN, y, note, 'soft'));
    y += 18;
  }
  return renderPicture({
    title: 'Requests per second of each server',
    description: how,
    height: y + MARGIN - 18,
    shapes,
  });
}

function drawResult(result: Result, y: number, part: number): string[] {
  const width = Math.max(1, Math.round(part * LONGEST));
  const tone = result.name.startsWith('part') ? 'process' : 'kernel';
  const middle = y + ROW / 2 + 5;
  return [
    text(MARGIN, middle, result.label),
    bar([LABELS, y + (ROW - BAR) / 2, width, BAR], tone),
    text(LABELS + width + 8, middle, formatRate(result.perSecond)),
  ];
}

/** What the time of a request is spent on, from left to right. */
const PARTS: {
  key: 'fork' | 'parent' | 'child' | 'work';
  tone: Tone;
  what: string;
}[] = [
  { key: 'fork', tone: 'process', what: 'fork' },
  { key: 'parent', tone: 'kernel', what: 'all else in the parent' },
  { key: 'child', tone: 'bad', what: 'a child begins and ends' },
  { key: 'work', tone: 'good', what: 'its work' },
];

const KEY = 12;
const LETTER = 7.2;

/** A bar for each server, of four parts, and below what they stand for. */
function drawCosts(costs: Costs[], top: number) {
  const title = 'one request at a time: µs of a processor';
  const shapes = [text(MARGIN, top + 14, title, 'strong')];
  let y = top + 28;
  const sums = costs.map((it) =>
    PARTS.reduce((sum, { key }) => sum + it[key], 0),
  );
  const scale = LONGEST / Math.max(...sums);
  costs.forEach((it, i) => {
    const middle = y + ROW / 2 + 5;
    shapes.push(text(MARGIN, middle, it.name));
    let x = LABELS;
    for (const { key, tone } of PARTS) {
      const width = Math.max(1, Math.round(it[key] * scale));
      shapes.push(bar([x, y + (ROW - BAR) / 2, width, BAR], tone));
      x += width;
    }
    shapes.push(text(x + 8, middle, (sums[i] ?? 0).toFixed(0)));
    y += ROW;
  });
  let x = LABELS;
  for (const { tone, what } of PARTS) {
    shapes.push(bar([x, y + 7, KEY, KEY], tone));
    shapes.push(text(x + KEY + 6, y + 18, what, 'soft'));
    x += KEY + 6 + what.length * LETTER + 14;
  }
  return { shapes, end: y + ROW };
}
