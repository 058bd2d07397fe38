/**
 * What watch concludes, on pictures made by hand: a server, its children, and
 * what the kernel shows of them at a moment.
 */
import { expect, test } from 'vitest';
import type { Comparison } from '../../tools/kernel/descriptors';
import type { TcpSocket } from '../../tools/kernel/tcp';
import { findDescriptions } from '../../tools/model/descriptions';
import { diagnose, type Model } from '../../tools/model/diagnosis';
import { understand } from '../../tools/model/facts';
import { Past } from '../../tools/model/past';
import type { Member, Snapshot } from '../../tools/model/snapshot';
import { render } from '../../tools/watch/render';

const START = Date.UTC(2026, 0, 1);
const PORT = 8888;
const SERVER = 4711;
const LISTENER = 17;

function member(pid: number, rest: Partial<Member> = {}): Member {
  const accept = { call: 'accept', descriptor: LISTENER, among: null };
  return {
    pid,
    parent: SERVER,
    group: SERVER,
    session: SERVER,
    name: 'server',
    state: 'S',
    faults: 0,
    cpu: 0,
    childCpu: 0,
    childFaults: 0,
    threads: 1,
    startedAt: 100,
    role: 'child',
    depth: 1,
    age: 10,
    sleep: accept,
    watched: [],
    adopted: false,
    exit: null,
    at: START,
    ...rest,
  };
}

const server = member(SERVER, { parent: 1, role: 'server', depth: 0 });

function tcp(rest: Partial<TcpSocket>): TcpSocket {
  const own = { address: '127.0.0.1', port: PORT };
  return {
    local: own,
    remote: { address: '127.0.0.1', port: 50_000 },
    state: 'ESTABLISHED',
    receiveQueue: 0,
    sendQueue: 0,
    inode: 0,
    uid: 1000,
    backlog: null,
    sent: 0,
    received: 0,
    ...rest,
  };
}

const listener = tcp({
  state: 'LISTEN',
  inode: 1,
  backlog: 5,
  remote: { address: '0.0.0.0', port: 0 },
});

/** The client's end of a connection. */
function clientEnd(rest: Partial<TcpSocket>): TcpSocket {
  const { local, remote } = tcp({});
  return tcp({ local: remote, remote: local, ...rest });
}

/** A snapshot, so many milliseconds after the first. */
function snapshot(rest: Partial<Snapshot> = {}, after = 0): Snapshot {
  const time = START + after;
  const family = (rest.family ?? [server]).map((one) => ({ ...one, at: time }));
  return {
    time,
    port: PORT,
    listeners: [listener],
    server: { pid: SERVER, pidfd: null, name: 'server', startedAt: 100 },
    end: null,
    descriptors: new Map([[LISTENER, 'socket:[1]']]),
    descriptions: [],
    limits: null,
    threads: null,
    sockets: [],
    holders: new Map([[1, [{ pid: SERVER, fd: LISTENER }]]]),
    memory: new Map(
      family.map((process) => [
        process.pid,
        { process, descriptors: new Map(), exit: null, user: null, at: time },
      ]),
    ),
    ...rest,
    family,
  };
}

/** What is concluded when the same is seen again after so long. */
function after(milliseconds: number, rest: Partial<Snapshot>): Model {
  const first = diagnose(understand(snapshot(rest), null));
  return diagnose(understand(snapshot(rest, milliseconds), first));
}

const zombie = member(4712, { state: 'Z', sleep: null, exit: 'exit 0' });
const finished = {
  sockets: [tcp({ inode: 2, sent: 120 }), clientEnd({ inode: 3 })],
  holders: new Map([[2, [{ pid: SERVER, fd: 18 }]]]),
};
const knocking = { sockets: [clientEnd({ state: 'SYN_SENT', inode: 3 })] };
const full = { ...knocking, listeners: [{ ...listener, receiveQueue: 6 }] };
const queued = {
  sockets: [tcp({ inode: 0 }), clientEnd({ inode: 3 })],
  family: [
    member(SERVER, {
      role: 'server',
      depth: 0,
      sleep: { call: 'read', descriptor: 18, among: null },
    }),
  ],
};

