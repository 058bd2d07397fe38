/**
 * A model as lines of a screen: a pure function of the model and of the
 * size.
 */
import { formatAge, wrap } from '../common/words';
import { connectionLines } from './connections';
import type { Model } from './diagnosis';
import { descriptorLines, trendLines } from './figures';
import { cut, flushRight, type Line, type Piece } from './lines';
import { processLines } from './processes';

export interface Size {
  columns: number;
  rows: number;
}

const BAR: Piece = ['▌', 'warn'];
/** Lists get at least so many lines before anything else is shown. */
const LIST_MIN = 3;

/** As many lines as fit; everything that is left out is counted. */
export function render(model: Model, { columns, rows }: Size): Line[] {
  const head = [header(model, columns), [], ...problems(model, columns)];
  const lines = model.server
    ? [...head, ...body(model, { columns, rows: rows - head.length })]
    : head;
  return lines.slice(0, rows).map((line) => cut(line, columns));
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

function header({ server, port, time }: Model, columns: number): Line {
  const clock = new Date(time).toLocaleTimeString('en-GB');
  const left: Line = server
    ? [
        [` ${server.name} `, 'title'],
        [`  PID ${server.pid}`, 'bold'],
        [`  ${server.address}`],
        [`  up ${formatAge(server.age)}`, 'dim'],
      ]
    : [[` port ${port} `, 'title']];
  return [...left, flushRight(clock, left, columns)];
}

function problems(model: Model, columns: number): Line[] {
  const { problems, absence, port, owner } = model;
  if (absence === 'nobody listens') {
    return [[BAR, [` Nobody listens on port ${port}: waiting for a server.`]]];
  }
  if (absence === 'not permitted') {
    const text = [
      `Port ${port} belongs to a program of user ${owner}.`,
      'Which one, and what it holds, only that user and root may see.',
    ];
    return sentence(text.join(' '), columns);
  }
  if (problems.length > 0) {
    return problems.flatMap((problem) => sentence(problem, columns));
  }
  return [
    [
      ['▌', 'good'],
      [' Nothing is wrong.', 'dim'],
    ],
  ];
}

function sentence(text: string, columns: number): Line[] {
  return wrap(text, columns - 3).map((line) => [BAR, [` ${line}`]]);
}
