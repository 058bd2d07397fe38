/**
 * Pictures of processes: what fork shares, a child's life, signals.
 */
import { CONNECTION, LISTENER } from '../../common/numbers';
import {
  arrow,
  box,
  frame,
  line,
  type Picture,
  type Tone,
  text,
} from '../../common/svg';

/** Which of the two processes holds which of the two sockets. */
interface Moment {
  when: string;
  parent: ['listener' | '', 'client' | ''];
  child: ['listener' | '', 'client' | ''] | null;
  note: string;
  tone: Tone;
}

const MOMENTS: Moment[] = [
  {
    when: '1  before fork',
    parent: ['listener', 'client'],
    child: null,
    note: 'one reference to each',
    tone: 'plain',
  },
  {
    when: '2  after fork',
    parent: ['listener', 'client'],
    child: ['listener', 'client'],
    note: 'two references to each, and still one of each',
    tone: 'plain',
  },
  {
    when: `3  child: close(${LISTENER}), parent: close(${CONNECTION})`,
    parent: ['listener', ''],
    child: ['', 'client'],
    note: 'one reference to each: no FIN',
    tone: 'plain',
  },
  {
    when: `4  child: close(${CONNECTION})`,
    parent: ['listener', ''],
    child: ['', ''],
    note: 'no reference is left: the kernel sends FIN',
    tone: 'good',
  },
];

const PANEL = { width: 390, height: 232 };

/** Descriptor table → open file description → socket, four times. */
export function sharing(): Picture {
  const shapes = MOMENTS.flatMap((moment, index) =>
    panel(
      moment,
      5 + (index % 2) * (PANEL.width + 10),
      10 + Math.floor(index / 2) * (PANEL.height + 10),
    ),
  );
  return {
    title: 'Descriptors, open file descriptions and sockets around fork',
    description:
      `Four moments. Before fork, descriptors ${LISTENER} and ${CONNECTION} of the parent lead to the listener and to the connection. ` +
      'After fork, the same numbers in the child lead to the same two. Then the child closes the listener and the parent the connection: the child alone leads to it. ' +
      'After the child’s close of the connection nobody does, and the kernel sends FIN.',
    height: 2 * PANEL.height + 30,
    shapes,
  };
}

function panel(moment: Moment, x: number, y: number): string[] {
  const { when, parent, child, note, tone } = moment;
  const shapes = [
    frame([x, y, PANEL.width, PANEL.height], 'plain', when),
    ...table('parent', parent, x + 12, y + 38, x),
  ];
  if (child) shapes.push(...table('child', child, x + 12, y + 122, x));
  const held = [...parent, ...(child ?? [])].includes('client');
  shapes.push(
    text(x + 218, y + 50, 'open file description', 'soft middle'),
    text(x + 333, y + 50, 'socket', 'soft middle'),
    box([x + 176, y + 64, 88, 36], 'kernel', ['1']),
    box([x + 176, y + 136, 88, 36], held ? 'kernel' : 'plain', ['2']),
    box([x + 284, y + 64, 98, 36], 'socket', ['listener']),
    box([x + 284, y + 136, 98, 36], held ? 'socket' : 'good', ['connection']),
    arrow([x + 264, y + 82, x + 283, y + 82]),
    arrow([x + 264, y + 154, x + 283, y + 154], 'plain', held ? '' : 'dashed'),
    text(
      x + PANEL.width / 2,
      y + PANEL.height - 12,
      note,
      tone === 'good' ? 'middle strong' : 'middle soft',
    ),
  );
  return shapes;
}