test.each<[string, Partial<Snapshot>, RegExp]>([
  ['a zombie', { family: [server, zombie] }, /^1 child has ended, .* waited/],
  ['a connection', finished, /^1 connection is finished, but PID 4711 still/],
  ['a client that cannot connect', full, /^1 client cannot .* queue is full/],
  ['a client that waits', queued, /^1 client is connected and not accepted/],
  [
    'a stopped server',
    { family: [{ ...server, state: 'T', sleep: null }] },
    /^PID 4711 is stopped/,
  ],
])('%s is a fault when it has lasted a second', (_, rest, sentence) => {
  const first = diagnose(understand(snapshot(rest), null));
  expect(first).toMatchObject({ problems: [], suspicious: true });
  expect(after(500, rest)).toMatchObject({ problems: [], suspicious: true });
  expect(after(1_000, rest).problems).toEqual([
    expect.stringMatching(sentence),
  ]);
});

test('one zombie after the other is a server that waits', () => {
  const first = snapshot({ family: [server, zombie] });
  const other = { ...zombie, pid: 4713 };
  const second = snapshot({ family: [server, other] }, 1_000);
  const model = diagnose(understand(first, null));
  expect(diagnose(understand(second, model)).problems).toEqual([]);
});

test('a connection on which bytes go to and fro is not finished', () => {
  const sockets = [tcp({ inode: 2, sent: 121 }), clientEnd({ inode: 3 })];
  const model = diagnose(understand(snapshot(finished), null));
  const second = snapshot({ ...finished, sockets }, 1_000);
  expect(diagnose(understand(second, model)).problems).toEqual([]);
});

test('what an old look says has not lasted until now', () => {
  const stale = snapshot(finished, 1_000);
  const sight = stale.memory.get(SERVER);
  if (sight) stale.memory.set(SERVER, { ...sight, at: START + 500 });
  const model = diagnose(understand(snapshot(finished), null));
  expect(diagnose(understand(stale, model)).problems).toEqual([]);
});

test('a queue is full when it is full', () => {
  expect(after(60_000, knocking).problems).toEqual([]);
  const almost = [{ ...listener, receiveQueue: 5 }];
  const model = after(60_000, { ...full, listeners: almost });
  expect(model.problems).toEqual([]);
});

test('half of a connection is none, unless it is a half', () => {
  const states = ['ESTABLISHED', 'FIN_WAIT1', 'FIN_WAIT2'] as const;
  for (const state of states) {
    const { connections } = after(0, { sockets: [clientEnd({ state })] });
    expect(connections).toEqual([]);
  }
  const [closed] = after(0, {
    sockets: [clientEnd({ state: 'CLOSE_WAIT' })],
  }).connections;
  expect(closed).toMatchObject({ standing: 'closed', state: null });
});

test('what poll does not wait for, nobody works on', () => {
  const polls = (among: number[] | null) =>
    member(SERVER, {
      role: 'server',
      depth: 0,
      sleep: { call: 'poll', descriptor: null, among },
    });
  const standing = (among: number[] | null) =>
    after(0, { ...finished, family: [polls(among)] }).connections[0]?.standing;
  expect(standing([LISTENER, 9])).toBe('finished');
  expect(standing([18])).toBe('served');
  expect(standing(null)).toBe('served'); // who knows
});

test('what an event loop has in its epoll is never kept in vain', () => {
  const runs = (watched: number[]) =>
    member(SERVER, {
      role: 'server',
      depth: 0,
      state: 'R',
      sleep: null,
      watched,
    });
  const seen = (watched: number[], sendQueue = 0) =>
    after(0, {
      ...finished,
      sockets: [tcp({ inode: 2, sent: 120, sendQueue })],
      family: [runs(watched), member(4712)],
    }).connections[0];
  expect(seen([])?.standing).toBe('finished');
  const idle = { standing: 'served', expectation: 'nothing in flight' };
  expect(seen([18])).toMatchObject(idle);
  expect(seen([18], 1)?.expectation).toBe('bytes in flight');
});

test('descriptors are listeners, connections and the program’s own', () => {
  const descriptors = new Map([
    [0, 'pipe:[7]'],
    [3, 'anon_inode:[eventfd]'],
    [LISTENER, 'socket:[1]'],
    [18, 'socket:[2]'],
    [19, 'socket:[4]'],
  ]);
  const second = {
    ...listener,
    inode: 4,
    local: { address: '127.0.0.2', port: PORT },
  };
  const holders = new Map([
    [1, [{ pid: SERVER, fd: LISTENER }]],
    [2, [{ pid: SERVER, fd: 18 }]],
    [4, [{ pid: SERVER, fd: 19 }]],
  ]);
  const listeners = [listener, second];
  const model = after(0, { ...finished, listeners, descriptors, holders });
  expect(model.server?.addresses).toEqual(['127.0.0.1:8888', '127.0.0.2:8888']);
  expect(model.descriptors).toMatchObject({
    used: 5,
    listeners: [LISTENER, 19],
    connections: 1,
    own: { numbers: [0, 3] },
  });
  const text = draw(model);
  expect(text).toContain('5 of no limit: 2 listeners, 1 connection, 2 its own');
  expect(text).toMatch(
    /listener 17 .* 127\.0\.0\.1:8888\n.*listener 19 .*\.2:/,
  );
});

