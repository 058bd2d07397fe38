/**
 * The exercises: what each begins with, and how one sees that it is solved.
 * The words are in docs/exercises/README.md, in the same order.
 */
import type { Experiment, Finding } from '../experiments/findings';
import { EXPERIMENTS, SYMPTOMS, type Symptom } from '../experiments/index';
import { STAGES } from '../harness/stages';
import * as looks from './looks';

/** Something that is to be so. */
export interface Aim {
  expected: string;
  /** Finds `good` where it is as expected. */
  look: Experiment;
  /** What may be behind it if it is not so, by a pattern of what was seen. */
  because: Record<string, string>;
}

/** Which part of a program becomes what. */
export type Edit = [part: string, replacement: string];

export interface Exercise {
  /** What it is called in the names of files. */
  name: string;
  /** The program that a reader begins with; null: an empty file. */
  start: string | null;
  /** What is done to it before. */
  edits?: Edit[];
  /** The program that solves it, if there is one in TypeScript. */
  solution: string | null;
  /** Flags of the server that is looked at. */
  flags?: string[];
  aims: Aim[];
}

/** An exercise that the program of its name solves. */
function exercise(name: string, start: string | null, aims: Aim[]): Exercise {
  return { name, start, solution: `docs/exercises/${name}`, aims };
}

function aim(
  look: Experiment,
  expected: string,
  because: Record<string, string> = {},
): Aim {
  return { expected, look, because };
}

/** Finds `good` where a server has this very fault. */
function fault(symptom: Symptom, sign: RegExp): Experiment {
  return async (target, defer) => {
    const finding = await EXPERIMENTS[symptom].run(target, defer);
    const isIt = finding.verdict === 'bad' && sign.test(wordsOf(finding));
    return { ...finding, verdict: isIt ? 'good' : 'bad' };
  };
}

/** What may be behind it that something is not as expected, if we know. */
export function reasonFor({ because }: Aim, seen: string): string {
  const signs = Object.keys(because);
  return because[signs.find((sign) => RegExp(sign).test(seen)) ?? ''] ?? '';
}

/** All that was seen, as one text. */
export function wordsOf({ figure, evidence }: Finding): string {
  return [figure, ...evidence].join('\n');
}

const END_OF_ANSWER = 'every client sees the end of its answer';
const NO_ZOMBIES = 'no zombie stays';
const CLOSED = {
  'accept descriptor.*EBADF':
    'The listener was closed in the parent: there is nothing to accept from.',
  EBADF:
    'The connection was closed before the child had a descriptor of its own, or the child has closed it before it served.',
};
const STILL_HANGS = {
  'still open in .*the parent':
    'The child has closed its descriptor of the connection, and the parent has not.',
};

/** What a server like part 3 is like, whatever it is written in. */
const PART3_IS_SO: Record<Symptom, string> = {
  waiting: 'no client waits for one that says nothing',
  hanging: END_OF_ANSWER,
  descriptors: 'no descriptors pile up',
  'open files': 'it outlives a limit of 64 descriptors',
  zombies: NO_ZOMBIES,
  processes: 'it outlives a limit on processes',
  interruption: 'no SIGCHLD ends it',
  counting: 'no zombie stays of 50 children that end at once',
  isolation: 'if a process is killed, one client is lost',
  port: 'no child keeps the port',
};

/** What a server does not do is not held against it. */
function noFault(symptom: Symptom): Experiment {
  return async (target, defer) => {
    const finding = await EXPERIMENTS[symptom].run(target, defer);
    return { ...finding, verdict: finding.verdict === 'bad' ? 'bad' : 'good' };
  };
}