function table(
  name: string,
  fds: string[],
  x: number,
  y: number,
  left: number,
): string[] {
  const shapes = [text(x, y + 12, name, 'soft')];
  fds.forEach((held, index) => {
    const row = y + 20 + index * 28;
    const number = `${LISTENER + index}`;
    shapes.push(
      box([x, row, 80, 24], held ? 'process' : 'plain', [number], 'code'),
    );
    if (!held) {
      shapes.push(line([x + 8, row + 12, x + 72, row + 12], 'plain'));
      return;
    }
    const target = index === 0 ? 82 : 154;
    const offset = name === 'parent' ? -6 : 6;
    const panelTop = name === 'parent' ? y - 38 : y - 122;
    shapes.push(
      arrow([x + 80, row + 12, left + 175, panelTop + target + offset]),
    );
  });
  return shapes;
}

/** From fork through zombie to reaped. */
export function life(): Picture {
  const stages: [string[], Tone, string][] = [
    [['running', 'state R or S'], 'process', ''],
    [['zombie', 'state Z'], 'bad', ''],
    [['gone'], 'good', ''],
  ];
  const xs = [120, 350, 590];
  const shapes = stages.map(([lines, tone], i) =>
    box([xs[i] ?? 0, 70, 130, 60], tone, lines),
  );
  const step = (from: number, to: number, label: string) => [
    arrow([from, 100, to, 100]),
    text((from + to) / 2, 88, label, 'code middle'),
  ];
  shapes.push(
    ...step(20, 119, 'fork'),
    ...step(250, 349, '_exit(0)'),
    ...step(480, 589, 'waitpid'),
    text(185, 158, 'memory, descriptors,', 'soft middle'),
    text(185, 176, 'a PID', 'soft middle'),
    text(415, 158, 'no memory, no descriptors:', 'soft middle'),
    text(415, 176, 'a PID and an exit status', 'soft middle'),
    text(655, 158, 'the PID may be', 'soft middle'),
    text(655, 176, 'used again', 'soft middle'),
    arrow([415, 70, 415, 40, 455, 40], 'process', 'dashed'),
    text(465, 45, 'SIGCHLD to the parent: “look, when you can”'),
    arrow([415, 190, 415, 226, 655, 226, 655, 190], 'plain', 'dashed'),
    text(535, 218, 'the parent ends: init waits', 'soft middle'),
  );
  return {
    title: 'A child’s life',
    description:
      'fork makes the child. It runs until _exit, and is then a zombie: without memory and descriptors, with a PID and an exit status. ' +
      'The parent gets SIGCHLD. When it calls waitpid, the zombie is gone. If the parent ends first, init adopts the zombie and waits.',
    height: 255,
    shapes,
  };
}

/** Five children end, one signal arrives. */
export function signals(): Picture {
  const shapes = [
    text(20, 30, 'five children end while the parent is busy', 'strong'),
    text(20, 205, 'one bit per signal', 'strong'),
    text(20, 225, 'in the parent: pending or not', 'soft'),
  ];
  for (let i = 0; i < 5; i++) {
    const x = 20 + i * 72;
    shapes.push(
      box([x, 50, 60, 40], 'bad', [`${i + 1}`], 'code'),
      arrow(
        [x + 30, 90, 170 + i * 6, 148],
        i === 0 ? 'process' : 'plain',
        i === 0 ? '' : 'dashed',
      ),
    );
  }
  shapes.push(
    box([110, 150, 150, 34], 'process', ['SIGCHLD: 1'], 'code'),
    arrow([260, 167, 424, 188]),
    arrow([260, 167, 424, 98]),
    text(335, 222, 'the handler runs once:', 'soft middle'),
    text(335, 240, 'with which code in it?', 'soft middle'),
    box([425, 60, 355, 76], 'bad', [
      'one waitpid',
      '1 is reaped, 2 3 4 5 stay zombies',
    ]),
    box([425, 150, 355, 76], 'good', [
      'waitpid in a loop, until nobody is left',
      '1 2 3 4 5 are reaped',
    ]),
  );
  return {
    title: 'Signals are not counted',
    description:
      'Five children end while the parent is busy. Each sends SIGCHLD, but a pending signal is one bit: the handler runs once. ' +
      'With one waitpid, four children stay zombies. With waitpid in a loop all five are reaped.',
    height: 255,
    shapes,
  };
}
