import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { address, integer, readFlags, seconds, toggle } from '#shared/flags';
import { startProgram as start } from '../../tools/harness/programs';
import { waitFor } from '../../tools/harness/wait';
import {
  childrenOf,
  readProcess,
  readText,
} from '../../tools/kernel/processes';
import { ask, get } from '../support/client';
import {
  built,
  STAGES,
  startProgram,
  startStage,
  untilItListens,
} from '../support/server';

const PART3 = built(STAGES.part3);

/** Runs a command that is expected to end by itself. */
async function run(...args: string[]) {
  const program = startProgram(PART3, args);
  const { code } = await program.ended;
  return { code, output: program.output() };
}

/** One line on stderr, no stack trace: what every refusal looks like. */
function oneLine(output: string): string {
  expect(output.trimEnd().split('\n')).toHaveLength(1);
  expect(output).not.toMatch(/ at .*:\d+/);
  return output.trimEnd();
}

test('a wrong command line ends with status 2 and one line', async () => {
  const { code, output } = await run('--port', 'http');
  expect(oneLine(output)).toMatch(/^part3: --port takes .* \(--help lists/);
  expect(code).toBe(2);
});

describe('what is wrong with a command line is said in one line', () => {
  const flags = {
    port: integer('', [0, 65_535], 8888),
    host: address(''),
    timeout: seconds('', [0.1, 3600], 10),
    quiet: toggle(''),
  };

  test.each([
    [['--port=80x'], '--port takes a whole number from 0 to 65535, not "80x"'],
    [
      ['--port', '1.5'],
      '--port takes a whole number from 0 to 65535, not "1.5"',
    ],
    [['--port='], '--port takes a whole number from 0 to 65535, not ""'],
    [['--port'], '--port takes a whole number from 0 to 65535'],
    [
      ['--host', '::1'],
      '--host takes an IPv4 address such as 127.0.0.1, not "::1"',
    ],
    [
      ['--timeout', '0'],
      '--timeout takes a number of seconds from 0.1 to 3600, not "0"',
    ],
    [['--quiet=yes'], '--quiet takes no value'],
    [['--constructor'], 'unknown flag --constructor'],
    [['-p', '1'], 'unknown flag -p'],
    [['8888'], 'unexpected word "8888"'],
  ])('%j', (args, problem) => {
    const said = vi.spyOn(console, 'error').mockReturnValue();
    const exit = vi.spyOn(process, 'exit').mockImplementation((status) => {
      throw new Error(`exit ${status}`);
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const usage = { name: 'part3', summary: '' };
    expect(() => readFlags(usage, flags, args)).toThrow('exit 2');
    expect(said.mock.calls).toEqual([
      [`part3: ${problem} (--help lists the flags)`],
    ]);
    expect(exit).toHaveBeenCalledOnce();
  });
});

describe('what cannot be done ends with status 1 and one line', () => {
  test('a port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => {
      other.close();
    });
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const { code, output } = await run('--quiet', '--port', `${port}`);
    expect(oneLine(output)).toBe(
      `part3: bind 127.0.0.1:${port}: EADDRINUSE (Address already in use): ` +
        `another program listens there; stop it, or take --port ${port + 1}`,
    );
    expect(code).toBe(1);
  });

  const unprivileged = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
  const portIsFree = Number(readFileSync(unprivileged, 'utf8')) <= 1;

  test.skipIf(portIsFree)('a port that is not allowed', () => {
    // Root may do without this one capability, too.
    const drop = process.getuid?.() === 0;
    const wrapper = drop ? ['setpriv', '--bounding-set=-net_bind_service'] : [];
    const [file = '', ...args] = [...wrapper, process.execPath, PART3];
    const flags = ['--quiet', '--port', '1'];
    const { status, stderr } = spawnSync(file, [...args, ...flags], {
      encoding: 'utf8',
    });
    expect(oneLine(stderr)).toBe(
      'part3: bind 127.0.0.1:1: EACCES (Permission denied): ' +
        'ports below 1024 are for root; take --port 8888',
    );
    expect(status).toBe(1);
  });

  test('an address of another machine', async () => {
    const { code, output } = await run('--quiet', '--host', '192.0.2.1');
    expect(oneLine(output)).toMatch(
      /EADDRNOTAVAIL .* take --host 127\.0\.0\.1/,
    );
    expect(code).toBe(1);
  });

  test('too few descriptors, wherever they run out', async () => {
    for (let limit = 17; limit < 30; limit++) {
      const wrapper = ['prlimit', `--nofile=${limit}`];
      const server = [process.execPath, PART3, '--quiet', '--port', '0'];
      const program = start([...wrapper, ...server], onTestFinished);
      const listens = () => program.output().includes('listens on');
      await waitFor('it listens or ends', () => listens() || program.exit());
      if (listens()) return; // from here on, there are enough
      await program.ended;
      const said = program.output();
      // With even less, Node cannot open our file, and says so if it can.
      if (said && !said.includes('node:internal/modules')) {
        expect(oneLine(said)).toMatch(/^part3: .*EMFILE/);
      }
    }
    throw new Error('it never listened');
  });

  const isolated = ['--mount', 'sh', '-c', 'umount -l /proc && exec "$@"', '-'];
  const canHideProc = spawnSync('unshare', [...isolated, 'true']).status === 0;

  test.runIf(canHideProc)('no /proc', () => {
    const args = [...isolated, process.execPath, PART3, '--port', '0'];
    const { status, stderr } = spawnSync('unshare', args, { encoding: 'utf8' });
    expect(oneLine(stderr)).toContain('mount it');
    expect(status).toBe(1);
  });

  test.each([
    ['platform', 'darwin', /cannot run on darwin: use a dev container, WSL 2/],
    [
      'versions',
      { node: '20.18.3' },
      /Node 20\.18\.3 is too old: install Node/,
    ],
  ])('another %s: %j', async (property, value, sentence) => {
    const pretend = `Object.defineProperty(process, '${property}',
      { value: ${JSON.stringify(value)} })`;
    const program = startProgram('--import', [
      `data:text/javascript,${encodeURIComponent(pretend)}`,
      PART3,
    ]);
    const { code } = await program.ended;
    expect(oneLine(program.output())).toMatch(sentence);
    expect(code).toBe(1);
  });
});

