/**
 * The exercises: what each begins with, and how one sees that it is solved.
 * The words are in docs/exercises/README.md, in the same order.
 */
import type { Finding } from '../experiments/findings';
import { EXPERIMENTS, SYMPTOMS, type Symptom } from '../experiments/index';
import type { Defer } from '../harness/programs';
import type { Target } from '../harness/servers';
import { STAGES } from '../harness/stages';
import { length, standard, tooEarly } from './connections';
import {
  grandchild,
  ignored,
  lastChild,
  limit,
  race,
  workers,
} from './families';

/** Something that is to be so. */
export interface Aim {
  expected: string;
  /** Finds `good` where it is as expected. */
  look: (target: Target, defer: Defer) => Promise<Finding>;
  /** What may be behind it if it is not so, by a pattern of what was seen. */
  because?: Record<string, string>;
}

/** Which part of a stage becomes what, before a reader begins. */
type Edit = [part: string, replacement: string];

export interface Exercise {
  /** What it is called in the names of files. */
  name: string;
  /** The program that a reader begins with; null: an empty file. */
  start: string | null;
  edits?: Edit[];
  /** The program that solves it, if there is one in TypeScript. */
  solution: string | null;
  /** Flags of the server that is looked at. */
  flags?: string[];
  aims: Aim[];
}

/** As `npm run examine` has it. */
function wanted(
  symptom: Symptom,
  expected: string,
  because: Aim['because'] = {},
): Aim {
  return { expected, look: EXPERIMENTS[symptom].run, because };
}

/** The other way round: a server is to have this very fault. */
function unwanted(
  symptom: Symptom,
  expected: string,
  sign: RegExp,
  because: Aim['because'] = {},
): Aim {
  const look: Aim['look'] = async (target, defer) => {
    const finding = await EXPERIMENTS[symptom].run(target, defer);
    const isIt = finding.verdict === 'bad' && sign.test(wordsOf(finding));
    return { ...finding, verdict: isIt ? 'good' : 'bad' };
  };
  return { expected, look, because };
}

