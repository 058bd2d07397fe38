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
  Queued,
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
  from?: Place | undefined;
  tone: Tone;
  title?: string;
  /** At the right edge of the title. */
  aside?: string;
  lines?: string[];
  /** Stands for many. */
  many?: boolean;
  /** Of a wire: what goes over it, and to whom. */
  arrow?: 'right' | 'left' | 'cut';
  faint?: boolean | undefined;
}

export interface Scene {
  width: number;
  height: number;
  /** What each column is about, and where it begins. */
  heads: Record<string, number>;
  /** What lies below comes first. Otherwise their order never changes. */
  shapes: Shape[];
}

/** How a picture is laid out. Of what is in a row: from the row's top. */
interface Form {
  width: number;
  heads: Record<string, number>;
  /** So many of a kind are drawn; of more than that, the first few are. */
  most: number;
  /** How wide a process is, and how many letters of what it does. */
  process: number;
  letters: number;
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

const WIDE: Form = {
  width: 682,
  heads: {
    'processes and descriptors': 0,
    'open file descriptions': 242,
    sockets: 405,
    clients: 514,
  },
  most: 5,
  process: 204,
  letters: 32,
  description: [242, 0, 110, 42],
  socket: [360, 0, 110, 42],
  client: [514, 0, 168, 58],
  wire: [470, 21, 514, 21],
  note: [242, 46, 228, 14],
  margin: 5,
  height: [42, 60],
};

const NARROW: Form = {
  width: 342,
  heads: { processes: 0, 'open files, sockets': 172 },
  most: 3,
  process: 144,
  letters: 19,
  description: [178, 0, 164, 24],
  socket: [178, 28, 164, 24],
  client: [178, 86, 164, 58],
  wire: [190, 52, 190, 86],
  note: null,
  margin: 0,
  height: [52, 144],
};

const FIRST = 2;
const TOP = 26;
const LINE = 16;
const TITLE = 22;
/** In the title of a box on a phone. */
const NARROW_LETTERS = 22;
const SLOT = 22;
const GAP = 12;
const INDENT = 16;

/** Lines lie below boxes, and slots on them. */
const LAYERS = [
  'queue',
  'tree',
  'edge',
  'wire',
  'actor',
  'box',
  'slot',
  'note',
];

/** @param wide whether there is room for all columns beside each other */
export function sceneOf(frame: Frame, wide: boolean): Scene {
  const form = wide ? WIDE : NARROW;
  const [rows, kept] = placeRows(frame, form);
  const shapes = [...kept, ...placeProcesses(frame, rows, form)];
  const bottoms = shapes.map(({ kind, at: [, y, , height] }) =>
    /actor|box|queue/.test(kind) ? y + height : 0,
  );
  const layerOf = ({ kind }: Shape) => LAYERS.indexOf(kind);
  return {
    width: form.width,
    height: Math.max(...bottoms) + GAP,
    heads: form.heads,
    shapes: shapes
      .map(onOneLine)
      .sort((a, b) => layerOf(a) - layerOf(b) || (a.key < b.key ? -1 : 1)),
  };
}

/** What has no room below the title stands beside it. */
function onOneLine(shape: Shape): Shape {
  const { kind, at, title = '', lines = [] } = shape;
  if (kind !== 'box' || at[3] >= TITLE + LINE) return shape;
  const aside = lines.join(' ');
  const fits = title.length + aside.length <= NARROW_LETTERS;
  return { ...shape, lines: [], aside: fits ? aside : '' };
}

// What the kernel keeps, and the clients //////////////////////////////////////

/** One row for each socket, or for many that are alike. */
interface Row {
  key: string;
  shared: Shared[];
  /** Where edges end. */
  x: number;
  y: number;
  kept?: boolean;
  /** What a descriptor is called that leads here. */
  name: string;
}

type Entry = [address: string, link: Link];
/** Of which the first speaks for all. */
type Group<T> = [T, ...T[]];

function placeRows(frame: Frame, form: Form): [Row[], Shape[]] {
  const shapes: Shape[] = [];
  const rows: Row[] = [];
  let top = TOP;
  for (const [address, listener] of Object.entries(frame.listeners)) {
    const key = `listener ${address}`;
    addRow({ key, shared: [listener], name: 'listener' });
    shapes.push(describe(key, [listener], place(form.description, top)), {
      key: `${key} socket`,
      kind: 'box',
      at: place(form.socket, top),
      tone: 'socket',
      title: 'LISTEN',
      lines: [portOf(address)],
    });
    top += form.height[0] + 6;
  }
  const all = Object.entries(frame.connections);
  const queued = all.filter(([, { standing }]) => standing === 'queued');
  const [first] = Object.values(frame.listeners);
  if (first) addQueue(first);
  const rest = all.filter(([, { standing }]) => standing !== 'queued');
  rest.sort((a, b) => (rankOf(a) < rankOf(b) ? -1 : 1));
  for (const group of alike(rest).flatMap((those) => fold(those, form.most))) {
    top = addConnections(group, top) + GAP;
  }
  return [rows, shapes];

  function addRow(row: Omit<Row, 'x' | 'y'>): void {
    const [x, , , height] = form.description;
    rows.push({ ...row, x, y: top + height / 2 });
  }

  function addQueue({ queued: length, backlog }: Queued): void {
    const start = top;
    top += 22;
    for (const group of fold(queued, form.most)) {
      top = addConnections(group, top + 6);
    }
    if (queued.length > 0) top -= 4;
    const [x] = form.description;
    const [left, , width] = form.socket;
    const { margin } = form;
    const room = backlog === undefined ? '' : ` of ${backlog + 1}`;
    shapes.push({
      key: 'queue',
      kind: 'queue',
      at: [x - margin, start, left + width - x + 2 * margin, top - start],
      tone: length > (backlog ?? Infinity) ? 'bad' : 'kernel',
      title: `accept queue: ${length === 0 ? 'empty' : `${length}${room}`}`,
    });
    top += GAP;
  }

  /** @returns where the next may begin */
  function addConnections(group: Group<Entry>, start: number): number {
    const [[address, link]] = group;
    const many = group.length > 1;
    const key = many ? `more ${kindOf(link)}` : address;
    const kept = isKept(link.standing);
    const isFirst = kept && !rows.some((row) => row.kept);
    const name = many ? `${group.length} clients` : `client ${portOf(address)}`;
    top = start;
    addRow({ key, shared: group.map(([, one]) => one), kept, name });
    // Where nothing of the server's is there, nothing is above the client.
    const skipped = link.state ? 0 : form.wire[1] - form.socket[3] / 2;
    if (!form.note) top -= skipped;
    const note = isFirst ? sayKept(link) : null;
    shapes.push(...connection(key, group, form, top, frame.port, note));
    return top + form.height[1];
  }
}

/** The pieces of a connection, or of many that are alike. */
function connection(
  key: string,
  group: Group<Entry>,
  form: Form,
  top: number,
  port: number,
  note: string[] | null,
): Shape[] {
  const [[address, link], ...others] = group;
  const many = others.length > 0;
  const { standing, state, client } = link;
  const links: Group<Link> = [link, ...others.map(([, one]) => one)];
  const pair = `:${port} ⇄ ${portOf(address)}`;
  const ours: Shape[] = state
    ? [
        describe(key, links, place(form.description, top), standing),
        {
          key: `${key} socket`,
          kind: 'box',
          at: place(form.socket, top),
          tone: 'socket',
          title: state,
          lines: [many ? `${group.length} sockets` : pair],
          many,
        },
      ]
    : [];
  const [x1, y1, x2, y2] = form.wire;
  // A FIN that the client has sent did arrive: what is kept is ours.
  const hangs = isKept(standing) && standing !== 'left';
  const wire: Shape = {
    key: `${key} wire`,
    kind: 'wire',
    at: [x1, top + y1, x2, top + y2],
    tone: standing === 'closed' ? 'good' : hangs ? 'bad' : 'kernel',
    ...ENDS[standing].wire,
    ...(note && !form.note && { lines: note }),
  };
  const beside: Shape[] =
    note && form.note
      ? [
          {
            key: `${key} note`,
            kind: 'note',
            at: place(form.note, top),
            tone: 'bad',
            title: note.join(' '),
          },
        ]
      : [];
  const name = client?.program ?? 'client';
  const theirs: Shape = {
    key: `${key} client`,
    kind: 'box',
    at: place(form.client, top),
    tone: ENDS[standing].client,
    title: many ? `${group.length} more clients` : `${name} ${portOf(address)}`,
    ...(client?.pid && !many && { aside: `${client.pid}` }),
    lines: sayClient(link, many),
    many,
  };
  return [...ours, wire, ...beside, theirs];
}

/** What goes over a wire, and what the client at its end looks like. */
const ENDS: Record<
  Link['standing'],
  { client: Tone; wire?: Pick<Shape, 'title' | 'arrow'> }
> = {
  served: { client: 'process' },
  queued: { client: 'socket' },
  knocking: { client: 'bad', wire: { title: 'SYN', arrow: 'cut' } },
  finished: { client: 'bad', wire: { title: 'no FIN' } },
  forgotten: { client: 'bad', wire: { title: 'no FIN' } },
  left: { client: 'kernel', wire: { title: 'FIN', arrow: 'left' } },
  closed: { client: 'good', wire: { title: 'FIN', arrow: 'right' } },
};

/** Open file descriptions, one or many: how many references lead to each. */
function describe(
  key: string,
  shared: Group<Shared>,
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
  const lines = [`${least} reference each`];
  return { ...box, tone, title, lines, many: true };
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
function fold<T>(all: T[], most: number): Group<T>[] {
  const apart = all.length <= most ? all.length : FIRST;
  const groups = all.slice(0, apart).map((one): Group<T> => [one]);
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

function placeProcesses(frame: Frame, rows: Row[], form: Form): Shape[] {
  const all = Object.entries(frame.processes).map(([pid, actor]) => ({
    pid: Number(pid),
    actor,
  }));
  const servers = all.filter(({ actor }) => actor.role === 'server');
  const others = all.filter((one) => !servers.includes(one));
  const living = others.filter(({ actor }) => actor.state !== 'Z');
  const zombies = others.filter((one) => !living.includes(one));
  const shapes: Shape[] = [];
  let top = TOP;

  if (servers.length === 0) addAbsence();
  for (const one of servers) addBox([one], 0);
  for (const those of [living, zombies]) {
    for (const group of fold(those, form.most)) addBox(group, INDENT);
  }
  return shapes;

  /** The place of what is shown already, to come from or to begin at. */
  function placeOf(key: string): Place | undefined {
    return shapes.find((one) => one.key === key)?.at;
  }

  function addAbsence(): void {
    const words = frame.ending ?? frame.explanation ?? '';
    const lines = wrap(words, form.letters);
    const at: Place = [0, top, form.process, 30 + lines.length * LINE];
    const title = 'no server';
    shapes.push({ key: title, kind: 'actor', at, tone: 'dead', title, lines });
    top += at[3] + GAP;
  }

  function addBox(group: Group<Member>, indent: number): void {
    const [{ pid, actor }] = group;
    const many = group.length > 1;
    const dead = actor.state === 'Z';
    const tone = dead ? 'dead' : 'process';
    const isFirst = !shapes.some((one) => one.tone === 'dead');
    const crowded = indent > 0 && living.length > 2;
    const theirs = dead ? 'nobody has waited for them' : 'each at its own work';
    const said = many ? [theirs] : sayDoing(pid, frame, crowded);
    const doing = said.flatMap((line) => wrap(line, form.letters));
    const text = dead && !many && !isFirst ? doing.slice(0, 1) : doing;
    const lines = indent === 0 ? [...text, ...usageOf(frame)] : text;
    const slots = slotsOf(group, rows, !crowded);
    const kind = dead ? 'zombies' : 'children';
    const key = many ? `more ${kind}` : `${pid}`;
    const head = 28 + lines.length * LINE;
    const height = head + slots.length * SLOT + (slots.length > 0 ? 4 : 2);
    const from = placeOf(`${actor.parent}`);
    shapes.push({
      key,
      kind: 'actor',
      at: [indent, top, form.process - indent, height],
      from,
      tone,
      title: many ? `${group.length} more` : `PID ${pid}`,
      aside: many ? kind : sayRole(actor),
      lines,
      many,
    });
    if (from && indent > 0) {
      const start = from[1] + from[3];
      const at: Place = [INDENT / 2, start, indent, top + 16];
      shapes.push({ key: `${key} tree`, kind: 'tree', at, tone });
    }
    for (const [i, slot] of slots.entries()) {
      const y = top + head + i * SLOT;
      const width = form.process - indent - 11;
      addSlot(key, actor.parent, slot, [indent + 6, y, width, SLOT - 3]);
    }
    top += height + GAP;
  }

  function addSlot(owner: string, parent: number, slot: Slot, at: Place): void {
    const kept = slot.rows.some((row) => row.kept);
    shapes.push({
      key: `${owner}>${slot.key}`,
      kind: 'slot',
      at,
      from: placeOf(`${parent}>${slot.key}`),
      tone: kept ? 'bad' : slot.rows.length > 0 ? 'process' : 'kernel',
      title: slot.fds,
      lines: [slot.name],
    });
    const [x, y, width, height] = at;
    for (const row of slot.rows) {
      shapes.push({
        key: `edge ${owner}>${row.key}`,
        kind: 'edge',
        at: [x + width, y + height / 2, row.x, row.y],
        from: placeOf(`edge ${parent}>${row.key}`),
        tone: row.kept ? 'bad' : 'process',
        faint: slot.faint,
      });
    }
  }
}

function usageOf({ descriptors }: Frame): string[] {
  if (descriptors?.limit === undefined) return [];
  return [`${descriptors.used} of ${descriptors.limit} descriptors`];
}

/** The descriptor table, as far as it is drawn. */
function slotsOf(group: Group<Member>, rows: Row[], withOwn: boolean): Slot[] {
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