test('--help lists every flag, on stdout, with status 0', async () => {
  const { code, output } = await run('--help');
  const flags = [...output.matchAll(/^ {2}--([\w-]+)/gm)].map(
    ([, flag]) => flag,
  );
  const promised = 'port host backlog max-open-files max-processes quiet trace';
  expect(flags).toEqual(expect.arrayContaining(promised.split(' ')));
  expect(
    Math.max(...output.split('\n').map((line) => line.length)),
  ).toBeLessThanOrEqual(80);
  expect(code).toBe(0);
});

describe('the log', () => {
  test('names the events in the words of the kernel', async () => {
    const server = await startStage('part3');
    const body = await ask(server.port, get('/'));
    const child = /process +(\d+)/.exec(body)?.[1];
    const fd = /descriptor +(\d+)/.exec(body)?.[1];
    process.kill(server.pid, 'SIGTERM');
    await server.ended;
    const lines = server.output().split('\n');
    for (const event of [
      `[${server.pid}] accept → ${fd}`,
      `[${server.pid}] fork → ${child}`,
      `[${server.pid}] close(${fd})`,
      `[${child}] GET / → 200`,
      `[${child}] close(${fd})`,
      `[${server.pid}] reaped ${child} → exit 0`,
    ]) {
      expect(lines).toContain(event); // in a pipe: without colour
    }
  });

  test('shows every system call with --trace, in parent and child', async () => {
    const server = await startStage('part3', ['--trace', '--quiet']);
    const body = await ask(server.port, get('/'));
    const child = /process +(\d+)/.exec(body)?.[1];
    process.kill(server.pid, 'SIGTERM');
    await server.ended;
    const trace = server.output();
    expect(trace).toMatch(
      new RegExp(
        `^\\[${server.pid}\\] accept\\(\\d+, NULL, NULL\\) = \\d+$`,
        'm',
      ),
    );
    expect(trace).toContain(`[${server.pid}] fork() = ${child}\n`);
    expect(trace).toContain(`[${child}] fork() = 0\n`);
    expect(trace).toMatch(
      new RegExp(`^\\[${child}\\] read\\(\\d+, "GET / HTTP/1.1`, 'm'),
    );
    expect(trace).toContain(`[${child}] _exit(0) = ?\n`);
    expect(trace).toContain(`= -1 ECHILD (No child processes)\n`);
  });
});

test('a server becomes the Node that it needs, and --quiet says only where it is', async () => {
  const withFlags = await startStage('part3');
  const without = startProgram(PART3, ['--port', '0', '--quiet']);
  const server = await untilItListens(without, 'part3');
  await ask(server.port, get('/'));
  // It has become another Node, under the PID that it was started with.
  const environment = readText(`/proc/${server.pid}/environ`);
  expect(environment).toContain('GLIBC_TUNABLES=');
  expect(readProcess(server.pid)?.name).toBe('part3');
  expect(readProcess(server.pid)?.threads).toBe(
    readProcess(withFlags.pid)?.threads,
  );
  await waitFor('nothing runs beside it', () => {
    return childrenOf(server.pid).length === 0;
  });
  process.kill(server.pid, 'SIGTERM');
  await server.ended;
  expect(oneLine(server.output())).toMatch(
    RegExp(`^part3 listens on http://.*, PID ${server.pid}$`),
  );
});

test('a server that is started from its source says how to start it', async () => {
  const source = `${STAGES.part3}.ts`;
  const program = start(
    [process.execPath, '--import', 'tsx', source, '--port', '0'],
    onTestFinished,
  );
  expect((await program.ended).code).toBe(1);
  const sentence = `part3 runs compiled: start it with tools/run ${STAGES.part3}`;
  expect(oneLine(program.output())).toBe(sentence);
});
