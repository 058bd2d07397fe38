/**
 * Where each piece of the picture stands: a pure function of a frame.
 *
 * On the left are the processes and their descriptors, in the middle what the
 * kernel keeps, on the right the clients. On a phone, the clients stand below
 * what the kernel keeps for them.
 */
import { wrap } from '../../../shared/text.ts';
import { ranges } from '../../../tools/common/ranges.ts';
import type {
  Actor,
  Frame,
  Link,
  Shared,
} from '../../../tools/model/frames.ts';
import {
  isKept,
  portOf,
  sayClient,
  sayDoing,
  sayEvidence,
  sayKept,
  sayReferences,
  sayRole,
} from './phrases.ts';

/** Left, top, width, height; of a line, where it begins and where it ends. */
export type Place = readonly [number, number, number, number];

type Tone = 'process' | 'dead' | 'kernel' | 'socket' | 'good' | 'bad';

/** A piece of the picture. */
export interface Shape {
  /** The same from one frame to the next. */
  key: string;
  kind: 'actor' | 'slot' | 'edge' | 'tree' | 'box' | 'queue' | 'wire' | 'note';
  at: Place;
  /** Where it comes from, when it is new. */
  from?: Place;
  tone: Tone;
  title?: string;
  /** At the right edge of the title. */
  aside?: string;
  lines?: string[];
  /** Stands for many. */
  many?: boolean;
  /** Of a wire: what goes over it, and to whom. */
  arrow?: 'right' | 'left' | 'cut';
  faint?: boolean;
}

export interface Scene {
  width: number;
  height: number;
  heads: Head[];
  shapes: Shape[];
}

/** What a column is about. */
interface Head {
  x: number;
  words: string;
  middle?: boolean;
}

/** So many of a kind are drawn; of more than that, the first few are. */
const MOST = { wide: 5, narrow: 3 };
const FIRST = 2;

const WIDTH = { wide: 682, narrow: 342 };
const TOP = 26;
const LINE = 16;
const TITLE = 22;
/** In the title of a box on a phone. */
const NARROW_LETTERS = 22;
const SLOT = 22;
const GAP = 12;
const INDENT = 16;

/** @param wide whether there is room for all columns beside each other */
export function sceneOf(frame: Frame, wide: boolean): Scene {
  const form = wide ? 'wide' : 'narrow';
  const rows = wide ? WIDE : NARROW;
  const right = placeRows(frame, rows, MOST[form]);
  const left = placeProcesses(frame, right.rows, wide);
  const shapes = [...left.lines, ...right.shapes, ...left.shapes];
  return {
    width: WIDTH[form],
    height: Math.max(left.bottom, right.bottom) + 2,
    heads: wide ? HEADS.wide : HEADS.narrow,
    // Lines lie below boxes.
    shapes: shapes.map(onOneLine),
  };
}

/** What has no room below the title stands beside it. */
function onOneLine(shape: Shape): Shape {
  const { kind, at, lines = [] } = shape;
  if (kind !== 'box' || at[3] >= TITLE + LINE) return shape;
  const aside = lines.join(' ');
  const fits = (shape.title ?? '').length + aside.length <= NARROW_LETTERS;
  return { ...shape, lines: [], ...(fits && { aside }) };
}

// What the kernel keeps, and the clients //////////////////////////////////////

/** Where the pieces of a row stand, from its top. */
interface Columns {
  description: Place;
  socket: Place;
  client: Place;
  wire: Place;
  /** Why no FIN is sent; null: the wire has room for it. */
  note: Place | null;
  /** How far the queue reaches beyond them. */
  margin: number;
  /** Without a client, and with one. */
  height: [number, number];
}

const WIDE: Columns = {
  description: [242, 0, 110, 42],
  socket: [360, 0, 110, 42],
  client: [514, 0, 168, 58],
  wire: [470, 21, 514, 21],
  note: [242, 46, 228, 14],
  margin: 5,
  height: [42, 60],
};