/** The lines of a large screen. */
function draw(model: Model, last: Model | null = null, goesOn = true): string {
  const view = { model, last, ago: null, goesOn };
  return render(view, { columns: 100, rows: 40 })
    .map((line) => line.map(([text]) => text).join(''))
    .join('\n');
}

// The end of a server /////////////////////////////////////////////////////////

const heir = member(4712, {
  parent: 1,
  role: 'orphan',
  depth: 0,
  sleep: { call: 'clock_nanosleep', descriptor: null, among: null },
});
const end = { pid: SERVER, name: 'server', at: START } as const;
const killed = { ...end, state: 'gone', exit: 'killed by SIGKILL' } as const;

test('an orphan that keeps the listener is told of', () => {
  const holders = new Map([[1, [{ pid: 4712, fd: LISTENER }]]]);
  const model = after(1_000, { family: [heir], holders, end: killed });
  expect(model.ending).toBe(
    'server (PID 4711) has ended: killed by SIGKILL. It left 1 orphan.',
  );
  expect(model.problems).toEqual([
    'The listener of server (PID 4711) is still open in PID 4712, ' +
      'left behind as an orphan: the port stays taken.',
  ]);
  expect(draw(model)).toContain('0 servers, 0 children, 1 orphan, 0 zombies');
});

test('an orphan of a server that listens takes nothing from it', () => {
  const both = [SERVER, 4712].map((pid) => ({ pid, fd: LISTENER }));
  const family = [server, heir];
  const model = after(1_000, { family, holders: new Map([[1, both]]) });
  expect(model.problems).toEqual([]);
});

test('who looks too late can only guess that it is an orphan', () => {
  const holders = new Map([[1, [{ pid: 4712, fd: LISTENER }]]]);
  const seen: Member = { ...heir, role: 'server', adopted: true };
  const model = after(1_000, { family: [seen], holders });
  expect(model.problems).toEqual([expect.stringMatching(/perhaps an orphan/)]);
  // A daemon has been adopted, too. But it accepts.
  const daemon = { ...seen, sleep: server.sleep };
  expect(after(1_000, { family: [daemon], holders }).problems).toEqual([]);
  // Or its workers do, as soon as they have done their work.
  const worker = member(4713, { state: 'R', sleep: null });
  const both = new Map([[1, [4712, 4713].map((pid) => ({ pid, fd: 5 }))]]);
  const prefork = { family: [seen, worker], holders: both };
  expect(after(1_000, prefork).problems).toEqual([]);
});

test.each([
  [killed, /ended: killed by SIGKILL\.$/],
  [{ ...killed, exit: null }, /ended: how, only its parent was told\.$/],
  [
    { ...killed, state: 'zombie', exit: 'exit 1' } as const,
    /ended: exit 1\. Nobody has waited for it: a zombie\.$/,
  ],
  [{ ...killed, state: 'lives' } as const, /closed its listener and goes on/],
])('a server’s end is told as far as it is known: %j', (end, words) => {
  const gone = { listeners: [], family: [], holders: new Map(), end };
  expect(diagnose(understand(snapshot(gone), null)).ending).toMatch(words);
});

test('what the server was short of is kept for its end', () => {
  const openFiles = { soft: 4, hard: 4 };
  const limits = { openFiles, processes: { soft: Infinity, hard: Infinity } };
  const descriptors = new Map([0, 1, 2, LISTENER].map((fd) => [fd, `${fd}`]));
  const alive = diagnose(understand(snapshot({ limits, descriptors }), null));
  const gone = { listeners: [], family: [], holders: new Map() };
  const exit = { ...killed, exit: 'exit 1' };
  let model = alive;
  for (const time of [1_000, 2_000]) {
    const seen = snapshot({ ...gone, descriptors: new Map(), end: exit }, time);
    model = diagnose(understand(seen, model));
  }
  expect(model.ending).toContain(
    'has ended: exit 1. It had used 4 of 4 descriptors (then EMFILE).',
  );
  // The last snapshot of it stays on the screen.
  const text = draw(model, alive);
  expect(text.replace(/\n▌/g, '')).toMatch(/Below, as it was at \d\d:00:00\./);
  expect(text).toContain(
    'Nobody listens on port 8888. Looking again and again …',
  );
  expect(text).toContain('4711 server  sleeping in accept(17)');
  expect(draw(model, null, false)).toContain('Nobody listens on port 8888.');
});

