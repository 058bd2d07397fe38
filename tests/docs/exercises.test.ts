/**
 * The exercises: what a reader begins with does not pass, the solution does,
 * and who goes wrong is told how.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Aim,
  EXERCISES,
  reasonFor,
  wordsOf,
} from '../../tools/exercise/exercises';
import { linesOf, readWords } from '../../tools/exercise/page';
import { lookFor } from '../../tools/exercise/round';
import type { Target } from '../../tools/harness/servers';
import { compileMutants, type Edit } from '../support/mutant';
import { targetOf } from '../support/server';

interface Attempt {
  /** In the solution, or in what a reader begins with. */
  of: 'solution' | 'start';
  edits: Edit[];
  /** What is said about it. */
  told: string;
}

/** What readers do, by the name of the exercise. */
const WRONG: Record<string, Attempt[]> = {
  'close-too-early': [
    {
      of: 'start',
      edits: [['    close(client);\n', '']],
      told: 'Nobody closes the connection.',
    },
  ],
  'one-line': [
    {
      of: 'solution',
      edits: [['    const pid', '    close(client);\n    const pid']],
      told: 'The connection was closed before the child had a descriptor',
    },
    {
      of: 'start',
      edits: [
        ['import { accept,', 'import { shutdown, accept,'],
        ['        close(client);', '        shutdown(client, 1);'],
      ],
      told: 'Only close(2) does that.',
    },
  ],
  'keep-the-listener': [
    {
      of: 'start',
      edits: [['        close(client);\n', '']],
      told: 'Each child has closed its copy of the listener.',
    },
  ],
  'content-length': [
    {
      of: 'solution',
      edits: [['byteLength(body)', 'byteLength(formatHead(200) + body)']],
      told: 'The length is in bytes, without the head.',
    },
  ],
  'without-a-terminal': [
    {
      of: 'start',
      edits: [['  for (const fd of [0, 1, 2]) close(fd);\n', '']],
      told: 'It still holds what it was started with',
    },
  ],
  'wait-in-the-loop': [
    {
      of: 'solution',
      edits: [['waitpid(pid, 0)', 'waitpid(pid, 1)']],
      told: 'it did not wait until the child had ended',
    },
  ],
  'limit-children': [
    {
      of: 'solution',
      edits: [
        ['const wait = () => (', 'const wait = ('],
        ['wait())', 'wait)'],
      ],
      told: 'does the parent wait for one only?',
    },
  ],
  'no-race': [
    {
      of: 'start',
      edits: [['    const client', '    reapChild();\n    const client']],
      told: 'It was delivered, interrupted nothing, and is over.',
    },
  ],
  'last-child': [
    {
      of: 'solution',
      edits: [
        ["kill(pid, 'SIGKILL')", ''],
        ['await waitForLastChild()', ''],
      ],
      told: 'A parent that ends does not take its children along.',
    },
    {
      of: 'solution',
      edits: [['PATIENCE_MS = 1_000', 'PATIENCE_MS = 0']],
      told: 'Children that still worked were ended too early.',
    },
  ],
  'ignore-sigchld': [
    {
      of: 'solution',
      edits: [["signal('SIGCHLD', SIG_IGN)", "signal('SIGCHLD', 0)"]],
      told: 'or says with SIG_IGN that it never will.',
    },
  ],
  'double-fork': [
    {
      of: 'solution',
      edits: [['if (fork() !== 0)', 'if (fork() === 0)']],
      told: 'Who serves has a parent that lives',
    },
    {
      of: 'solution',
      edits: [['        close(listener);\n', '']],
      told: 'It has inherited the listener.',
    },
  ],
  prefork: [
    {
      of: 'solution',
      edits: [['let running = 0; ; running--', 'let running = 0; ; ']],
      told: 'waitpid returns in the parent: then one is missing',
    },
  ],
};

/** Each attempt, by a name of its own. */
const attempts = Object.entries(WRONG).flatMap(([name, all]) =>
  all.map(
    (attempt, i) => [`${name}, attempt ${i + 1}`, name, attempt] as const,
  ),
);

const ours = EXERCISES.filter(({ start }) => start !== null);

function exerciseOf(name: string) {
  const exercise = ours.find((one) => one.name === name);
  if (!exercise) throw new Error(`there is no ${name}`);
  return exercise;
}

function mutantOf(name: string, { of, edits }: Pick<Attempt, 'of' | 'edits'>) {
  const { start, solution, edits: before = [] } = exerciseOf(name);
  return of === 'start'
    ? { program: start ?? '', edits: [...before, ...edits] }
    : { program: solution ?? '', edits };
}

let compiled: ReturnType<typeof compileMutants<string>>;

