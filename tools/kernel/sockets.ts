/**
 * The kernel's view of TCP sockets, and who holds them: sock_diag(7), or
 * /proc/net/tcp of proc_net(5), and the descriptors of every process.
 */
import { descriptorsOf, type Holder } from './descriptors';
import { childrenOf, listPids } from './processes';
import { readTables } from './procnet';
import { dumpSockets } from './sockdiag';
import type { TcpSocket, Wanted } from './tcp';

/**
 * The TCP sockets of this network namespace, IPv4 and IPv6. A busy server
 * leaves thousands in TIME_WAIT, so say which are wanted.
 */
export function listSockets(wanted: Wanted = {}): TcpSocket[] {
  return dumpSockets(wanted) ?? readTables(wanted);
}

/**
 * Who holds which socket: every (PID, descriptor), by the socket's inode.
 * Looks once at each descriptor, so ask once for a whole picture.
 *
 * @param pids the processes to look into: all, unless told. Those of other
 *   users stay closed to an ordinary user.
 * @param descriptors where to look them up, if that has been done already
 */
export function findHolders(
  pids: Iterable<number> = listPids(),
  descriptors = descriptorsOf,
): Map<number, Holder[]> {
  const holders = new Map<number, Holder[]>();
  for (const pid of pids) {
    for (const [fd, target] of descriptors(pid) ?? []) {
      if (!target.startsWith('socket:[')) continue;
      const inode = Number(target.slice('socket:['.length, -1));
      const known = holders.get(inode);
      if (known) known.push({ pid, fd });
      else holders.set(inode, [{ pid, fd }]);
    }
  }
  return holders;
}

/** A program that listens. */
export interface Listener extends Holder {
  socket: TcpSocket;
}

/**
 * The listeners that processes hold. If children hold one too, the process
 * they descend from counts: it is the server.
 *
 * @param pids the processes to look into: all, unless told
 */
export function findListeners(pids = listPids()): Listener[] {
  const sockets = listSockets({ state: 'LISTEN' });
  const holders = sockets.length > 0 ? findHolders(pids) : new Map();
  return sockets.flatMap((socket) => {
    const all: Holder[] = holders.get(socket.inode) ?? [];
    const children = new Set(all.flatMap(({ pid }) => childrenOf(pid)));
    const holder = all.find(({ pid }) => !children.has(pid));
    return holder ? [{ ...holder, socket }] : [];
  });
}
