/**
 * TCP sockets by /proc/net/tcp, see proc_net(5): what is left where sock_diag
 * is silent, as in some sandboxes. It tells less, and it always tells of all.
 */
import { readText } from './processes';
import { TCP_STATES, type TcpSocket, toAddress, type Wanted } from './tcp';

/** The TCP sockets of this network namespace, IPv4 and IPv6. */
export function readTables({ port, state }: Wanted): TcpSocket[] {
  const text = ['/proc/net/tcp', '/proc/net/tcp6'].map(readText).join('');
  return text
    .split('\n')
    .map((row) => row.trim().split(/\s+/))
    .filter(([number]) => /^\d+:$/.test(number ?? ''))
    .map(parseRow)
    .filter((row) => state === undefined || row.state === state)
    .filter(
      ({ local, remote }) =>
        port === undefined || local.port === port || remote.port === port,
    );
}

function parseRow(columns: string[]): TcpSocket {
  const [, local = '', remote = '', state = '', queues = ''] = columns;
  const [sendQueue = 0, receiveQueue = 0] = queues
    .split(':')
    .map((number) => Number.parseInt(number, 16));
  return {
    local: parseAddress(local),
    remote: parseAddress(remote),
    state: TCP_STATES[Number.parseInt(state, 16)] ?? 'UNKNOWN',
    receiveQueue,
    sendQueue,
    inode: Number(columns[9]),
    uid: Number(columns[7]),
    backlog: null,
    sent: null,
    received: null,
  };
}

/**
 * `0100007F:22B8` is 127.0.0.1:8888: 32-bit words as they lie in the memory
 * of a little-endian machine, and a port.
 */
function parseAddress(text: string): TcpSocket['local'] {
  const [words = '', port = ''] = text.split(':');
  return toAddress(
    Buffer.from(words, 'hex').swap32(),
    Number.parseInt(port, 16),
  );
}