export const EXERCISES: Exercise[] = [
  exercise('close-too-early', STAGES.part1, [
    aim(looks.tooEarly, 'a client that has asked gets a reset, and no answer', {
      'its answer and a FIN': 'It is still closed after it was served.',
      'its answer and no end': 'Nobody closes the connection.',
      'accept descriptor': 'It is the listener that was closed.',
    }),
  ]),
  {
    ...exercise('one-line', STAGES.part2, [
      aim(EXPERIMENTS.hanging.run, END_OF_ANSWER, {
        ...CLOSED,
        'still open in .*the parent':
          'Whoever is named there still holds the connection. The FIN comes when the last descriptor is closed.',
      }),
      aim(
        EXPERIMENTS.descriptors.run,
        'the parent has no more descriptors than before',
        {
          'is new in':
            'The connection may be over, but its number is not given back. Only close(2) does that.',
        },
      ),
    ]),
    solution: STAGES.part3a,
  },
  exercise('keep-the-listener', STAGES.part3a, [
    aim(
      fault('port', /3 of 3 children/),
      'a child that works keeps the port after its parent’s end',
      { '0 of': 'Each child has closed its copy of the listener.' },
    ),
    aim(EXPERIMENTS.hanging.run, END_OF_ANSWER, STILL_HANGS),
  ]),
  exercise('content-length', STAGES.part2, [
    aim(
      looks.length,
      'clients leave by themselves, and the parent holds what they left',
      {
        'says no length':
          'A client that is told no length can only wait for the end.',
        'the head says':
          'A client believes the head: it waits for bytes that never come, or does not read all. The length is in bytes, without the head.',
        'parent holds 0':
          'The parent has closed what clients left: right for a server, but here its mistake is to stay, so that you see it hidden.',
        'no answer': 'Did the child fail? Start it by hand, and ask.',
      },
    ),
  ]),
  {
    ...exercise('without-a-terminal', STAGES.part3a, [
      aim(
        looks.standard,
        'a client gets its page alone, and 0, 1 and 2 lead to no terminal, pipe or socket',
        {
          'first line that a client got':
            'The client has the lowest free number, and the log writes to 1.',
          'are not free':
            'It still holds what it was started with: whoever waits for the end of its output waits for ever.',
        },
      ),
    ]),
    edits: [
      [
        '  const listener =',
        '  // No terminal: nobody needs these three any more.\n' +
          '  for (const fd of [0, 1, 2]) close(fd);\n' +
          '  const listener =',
      ],
    ],
    flags: [], // with its log
  },
  exercise('wait-in-the-loop', STAGES.part3a, [
    aim(
      fault('waiting', /the parent\) is sleeping in wait/),
      'a client waits for one that says nothing, since the parent waits for a child',
      {
        'answered first':
          'The parent was back at accept while its child still ran: it did not wait until the child had ended.',
      },
    ),
    aim(EXPERIMENTS.zombies.run, NO_ZOMBIES),
  ]),
  exercise('limit-children', STAGES.part3a, [
    aim(
      looks.limit,
      'never more than eight children, and eight while clients wait; all answered; seven zombies at most',
      {
        '^(9|1\\d|20) children for':
          'Nothing keeps the parent from forking. At the limit, waitpid has to block.',
        '^[1-7] child(ren)? for':
          'The parent waits below the limit: there, it may only ask (WNOHANG).',
        'after one of the eight has ended':
          'One has ended, so there is room for one. Is the number right after each waitpid, and does the parent wait for one only?',
        'in the end': 'The parent asks for too few of them.',
      },
    ),
  ]),
  {
    ...exercise('no-race', STAGES.part3c, [
      aim(
        looks.race,
        'a child that ends just before the parent waits is reaped',
        {
          'the zombie stays':
            'The signal came when the parent had looked and was not yet in the call. It was delivered, interrupted nothing, and is over.',
        },
      ),
    ]),
    edits: [
      [
        '  waitpid(-1, WNOHANG);\n',
        "  while ('pid' in waitpid(-1, WNOHANG));\n",
      ],
    ],
  },
  exercise('last-child', STAGES.part3, [
    aim(
      looks.lastChild,
      'SIGTERM: children have one second, then they are ended, and the parent ends',
      {
        'has not ended': 'The parent waits for a child without a limit.',
        'left a child': 'A parent that ends does not take its children along.',
        'before a second was over':
          'Children that still worked were ended too early. A wait ends at the first signal: is there time left then?',
        'got no answer':
          'The parent did not wait for the child that was nearly done.',
      },
    ),
  ]),
  exercise('ignore-sigchld', STAGES.part3a, [
    aim(looks.ignored, 'SIGCHLD is ignored, and no zombie stays', {
      EINTR: 'A handler interrupts accept. SIG_IGN is no handler.',
      'not ignored, 0 zombies': 'There are no zombies, but for another reason.',
      zombie:
        'The kernel keeps an exit status until the parent asks for it, or says with SIG_IGN that it never will.',
    }),
  ]),
  exercise('double-fork', STAGES.part3a, [
    aim(
      looks.grandchild,
      'a client is served by an orphan, which does not keep the port; no zombie stays',
      {
        'hold the connection': 'Whoever does not serve has to close or to end.',
        'by no orphan':
          'Who serves has a parent that lives, and will be its zombie.',
        'keeps the port': 'It has inherited the listener.',
        zombie: 'The server has not asked for the child between.',
      },
    ),
  ]),
  exercise('prefork', STAGES.part3a, [
    aim(
      looks.workers,
      'two workers before any client comes, one client each; a killed one is replaced',
      {
        'before any client': 'They are to be there when it begins.',
        'others than the two':
          'Workers accept by themselves; the parent accepts nobody and forks for nobody.',
        'not replaced':
          'When one has ended, waitpid returns in the parent: then one is missing.',
        '3 of 3 clients accepted': 'More than two accept.',
      },
    ),
  ]),
  {
    ...exercise(
      'own-server',
      null,
      SYMPTOMS.map((name) => aim(noFault(name), PART3_IS_SO[name])),
    ),
    solution: null,
  },
];
