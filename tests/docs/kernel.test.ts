/**
 * What the pages say of the kernel, and no lab or experiment shows.
 */
import { existsSync, readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { check, libc } from '#shared/node/libc';
import { bind, close, getsockname, SOL_SOCKET, socket } from '#shared/sockets';

const SO_REUSEADDR = 2;

/** Binds a socket that does not listen. @returns its port */
function takePort(reuse: 0 | 1, port = 0): number {
  const fd = socket();
  onTestFinished(() => close(fd));
  const value = new Int32Array([reuse]);
  const set = libc.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, value, 4);
  check(set, 'setsockopt', { fd });
  bind(fd, { address: '127.0.0.1', port });
  return getsockname(fd).port;
}

test('a port is taken by a socket that does not even listen', () => {
  const port = takePort(0);
  expect(() => takePort(0, port)).toThrow('EADDRINUSE');
});

test('SO_REUSEADDR has to be set on the old socket as well', () => {
  const [without, having] = [takePort(0), takePort(1)];
  expect(() => takePort(1, without)).toThrow('EADDRINUSE');
  expect(takePort(1, having)).toBe(having);
});

const LINEAR = '/proc/sys/net/ipv4/tcp_syn_linear_timeouts';
test.runIf(existsSync(LINEAR))(
  'a SYN is sent again a second apart for some time',
  () => {
    expect(Number(readFileSync(LINEAR, 'latin1'))).toBeGreaterThan(0);
  },
);