/** What may be behind it that something is not as expected, if we know. */
export function reasonFor({ because = {} }: Aim, seen: string): string {
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
function unlessBad(look: Aim['look']): Aim['look'] {
  return async (target, defer) => {
    const finding = await look(target, defer);
    return { ...finding, verdict: finding.verdict === 'bad' ? 'bad' : 'good' };
  };
}

export const EXERCISES: Exercise[] = [
  {
    name: 'close-too-early',
    start: STAGES.part1,
    solution: 'docs/exercises/close-too-early',
    aims: [
      {
        expected: 'a client that has asked gets a reset, and no answer',
        look: tooEarly,
        because: {
          'its answer and a FIN': 'It is still closed after it was served.',
          'its answer and no end': 'Nobody closes the connection.',
          'accept descriptor': 'It is the listener that was closed.',
        },
      },
    ],
  },
  {
    name: 'one-line',
    start: STAGES.part2,
    solution: STAGES.part3a,
    aims: [
      wanted('hanging', END_OF_ANSWER, {
        ...CLOSED,
        'still open in .*the parent':
          'Whoever is named there still holds the connection. The FIN comes when the last descriptor is closed.',
      }),
      wanted('descriptors', 'the parent has no more descriptors than before', {
        'is new in':
          'The connection may be over, but its number is not given back. Only close(2) does that.',
      }),
    ],
  },
  {
    name: 'keep-the-listener',
    start: STAGES.part3a,
    solution: 'docs/exercises/keep-the-listener',
    aims: [
      unwanted(
        'port',
        'a child that works keeps the port after its parent’s end',
        /3 of 3 children/,
        { '0 of': 'Each child has closed its copy of the listener.' },
      ),
      wanted('hanging', END_OF_ANSWER, STILL_HANGS),
    ],
  },
  {
    name: 'content-length',
    start: STAGES.part2,
    solution: 'docs/exercises/content-length',
    aims: [
      {
        expected:
          'clients leave by themselves, and the parent holds what they left',
        look: length,
        because: {
          'says no length':
            'A client that is told no length can only wait for the end.',
          'the head says':
            'A client believes the head: it waits for bytes that never come, or does not read all. The length is in bytes, without the head.',
          'parent holds 0':
            'The parent has closed what clients left: right for a server, but here its mistake is to stay, so that you see it hidden.',
          'no answer': 'Did the child fail? Start it by hand, and ask.',
        },
      },
    ],
  },
  {
    name: 'without-a-terminal',
    start: STAGES.part3a,
    edits: [
      [
        '  const listener =',
        '  // No terminal: nobody needs these three any more.\n' +
          '  for (const fd of [0, 1, 2]) close(fd);\n' +
          '  const listener =',
      ],
    ],
    solution: 'docs/exercises/without-a-terminal',
    flags: [], // with its log
    aims: [
      {
        expected:
          'a client gets its page alone, and 0, 1 and 2 lead to no terminal, pipe or socket',
        look: standard,
        because: {
          'first line that a client got':
            'The client has the lowest free number, and the log writes to 1.',
          'are not free':
            'It still holds what it was started with: whoever waits for the end of its output waits for ever.',
        },
      },
    ],
  },
  {
    name: 'wait-in-the-loop',
    start: STAGES.part3a,
    solution: 'docs/exercises/wait-in-the-loop',
    aims: [
      unwanted(
        'waiting',
        'a client waits for one that says nothing, since the parent waits for a child',
        /the parent\) is sleeping in wait/,
        {
          'answered first':
            'The parent was back at accept while its child still ran: it did not wait until the child had ended.',
        },
      ),
      wanted('zombies', NO_ZOMBIES),
    ],
  },
  {
    name: 'limit-children',
    start: STAGES.part3a,
    solution: 'docs/exercises/limit-children',
    aims: [
      {
        expected:
          'never more than eight children, and eight while clients wait; all answered; seven zombies at most',
        look: limit,
        because: {
          '^(9|1\\d|20) children for':
            'Nothing keeps the parent from forking. At the limit, waitpid has to block.',
          '^[1-7] child(ren)? for':
            'The parent waits below the limit: there, it may only ask (WNOHANG).',
          'after one of the eight has ended':
            'One has ended, so there is room for one. Is the number right after each waitpid, and does the parent wait for one only?',
          'in the end': 'The parent asks for too few of them.',
        },
      },
    ],
  },
  {
    name: 'no-race',
    start: STAGES.part3c,
    edits: [
      [
        '  waitpid(-1, WNOHANG);\n',
        "  while ('pid' in waitpid(-1, WNOHANG));\n",
      ],
    ],
    solution: 'docs/exercises/no-race',
    aims: [
      {
        expected: 'a child that ends just before the parent waits is reaped',
        look: race,
        because: {
          'the zombie stays':
            'The signal came when the parent had looked and was not yet in the call. It was delivered, interrupted nothing, and is over.',
        },
      },
    ],
  },
  {
    name: 'last-child',
    start: STAGES.part3,
    solution: 'docs/exercises/last-child',
    aims: [
      {
        expected:
          'SIGTERM: children have one second, then they are ended, and the parent ends',
        look: lastChild,
        because: {
          'has not ended': 'The parent waits for a child without a limit.',
          'left a child':
            'A parent that ends does not take its children along.',
          'before a second was over': 'The children were ended at once.',
          'got no answer':
            'The parent did not wait for the child that was nearly done.',
        },
      },
    ],
  },
  {
    name: 'ignore-sigchld',
    start: STAGES.part3a,
    solution: 'docs/exercises/ignore-sigchld',
    aims: [
      {
        expected: 'SIGCHLD is ignored, and no zombie stays',
        look: ignored,
        because: {
          EINTR: 'A handler interrupts accept. SIG_IGN is no handler.',
          'not ignored, 0 zombies':
            'There are no zombies, but for another reason.',
          zombie:
            'The kernel keeps an exit status until the parent asks for it, or says with SIG_IGN that it never will.',
        },
      },
    ],
  },
  {
    name: 'double-fork',
    start: STAGES.part3a,
    solution: 'docs/exercises/double-fork',
    aims: [
      {
        expected:
          'a client is served by an orphan, which does not keep the port; no zombie stays',
        look: grandchild,
        because: {
          'hold the connection':
            'Whoever does not serve has to close or to end.',
          'by no orphan':
            'Who serves has a parent that lives, and will be its zombie.',
          'keeps the port': 'It has inherited the listener.',
          zombie: 'The server has not asked for the child between.',
        },
      },
    ],
  },
  {
    name: 'prefork',
    start: STAGES.part3a,
    solution: 'docs/exercises/prefork',
    aims: [
      {
        expected:
          'two workers before any client comes, one client each; a killed one is replaced',
        look: workers,
        because: {
          'before any client': 'They are to be there when it begins.',
          'others than the two':
            'Workers accept by themselves; the parent accepts nobody and forks for nobody.',
          'not replaced':
            'When one has ended, waitpid returns in the parent: then one is missing.',
          '3 of 3 clients accepted': 'More than two accept.',
        },
      },
    ],
  },
  {
    name: 'own-server',
    start: null,
    solution: null,
    aims: SYMPTOMS.map((symptom) => ({
      expected: PART3_IS_SO[symptom],
      look: unlessBad(EXPERIMENTS[symptom].run),
    })),
  },
];
