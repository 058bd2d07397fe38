import { once } from 'node:events';
import { openSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { release } from 'node:os';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  close,
  formatPair,
  getpeername,
  getsockname,
  openListener,
} from '#shared/sockets';
import { startProgram } from '../../tools/harness/programs';
import { waitFor } from '../../tools/harness/wait';
import {
  compareDescriptors,
  descriptorsOf,
} from '../../tools/kernel/descriptors';
import {
  endOf,
  endOfZombie,
  forget,
  remember,
} from '../../tools/kernel/endings';
import {
  childrenOf,
  limitsOf,
  listPids,
  memoryOf,
  ownMemoryOf,
  readProcess,
  readUptime,
  threadsOfUser,
  userOf,
  zombiesOf,
} from '../../tools/kernel/processes';
import { readTables } from '../../tools/kernel/procnet';
import { describeState, sleepOf } from '../../tools/kernel/sleeps';
import { dumpSockets } from '../../tools/kernel/sockdiag';
import {
  findHolders,
  findListeners,
  listSockets,
} from '../../tools/kernel/sockets';
import type { TcpSocket } from '../../tools/kernel/tcp';
import { openClient } from '../support/client';
import { startStage } from '../support/server';

const LISTENER = { host: '127.0.0.1', port: 0, backlog: 5, patience: 60 };
const NO_PID = 4_194_305; // more than pid_max can be, see proc_sys_kernel(5)

describe('a process', () => {
  test('is what it says it is', () => {
    const uptime = process.uptime();
    const self = readProcess(process.pid);
    expect(self).toMatchObject({ pid: process.pid, parent: process.ppid });
    // Node begins to count a little later than the kernel.
    const age = readUptime() - (self?.startedAt ?? 0);
    expect(age).toBeGreaterThan(uptime - 0.1);
    expect(userOf(process.pid)).toBe(process.getuid?.());
    expect(threadsOfUser(userOf(process.pid) ?? -1)).toBeGreaterThan(0);
    expect(listPids()).toContain(process.pid);
  });

  test('has the limits it was given', async () => {
    const { pid } = await startStage('part1', ['--max-open-files', '64']);
    expect(limitsOf(pid)?.openFiles).toEqual({ soft: 64, hard: 64 });
    expect(limitsOf(pid)?.processes.soft).toBeGreaterThan(0);
  });

  test('sleeps in accept, on its listener', async () => {
    const server = await startStage('part1');
    await waitFor('it sleeps', () => readProcess(server.pid)?.state === 'S');
    const listener = findListeners().find(
      ({ socket }) => socket.local.port === server.port,
    );
    expect(listener?.pid).toBe(server.pid);
    const sleep = sleepOf(server.pid);
    expect(sleep).toMatchObject({ call: 'accept', descriptor: listener?.fd });
  });

  test('sleeps in poll, on its listener among others', async () => {
    const server = await startStage('part3');
    // arm64 has no poll; C's is made of ppoll there.
    const polls = () => /^p?poll$/.test(sleepOf(server.pid)?.call ?? '');
    await waitFor('it sleeps', polls);
    const among = sleepOf(server.pid)?.among;
    // Its memory can be read by root, and mostly by its user.
    if (among) expect(among).toContain(findListeners([server.pid])[0]?.fd);
    else expect(process.getuid?.()).not.toBe(0);
  });

  test('is known by its end to whoever has remembered it', async () => {
    const running = startProgram(['sleep', '600'], onTestFinished);
    const ended = startProgram(['sh', '-c', 'read x; exit 3'], onTestFinished, {
      stdio: 'pipe',
    });
    const [a, b] = [running, ended].map(({ pid }) => {
      const remembered = remember(pid);
      onTestFinished(() => forget(remembered));
      return remembered;
    });
    ended.process.stdin?.end();
    await ended.ended;
    expect(a && endOf(a)).toBeNull();
    const told = { pid: ended.pid, how: 'exited', status: 3 };
    // See PIDFD_INFO_EXIT.
    const [major = 0, minor = 0] = release().split('.').map(Number);
    const tells = major > 6 || (major === 6 && minor >= 15);
    expect(b && endOf(b)).toEqual(tells ? told : null);
  });

  test('has little memory for itself when it is a child', async () => {
    const { pid, port } = await startStage('part3');
    await openClient(port); // and says nothing
    const child = await waitFor('a child', () => childrenOf(pid)[0]);
    await waitFor('it waits', () => readProcess(child)?.state === 'S');
    const own = ownMemoryOf(child);
    expect(own).toBeGreaterThan(100);
    expect(own).toBeLessThan((memoryOf(child) ?? 0) / 4);
    expect(ownMemoryOf(NO_PID)).toBeNull();
  });

  test('may be called anything, parentheses and spaces included', () => {
    const title = process.title;
    onTestFinished(() => {
      process.title = title;
    });
    process.title = 'a) R 1 (b';
    const self = readProcess(process.pid);
    expect(self).toMatchObject({ name: 'a) R 1 (b', parent: process.ppid });
  });

  test('may vanish while it is looked at', () => {
    expect(readProcess(NO_PID)).toBeNull();
    expect(descriptorsOf(NO_PID)).toBeNull();
    expect(limitsOf(NO_PID)).toBeNull();
    expect(sleepOf(NO_PID)).toBeNull();
    expect(userOf(NO_PID)).toBeNull();
    expect(childrenOf(NO_PID)).toEqual([]);
    expect(findHolders([NO_PID])).toEqual(new Map());
  });

  test('is a zombie without descriptors until it is waited for', async () => {
    const server = await startStage('part2');
    const client = await openClient(server.port);
    client.send('GET /crash HTTP/1.0\r\n\r\n');
    const [zombie] = await waitFor('there is a zombie', () => {
      const zombies = zombiesOf(server.pid);
      return zombies.length > 0 && zombies;
    });
    expect(zombie && describeState(zombie)).toBe('zombie');
    expect(endOfZombie(zombie?.pid ?? 0)).toMatchObject({
      how: 'killed',
      signal: 'SIGSEGV',
    });
    expect(zombie?.parent).toBe(server.pid);
    expect(descriptorsOf(zombie?.pid ?? 0)?.size ?? 0).toBe(0);
  });
});