const NARROW: Columns = {
  description: [178, 0, 164, 24],
  socket: [178, 28, 164, 24],
  client: [178, 86, 164, 58],
  wire: [190, 52, 190, 86],
  note: null,
  margin: 0,
  height: [52, 144],
};

const HEADS: Record<'wide' | 'narrow', Head[]> = {
  wide: [
    { x: 0, words: 'processes and descriptors' },
    { x: WIDE.description[0], words: 'open file descriptions' },
    {
      x: WIDE.socket[0] + WIDE.socket[2] / 2 + 10,
      words: 'sockets',
      middle: true,
    },
    { x: WIDE.client[0], words: 'clients' },
  ],
  narrow: [
    { x: 0, words: 'processes' },
    { x: NARROW.description[0] - 6, words: 'open files, sockets' },
  ],
};

/** One row for each socket, or for many that are alike. */
interface Row {
  key: string;
  shared: Shared[];
  /** Where edges end. */
  x: number;
  y: number;
  kept: boolean;
  /** What a descriptor is called that leads here. */
  name: string;
}

type Entry = [address: string, link: Link];

function placeRows(frame: Frame, columns: Columns, most: number) {
  const shapes: Shape[] = [];
  const rows: Row[] = [];
  let top = TOP;
  for (const [address, listener] of Object.entries(frame.listeners)) {
    const key = `listener ${address}`;
    const [x, , , height] = columns.description;
    rows.push({
      key,
      shared: [listener],
      x,
      y: top + height / 2,
      kept: false,
      name: 'listener',
    });
    shapes.push(describe(key, [listener], place(columns.description, top)), {
      key: `${key} socket`,
      kind: 'box',
      at: place(columns.socket, top),
      tone: 'socket',
      title: 'LISTEN',
      lines: [portOf(address)],
    });
    top += columns.height[0] + 6;
  }
  const all = Object.entries(frame.connections);
  const queued = all.filter(([, { standing }]) => standing === 'queued');
  const [first] = Object.values(frame.listeners);
  if (first) {
    const start = top;
    top += 22;
    for (const group of fold(queued, most)) top = addRow(group, top + 6);
    if (queued.length > 0) top -= 4;
    const [x] = columns.description;
    const [left, , width] = columns.socket;
    const { queued: length, backlog } = first;
    const { margin } = columns;
    const room = backlog === undefined ? '' : ` of ${backlog + 1}`;
    shapes.unshift({
      key: 'queue',
      kind: 'queue',
      at: [x - margin, start, left + width - x + 2 * margin, top - start],
      tone: length > (backlog ?? Infinity) ? 'bad' : 'kernel',
      title:
        length === 0 ? 'accept queue: empty' : `accept queue: ${length}${room}`,
    });
    top += GAP;
  }
  const rest = all.filter(([, { standing }]) => standing !== 'queued');
  rest.sort((a, b) => (rankOf(a) < rankOf(b) ? -1 : 1));
  for (const group of alike(rest).flatMap((those) => fold(those, most))) {
    top = addRow(group, top) + GAP;
  }
  return { shapes, rows, bottom: top };

  function addRow(group: [Entry, ...Entry[]], top: number): number {
    const [[address, link]] = group;
    const many = group.length > 1;
    const key = many ? `more ${kindOf(link)}` : address;
    const kept = isKept(link.standing);
    const isFirst = kept && !rows.some((row) => row.kept);
    const [x, , , height] = columns.description;
    rows.push({
      key,
      shared: group.map(([, one]) => one),
      x,
      y: top + height / 2,
      kept,
      name: many ? `${group.length} clients` : `client ${portOf(address)}`,
    });
    const note = isFirst ? sayKept(link) : null;
    // Where nothing of the server's is there, nothing is above the client.
    const skipped = link.state ? 0 : columns.wire[1] - columns.socket[3] / 2;
    const start = columns.note ? top : top - skipped;
    shapes.push(...connection(key, group, columns, start, frame.port, note));
    return start + columns.height[1];
  }
}

