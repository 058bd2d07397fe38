/**
 * The emulated machine's command, with programs in place of QEMU, debootstrap
 * and the others that take minutes. What they leave is a folder of the test's.
 */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startProgram } from '../../tools/harness/programs';
import { isRunning } from '../../tools/harness/servers';
import { waitFor } from '../../tools/harness/wait';
import { treeOf } from '../../tools/kernel/processes';

/** Starts the command in a copy, with what it calls as shell scripts. */
function startCommand(
  args: string[],
  programs: Record<string, string>,
  others = '/usr/bin:/bin',
) {
  const folder = mkdtempSync(join(tmpdir(), 'arm64-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync('tools/arm64', join(folder, 'tools/arm64'), { recursive: true });
  mkdirSync(join(folder, 'bin'));
  for (const [name, script] of Object.entries(programs)) {
    const file = join(folder, 'bin', name);
    writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  const system = join(folder, 'build/arm64/trixie-4');
  mkdirSync(system, { recursive: true });
  for (const name of ['archive', 'kernel'])
    writeFileSync(join(system, name), '');
  const PATH = `${join(folder, 'bin')}:${others}`;
  const program = startProgram(
    [join(folder, 'tools/arm64/main'), ...args],
    onTestFinished,
    { env: { ...process.env, PATH } },
  );
  const left = () => readdirSync(join(folder, 'build/arm64')).sort();
  return { ...program, left };
}

const INSTALLED = {
  debootstrap: '',
  'dpkg-deb': '',
  cpio: 'cat >/dev/null',
  git: '',
  npm: '',
};
const KEPT = ['trixie-4', 'trixie-4-node20.log'];
const says = (row: string) => `printf '| ${row}\\r\\n'`;

test.each([
  ['passed 1 s it', 0, '1 of 1'],
  ['FAILED 1 s it', 1, '0 of 1'],
  ['Linux', 1, '0 of 1'], // and then it stood still
])('an emulated machine that says "%s"', async (row, code, count) => {
  const machine = { ...INSTALLED, 'qemu-system-aarch64': says(row) };
  const { ended, output, left } = startCommand(['--run', 'it'], machine);
  expect(await ended).toEqual({ code, signal: null });
  expect(output()).toBe(
    `${row}\n${count} have passed; what they said is in build/arm64/trixie-4-node20.log\n`,
  );
  expect(left()).toEqual(KEPT);
});

test('at Ctrl-C the emulated machine goes, with all that was for it', async () => {
  const script = `${says('Linux')}\nexec sleep 1000`;
  const machine = { ...INSTALLED, 'qemu-system-aarch64': script };
  const program = startCommand([], machine);
  await waitFor('it runs', () => program.output().includes('Linux'));
  const others = treeOf(program.pid).filter((pid) => pid !== program.pid);
  expect(others.length).toBeGreaterThan(1);
  process.kill(program.pid, 'SIGINT');
  expect(await program.ended).toEqual({ code: 130, signal: null });
  await waitFor('none is left', () => !others.some(isRunning));
  expect(program.left()).toEqual(KEPT);
});

test.each([
  [['--pages', '8'], '--pages takes 4 or 16'],
  [['--pages'], '--pages takes a value'],
  [['--kernel', '6'], 'unknown flag --kernel'],
  [['24'], 'unknown flag 24'],
])('arm64 %j is wrong', async (args, problem) => {
  const { ended, output } = startCommand(args, {});
  expect(await ended).toEqual({ code: 2, signal: null });
  expect(output()).toBe(`arm64: ${problem} (--help lists the flags)\n`);
});

test('what is not installed is said in one line', async () => {
  const { ended, output } = startCommand([], INSTALLED, '');
  expect((await ended).code).toBe(1);
  expect(output()).toMatch(/^arm64: \S+ is missing: on Debian, apt-get .*\n$/);
});
