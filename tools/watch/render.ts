/**
 * A look as lines of a screen: a pure function of the look and of the size.
 */
import { formatAge, wrap } from '../common/words';
import type { Model } from '../model/diagnosis';
import type { View } from '../model/past';
import { connectionLines } from './connections';
import { descriptorLines, trendLines } from './figures';
import { cut, flushRight, type Line, type Piece, type Style } from './lines';
import { processLines } from './processes';

export interface Size {
  columns: number;
  rows: number;
}

/** Lists get at least so many lines before anything else is shown. */
const LIST_MIN = 3;

/**
 * As many lines as fit; everything that is left out is counted.
 *
 * @param keys a line for the bottom of the screen, if there are keys to press
 */
export function render(
  view: View,
  { columns, rows }: Size,
  keys: string | null = null,
): Line[] {
  const { model, last } = view;
  const shown = model.server ? model : last;
  const head = [
    header(model, shown, columns),
    [],
    ...timeOf(view, columns),
    ...news(model, last, columns),
    ...problems(view, columns),
  ];
  const space = keys ? rows - 1 : rows;
  const size = { columns, rows: space - head.length };
  const lines = shown ? [...head, ...body(shown, size)] : head;
  const fitting = lines.slice(0, space).map((line) => cut(line, columns));
  if (keys === null || rows < 1) return fitting;
  while (fitting.length < space) fitting.push([]);
  return [...fitting, cut([[` ${keys}`, 'dim']], columns)];
}

/** What is below the problems: two lists share what the rest leaves. */
function body(model: Model, { columns, rows }: Size): Line[] {
  const figures = descriptorLines(model);
  const trend = trendLines(model, columns);
  const roomy = rows >= figures.length + trend.length + 4 + 3 * LIST_MIN;
  const gap: Line[] = roomy ? [[]] : [];
  const end = roomy ? [...gap, ...trend] : [];
  const room = rows - figures.length - end.length - 3 * gap.length;
  const [forProcesses, forConnections] = share(
    room,
    model.processes.length + 1,
    model.connections.length + 1,
  );
  return [
    ...gap,
    ...processLines(model, columns, forProcesses),
    ...gap,
    ...figures,
    ...gap,
    ...connectionLines(model, columns, forConnections),
    ...end,
  ];
}

/** Halves, unless one of the two does not need its half. */
function share(room: number, a: number, b: number): [number, number] {
  const half = Math.max(LIST_MIN, Math.floor(room / 2));
  const first = Math.min(a, Math.max(half, room - b));
  return [first, Math.max(LIST_MIN, room - first)];
}

// The top /////////////////////////////////////////////////////////////////////

/** @param shown the picture below, which may be the last of its server */
function header(model: Model, shown: Model | null, columns: number): Line {
  const clock = clockOf(model);
  const left: Line = shown?.server
    ? [
        [` ${shown.server.name} `, 'title'],
        [`  PID ${shown.server.pid}`, 'bold'],
        [`  ${shown.server.addresses.join(' ')}`],
        [`  up ${formatAge(shown.server.age)}`, 'dim'],
      ]
    : [[` port ${model.port} `, 'title']];
  return [...left, flushRight(clock, left, columns)];
}

function clockOf({ time }: Model): string {
  return new Date(time).toLocaleTimeString('en-GB');
}

/** Which moment is shown, unless it is now. */
function timeOf({ model, ago }: View, columns: number): Line[] {
  if (ago === null) return [];
  const when = `${clockOf(model)}, ${formatAge(ago)} ago`;
  return sentence(`This is the past: ${when}.`, columns, 'busy');
}

/** How the server has ended that was here. */
function news(model: Model, last: Model | null, columns: number): Line[] {
  if (!model.ending) return [];
  const below =
    model.server || !last ? '' : ` Below, as it was at ${clockOf(last)}.`;
  return sentence(model.ending + below, columns);
}

function problems({ model, goesOn }: View, columns: number): Line[] {
  const { problems, explanation, suspicious, server } = model;
  if (explanation) {
    const waits = goesOn ? ' Looking again and again …' : '';
    return server ? [] : sentence(explanation + waits, columns);
  }
  if (problems.length > 0) {
    return problems.flatMap((problem) => sentence(problem, columns));
  }
  const isFirst = model.trend.zombies.length === 1;
  const calm = suspicious && isFirst ? 'Looking again …' : 'Nothing is wrong.';
  return [
    [
      ['▌', 'good'],
      [` ${calm}`, 'dim'],
    ],
  ];
}

function sentence(
  text: string,
  columns: number,
  style: Style = 'warn',
): Line[] {
  const bar: Piece = ['▌', style];
  return wrap(text, columns - 3).map((line) => [bar, [` ${line}`]]);
}