/** The pieces of a connection, or of many that are alike. */
function connection(
  key: string,
  group: [Entry, ...Entry[]],
  columns: Columns,
  top: number,
  port: number,
  note: string[] | null,
): Shape[] {
  const [[address, link], ...others] = group;
  const many = others.length > 0;
  const { standing, state, client } = link;
  const shapes: Shape[] = [];
  if (state) {
    const links = [link, ...others.map(([, one]) => one)] as const;
    const pair = `:${port} ⇄ ${portOf(address)}`;
    shapes.push(
      describe(key, [...links], place(columns.description, top), standing),
      {
        key: `${key} socket`,
        kind: 'box',
        at: place(columns.socket, top),
        tone: 'socket',
        title: state,
        lines: [many ? `${group.length} sockets` : pair],
        many,
      },
    );
  }
  const [x1, y1, x2, y2] = columns.wire;
  // A FIN that the client has sent did arrive: what is kept is ours.
  const hangs = isKept(standing) && standing !== 'left';
  shapes.push({
    key: `${key} wire`,
    kind: 'wire',
    at: [x1, top + y1, x2, top + y2],
    tone: standing === 'closed' ? 'good' : hangs ? 'bad' : 'kernel',
    ...WIRES[standing],
    ...(note && !columns.note && { lines: note }),
  });
  if (note && columns.note) {
    shapes.push({
      key: `${key} note`,
      kind: 'note',
      at: place(columns.note, top),
      tone: 'bad',
      title: note.join(' '),
    });
  }
  const name = client?.program ?? 'client';
  shapes.push({
    key: `${key} client`,
    kind: 'box',
    at: place(columns.client, top),
    tone: CLIENTS[standing] ?? 'process',
    title: many ? `${group.length} more clients` : `${name} ${portOf(address)}`,
    ...(client?.pid && !many && { aside: `${client.pid}` }),
    lines: sayClient(link, many),
    many,
  });
  return shapes;
}

const WIRES: Record<Link['standing'], Pick<Shape, 'title' | 'arrow'>> = {
  served: {},
  queued: {},
  knocking: { title: 'SYN', arrow: 'cut' },
  finished: { title: 'no FIN' },
  forgotten: { title: 'no FIN' },
  left: { title: 'FIN', arrow: 'left' },
  closed: { title: 'FIN', arrow: 'right' },
};

const CLIENTS: Partial<Record<Link['standing'], Tone>> = {
  finished: 'bad',
  forgotten: 'bad',
  knocking: 'bad',
  queued: 'socket',
  left: 'kernel',
  closed: 'good',
};

/** Open file descriptions, one or many: how many references lead to each. */
function describe(
  key: string,
  shared: [Shared, ...Shared[]],
  at: Place,
  standing?: Link['standing'],
): Shape {
  const [one] = shared;
  const kept = standing !== undefined && isKept(standing);
  const { length } = one.references;
  const box = { key: `${key} description`, kind: 'box', at } as const;
  if (length === 0) {
    const when = standing === 'queued' ? 'yet' : 'any more';
    return { ...box, tone: 'dead', title: 'no reference', lines: [when] };
  }
  const tone = kept ? 'bad' : 'kernel';
  if (shared.length === 1) {
    const left = kept && length === 1 ? 'left' : sayEvidence(one);
    return { ...box, tone, title: sayReferences(one), lines: [left] };
  }
  const least = Math.min(...shared.map((it) => it.references.length));
  const title = `${shared.length} descriptions`;
  return {
    ...box,
    tone,
    title,
    lines: [`${least} reference each`],
    many: true,
  };
}

/** Who knocks stands below the queue; then come descriptors, as in a table. */
function rankOf([, { standing, references }]: Entry): number {
  if (standing === 'knocking') return -1;
  return standing === 'closed' ? Infinity : (references[0]?.fd ?? 0);
}

/** All that is said of a connection, besides who it is. */
function kindOf({ standing, state, expectation }: Link): string {
  return `${standing} ${state} ${expectation}`;
}