beforeAll(() => {
  compiled = compileMutants<string>({
    ...Object.fromEntries(
      ours.map(({ name }) => [
        name,
        mutantOf(name, { of: 'start', edits: [] }),
      ]),
    ),
    ...Object.fromEntries(
      attempts.map(([key, name, attempt]) => [key, mutantOf(name, attempt)]),
    ),
  });
});

afterAll(() => compiled.remove());

/** Looks at a program as the command does. */
function judge(name: string, program: string) {
  const { aims, flags } = exerciseOf(name);
  return judgeBy(aims, targetOf(program, flags));
}

/** @returns with what a reader is told about what is not right */
async function judgeBy(aims: Aim[], target: Target) {
  for (const aim of aims) {
    const finding = await lookFor(aim, target);
    const said = wordsOf(finding);
    const reason = reasonFor(aim, said);
    if (finding.verdict !== 'good') return { solved: false, said, reason };
  }
  return { solved: true, said: '', reason: '' };
}

describe.concurrent('what a reader begins with is not solved, and why', () => {
  test.for(ours)('$name', async ({ name }) => {
    const program = compiled.programs[name] ?? '';
    const { solved, said, reason } = await judge(name, program);
    expect(solved).toBe(false);
    expect(reason, said).not.toBe('');
  });
});

describe.concurrent('the solution is one', () => {
  test.for(ours)('$name', async ({ name, solution }) => {
    const { solved, said } = await judge(name, solution ?? '');
    expect(solved, said).toBe(true);
  });
});

describe.concurrent('who goes wrong is told how', () => {
  test.for(attempts)('%s', async ([key, name, { told }]) => {
    const program = compiled.programs[key] ?? '';
    const { solved, said, reason } = await judge(name, program);
    expect(solved).toBe(false);
    expect(reason, said).toContain(told);
  });
});

test('every exercise has an attempt that goes wrong', () => {
  expect(Object.keys(WRONG)).toEqual(ours.map(({ name }) => name));
});

const TWO = /no client waits|no zombie stays$/;

describe.concurrent('a server in another language', () => {
  const own = EXERCISES.find(({ name }) => name === 'own-server');
  const judgeOwn = async (command: string[]) => {
    if (!own) throw new Error('there is no such exercise');
    // All experiments are made with the stages. Here, two are enough.
    const aims = own.aims.filter(({ expected }) => TWO.test(expected));
    return judgeBy(aims, { command });
  };
  // Whoever has Python can try it.
  const hasPython = spawnSync('python3', ['--version']).status === 0;

  test('that does not listen is none', async () => {
    const { solved, said } = await judgeOwn(['sh', '-c', 'exit 0']);
    expect(solved).toBe(false);
    expect(said).toContain('it ended with status 0 before it listened');
  });

  test.runIf(hasPython)('that serves in one process is told so', async () => {
    const iterative = `
import socket, sys
listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))
while True:
    client, _ = listener.accept()
    client.recv(4096)
`;
    const command = ['python3', '-c', iterative, '{port}'];
    const { solved, said } = await judgeOwn(command);
    expect(solved).toBe(false);
    expect(said).toContain('is sleeping in recvfrom');
  });

  test.runIf(hasPython)('that closes and reaps is one', async () => {
    const twin = ['python3', 'tools/bench/twins/server.py', '{port}'];
    const { solved, said } = await judgeOwn(twin);
    expect(solved, said).toBe(true);
  });
});

describe('the page', () => {
  const words = readWords();

  test('has the exercises in the order of the command', () => {
    const numbers = words.map(({ number }) => number);
    expect(numbers).toEqual(EXERCISES.map((_, index) => index + 1));
    for (const [index, { solution }] of EXERCISES.entries()) {
      const file = solution?.split('/').at(-1) ?? 'server.py';
      expect(words[index]?.solution).toContain(`${file}`);
    }
  });

  test.each(words)('has all that exercise $number takes', (one) => {
    expect(one.after).toMatch(/^(After|With|At) /);
    expect(one.task).not.toBe('');
    expect(one.question).toMatch(/\?/);
    expect(one.hints.length).toBeGreaterThan(1);
    expect(one.hints.length).toBeLessThan(4);
    const texts = [one.task, one.question, ...one.hints, one.solution];
    for (const line of texts.flatMap((text) => linesOf(text, 78))) {
      expect(line.length).toBeLessThan(80);
      expect(line).not.toMatch(/\]\(|<details>|\*\*/);
    }
  });

  test('has a section for every solution that there is', () => {
    const files = readdirSync('docs/exercises').filter((file) =>
      file.endsWith('.ts'),
    );
    const solutions = EXERCISES.map(({ solution }) => `${solution}.ts`);
    for (const file of files) {
      expect(solutions).toContain(`docs/exercises/${file}`);
    }
  });
});