// The past ////////////////////////////////////////////////////////////////////

/** A look at so many seconds after the first. */
function look(seconds: number, rest: Partial<Snapshot> = {}): Model {
  return diagnose(understand(snapshot(rest, seconds * 1_000), null));
}

test('the past is kept, and what is shown of it stays', () => {
  const past = new Past();
  const looks = [0, 1, 2, 3].map((seconds) => look(seconds));
  for (const one of looks) past.add(one);
  expect(past.view).toMatchObject({ model: looks[3], ago: null });
  past.wind(2);
  expect(past.view).toMatchObject({ model: looks[1], ago: 2 });
  expect(past.position).toEqual({ at: 1, of: 4 });
  past.add(look(4));
  expect(past.view).toMatchObject({ model: looks[1], ago: 3 });
  past.wind(9);
  expect(past.view).toMatchObject({ model: looks[0], ago: 4 });
  past.wind(-1);
  expect(past.view?.model).toBe(looks[1]);
  past.wind(-9);
  expect(past.view?.ago).toBeNull();
  past.wind(1);
  past.wind(-Infinity);
  expect(past.view?.ago).toBeNull();
});

test('the past has an end, and the last snapshot of a server has none', () => {
  const past = new Past();
  const alive = look(0);
  past.add(alive);
  past.wind(1);
  const gone = { listeners: [], family: [], holders: new Map() };
  for (let seconds = 1; seconds <= 400; seconds++)
    past.add(look(seconds, gone));
  expect(past.view?.ago).toBeNull(); // there was nothing to go back to
  past.wind(400);
  const oldest = past.view;
  expect(oldest?.last).toBe(alive);
  past.add(look(401, gone));
  expect(past.view?.ago).toBe(oldest?.ago); // it is forgotten, the next shown
});

test('the past says that it is the past, and the last line lists the keys', () => {
  const view = { model: look(0), last: null, ago: 7, goesOn: true };
  const lines = render(view, { columns: 80, rows: 24 }, 'q quits').map((line) =>
    line.map(([text]) => text).join(''),
  );
  expect(lines[2]).toMatch(/^▌ This is the past: \d\d:\d\d:\d\d, 7 s ago\.$/);
  expect(lines).toHaveLength(24);
  expect(lines[23]).toBe(' q quits');
});

// Descriptions ////////////////////////////////////////////////////////////////

/** A kernel in which these are one description, and no others. */
function kcmp(...same: string[][]) {
  return (a: { pid: number; fd: number }, b: typeof a): Comparison => {
    const names = [a, b].map(({ pid, fd }) => `${pid}:${fd}`);
    const one = same.some((group) => names.every((x) => group.includes(x)));
    return { same: one, evidence: 'kcmp' };
  };
}

const TABLES = [
  [
    1,
    new Map([
      [0, '/dev/null'],
      [1, '/dev/null'],
      [4, 'socket:[9]'],
    ]),
  ],
  [
    2,
    new Map([
      [0, '/dev/null'],
      [5, 'socket:[9]'],
      [6, 'pipe:[3]'],
    ]),
  ],
] as const;

test('descriptors lead to descriptions, as kcmp tells', () => {
  const found = findDescriptions(
    [...TABLES],
    new Map([[9, [{ pid: 3, fd: 7 }]]]),
    kcmp(['1:0', '2:0'], ['1:4', '2:5', '3:7']),
  );
  const text = found.map(({ target, references, evidence }) => {
    const names = references.map(({ pid, fd }) => `${pid}:${fd}`);
    return `${target} ${names} ${evidence}`;
  });
  expect(text).toEqual([
    '/dev/null 1:0,2:0 kcmp',
    '/dev/null 1:1 kcmp',
    'socket:[9] 1:4,2:5,3:7 kcmp',
    'pipe:[3] 2:6 nothing',
  ]);
});

test('without kcmp, an inode is evidence for sockets alone', () => {
  const found = findDescriptions([...TABLES], new Map(), () => null);
  const evidence = found.map(({ references, evidence }) => {
    return `${references.length} ${evidence}`;
  });
  expect(evidence).toEqual([
    '1 unknown',
    '1 unknown',
    '1 unknown',
    '2 inode',
    '1 nothing',
  ]);
});