/** Connections of which the same is to be said, in the order of the first. */
function alike(entries: Entry[]): Entry[][] {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) {
    const name = kindOf(entry[1]);
    groups.set(name, [...(groups.get(name) ?? []), entry]);
  }
  return [...groups.values()];
}

/** Each by itself; of too many, the first few, and all others in one. */
function fold<T>(all: T[], most: number): [T, ...T[]][] {
  const apart = all.length <= most ? all.length : FIRST;
  const groups = all.slice(0, apart).map((one): [T, ...T[]] => [one]);
  const [next, ...rest] = all.slice(apart);
  return next === undefined ? groups : [...groups, [next, ...rest]];
}

function place([x, y, width, height]: Place, top: number): Place {
  return [x, y + top, width, height];
}

// Processes ///////////////////////////////////////////////////////////////////

interface Member {
  pid: number;
  actor: Actor;
}

/** A line of a descriptor table. */
interface Slot {
  key: string;
  fds: string;
  name: string;
  rows: Row[];
  faint?: boolean;
}

function placeProcesses(frame: Frame, rows: Row[], wide: boolean) {
  const width = wide ? 204 : 144;
  const most = MOST[wide ? 'wide' : 'narrow'];
  const all = Object.entries(frame.processes).map(([pid, actor]) => ({
    pid: Number(pid),
    actor,
  }));
  const isDead = ({ actor }: Member) => actor.state === 'Z';
  const servers = all.filter(({ actor }) => actor.role === 'server');
  const living = all.filter((one) => !servers.includes(one) && !isDead(one));
  const zombies = all.filter((one) => !servers.includes(one) && isDead(one));
  const shapes: Shape[] = [];
  const lines: Shape[] = [];
  /** The places of all that is shown, to come from or to lead to. */
  const known = new Map<string, Place>();
  let top = TOP;

  if (servers.length === 0) addAbsence();
  for (const one of servers) addBox([one], 0);
  for (const group of fold(living, most)) addBox(group, INDENT);
  for (const group of fold(zombies, most)) addBox(group, INDENT);
  return { shapes, lines, bottom: top };

  function addAbsence(): void {
    const words = frame.ending ?? frame.explanation ?? '';
    const text = wrap(words, wide ? 33 : 21);
    const height = 30 + text.length * LINE;
    shapes.push({
      key: 'absence',
      kind: 'actor',
      at: [0, top, width, height],
      tone: 'dead',
      title: 'no server',
      lines: text,
    });
    top += height + GAP;
  }

  function addBox(group: [Member, ...Member[]], indent: number): void {
    const [{ pid, actor }] = group;
    const many = group.length > 1;
    const dead = actor.state === 'Z';
    const isFirst = !shapes.some(({ tone }) => tone === 'dead');
    const crowded = indent > 0 && living.length > 2;
    const theirs = dead ? 'nobody has waited for them' : 'each at its own work';
    const said = many ? [theirs] : sayDoing(pid, frame, crowded);
    const doing = said.flatMap((line) => wrap(line, wide ? 32 : 19));
    const text = dead && !many && !isFirst ? doing.slice(0, 1) : doing;
    const usage = indent === 0 ? usageOf(frame) : [];
    const slots = slotsOf(group, rows, !crowded);
    const key = many ? `more ${dead ? 'zombies' : 'children'}` : `${pid}`;
    const head = 28 + (text.length + usage.length) * LINE;
    const height = head + slots.length * SLOT + (slots.length > 0 ? 4 : 2);
    const at: Place = [indent, top, width - indent, height];
    const from = known.get(`${actor.parent}`);
    shapes.push({
      key,
      kind: 'actor',
      at,
      ...(from && { from }),
      tone: dead ? 'dead' : 'process',
      title: many ? `${group.length} more` : `PID ${pid}`,
      aside: many ? (dead ? 'zombies' : 'children') : sayRole(actor),
      lines: [...text, ...usage],
      many,
    });
    known.set(key, at);
    if (from && indent > 0) {
      const [, parentTop, , parentHeight] = from;
      lines.push({
        key: `${key} tree`,
        kind: 'tree',
        at: [INDENT / 2, parentTop + parentHeight, indent, top + 16],
        tone: dead ? 'dead' : 'process',
      });
    }
    slots.forEach((slot, i) => {
      addSlot(key, actor.parent, slot, [
        indent + 6,
        top + head + i * SLOT,
        width - indent - 11,
        SLOT - 3,
      ]);
    });
    top += height + GAP;
  }

  function addSlot(owner: string, parent: number, slot: Slot, at: Place) {
    const key = `${owner}>${slot.key}`;
    const from = known.get(`${parent}>${slot.key}`);
    known.set(key, at);
    const kept = slot.rows.some((row) => row.kept);
    shapes.push({
      key,
      kind: 'slot',
      at,
      ...(from && { from }),
      tone: kept ? 'bad' : slot.rows.length > 0 ? 'process' : 'kernel',
      title: slot.fds,
      lines: [slot.name],
    });
    const [x, y, slotWidth, height] = at;
    for (const row of slot.rows) {
      const edge = `${owner}>${row.key}`;
      const line: Place = [x + slotWidth, y + height / 2, row.x, row.y];
      const origin = known.get(`edge ${parent}>${row.key}`);
      known.set(`edge ${edge}`, line);
      lines.push({
        key: `edge ${edge}`,
        kind: 'edge',
        at: line,
        from: origin ?? [line[0], line[1], line[0], line[1]],
        tone: row.kept ? 'bad' : 'process',
        faint: slot.faint ?? false,
      });
    }
  }
}