describe('two descriptors', () => {
  test('are one description, or not', () => {
    const pid = process.pid;
    const [a, b] = ['/dev/null', '/dev/null'].map((path) => {
      const fd = openSync(path, 'r');
      onTestFinished(() => close(fd));
      return { pid, fd };
    });
    if (!a || !b) throw new Error('not opened');
    const itself = compareDescriptors(a, a);
    // Without kcmp, equal paths prove nothing about files.
    expect(itself ?? 'unknown').toEqual(
      itself ? { same: true, evidence: 'kcmp' } : 'unknown',
    );
    expect(compareDescriptors(a, b)?.same ?? false).toBe(false);
    expect(compareDescriptors(a, { pid: NO_PID, fd: 0 })).toBeNull();
  });
});

describe('a socket', () => {
  test('is listed with its queue and its holder', async () => {
    const fd = openListener(LISTENER);
    onTestFinished(() => close(fd));
    const inode = Number(/\d+/.exec(descriptorsOf(process.pid)?.get(fd) ?? ''));
    const row = () => listSockets().find((socket) => socket.inode === inode);
    expect(row()).toMatchObject({ state: 'LISTEN', receiveQueue: 0 });
    expect(findHolders().get(inode)).toEqual([{ pid: process.pid, fd }]);

    const { port } = row()?.local ?? { port: 0 };
    const client = await openClient(port);
    await waitFor('it waits in the queue', () => row()?.receiveQueue === 1);
    const [waiting] = listSockets().filter(
      ({ local, remote }) => local.port === port && remote.port === client.port,
    );
    // Connected, although nobody has accepted it: no descriptor, no inode.
    expect(waiting).toMatchObject({ state: 'ESTABLISHED', inode: 0 });
  });

  test('bears the name that getsockname and getpeername tell', async () => {
    const fd = openListener(LISTENER);
    onTestFinished(() => close(fd));
    expect(() => getpeername(fd)).toThrow('ENOTCONN');
    const pids = [process.pid];
    const inodes = [...findHolders(pids)].filter(([, holders]) =>
      holders.some((holder) => holder.fd === fd),
    );
    const inode = inodes[0]?.[0];
    const socket = listSockets().find((row) => row.inode === inode);
    expect(socket?.remote).toEqual({ address: '0.0.0.0', port: 0 });
  });

  test('is told of alike by sock_diag and by /proc', async () => {
    const fd = openListener({ ...LISTENER, backlog: 7 });
    onTestFinished(() => close(fd));
    const v6 = createServer().listen(0, '::');
    await once(v6, 'listening');
    onTestFinished(() => {
      v6.close();
    });
    const ports = [getsockname(fd).port, (v6.address() as AddressInfo).port];
    for (const port of ports) await openClient(port);
    // A row of /proc may come twice, when others come or go meanwhile.
    const byName = (sockets: TcpSocket[]) =>
      new Map(sockets.map((socket) => [formatPair(socket), socket]));
    const only = { backlog: null, sent: null, received: null };
    // Somebody may have had the port before, a minute ago.
    const isOurs = ({ state }: TcpSocket) => state !== 'TIME_WAIT';
    for (const port of ports) {
      const dumped = (dumpSockets({ port }) ?? []).filter(isOurs);
      const known = dumped.map((socket) => ({ ...socket, ...only }));
      expect(known).toHaveLength(3); // the listener and both ends
      const read = readTables({ port }).filter(isOurs);
      expect(byName(known)).toEqual(byName(read));
    }
    const [listener] =
      dumpSockets({ port: ports[0] ?? 0, state: 'LISTEN' }) ?? [];
    expect(listener?.backlog).toBe(7);
  });
});
