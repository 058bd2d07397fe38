/**
 * What the pages say of the kernel, and no lab or experiment shows.
 */
import { existsSync, readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { check, libc } from '#shared/node/libc';
import {
  bind,
  close,
  getsockname,
  openListener,
  SOL_SOCKET,
  socket,
} from '#shared/sockets';

const HERE = '127.0.0.1';
const SO_REUSEADDR = 2;

/** A socket that has a port, and does not listen. */
function takePort(reuse: 0 | 1): number {
  const fd = socket();
  onTestFinished(() => close(fd));
  const value = new Int32Array([reuse]);
  const set = libc.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, value, 4);
  check(set, 'setsockopt', { fd });
  bind(fd, { address: HERE, port: 0 });
  return getsockname(fd).port;
}

test('a port is taken by a socket that does not even listen', () => {
  const port = takePort(0);
  const fd = socket();
  onTestFinished(() => close(fd));
  expect(() => bind(fd, { address: HERE, port })).toThrow('EADDRINUSE');
});

test('SO_REUSEADDR has to be set on the old socket as well', () => {
  const options = { host: HERE, backlog: 5, patience: 60 };
  expect(() => openListener({ ...options, port: takePort(0) })).toThrow(
    'EADDRINUSE',
  );
  const fd = openListener({ ...options, port: takePort(1) });
  onTestFinished(() => close(fd));
});

const LINEAR = '/proc/sys/net/ipv4/tcp_syn_linear_timeouts';
test.runIf(existsSync(LINEAR))(
  'a SYN is sent again a second apart for some time',
  () => {
    expect(Number(readFileSync(LINEAR, 'latin1'))).toBeGreaterThan(0);
  },
);