function usageOf({ descriptors }: Frame): string[] {
  if (descriptors?.limit === undefined) return [];
  return [`${descriptors.used} of ${descriptors.limit} descriptors`];
}

/** The descriptor table, as far as it is drawn. */
function slotsOf(
  group: [Member, ...Member[]],
  rows: Row[],
  withOwn: boolean,
): Slot[] {
  const pids = new Set(group.map(({ pid }) => pid));
  const held = rows
    .map((row) => ({
      row,
      fds: row.shared.flatMap(({ references }) =>
        references.filter(({ pid }) => pids.has(pid)).map(({ fd }) => fd),
      ),
    }))
    .filter(({ fds }) => fds.length > 0);
  const [{ actor }, ...others] = group;
  if (others.length > 0) {
    const all = held.map(({ row }) => row);
    const name = 'their connections';
    const theirs = { key: 'theirs', fds: '', name, rows: all, faint: true };
    return all.length > 0 ? [theirs] : [];
  }
  const own: Slot[] =
    withOwn && actor.own
      ? [{ key: 'own', fds: short(actor.own), name: 'its own', rows: [] }]
      : [];
  const slot = ({ row, fds }: (typeof held)[number]): Slot => ({
    key: row.key,
    fds: ranges(fds.sort((a, b) => a - b)),
    name: nameOf(row, fds.length),
    rows: [row],
  });
  // A child works on what came last; what came before was its parent's.
  const isChild = actor.role === 'child' && held.length > 2;
  if (!isChild) return [...own, ...held.map(slot)];
  const newest = held.reduce((a, b) =>
    Math.max(...b.fds) > Math.max(...a.fds) ? b : a,
  );
  const older = held.filter((one) => one !== newest);
  return [
    ...own,
    {
      key: 'inherited',
      fds: ranges(older.flatMap(({ fds }) => fds).sort((a, b) => a - b)),
      name: 'inherited',
      rows: older.map(({ row }) => row),
      faint: true,
    },
    slot(newest),
  ];
}

/** What some descriptors of one process stand for, perhaps one of many. */
function nameOf({ shared, name }: Row, held: number): string {
  return held < shared.length ? `${held} of ${name}` : name;
}

/** `0-16 …` for numbers in several pieces. */
function short(numbers: string): string {
  const [first = '', ...more] = numbers.split(', ');
  return more.length > 0 ? `${first} …` : first;
}
