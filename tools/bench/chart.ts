/**
 * The chart for the documentation: bars of requests per second.
 */
import { bar, renderPicture, text, WIDTH } from '../common/svg';
import { formatRate, type Report } from './report';
import type { Result } from './summary';

const MARGIN = 24;
const LABELS = 236;
const ROW = 26;
const BAR = 16;
// Between the longest bar and the right edge there is room for its number.
const LONGEST = WIDTH - LABELS - MARGIN - 64;

/** Draws requests per second, a panel for each load. */
export function drawChart({ loads, machine, rounds, seconds }: Report): string {
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
