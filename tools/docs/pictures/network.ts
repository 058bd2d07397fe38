/**
 * Pictures of connections: their names, the calls, the accept queue.
 */
import { CLIENT_PORT, CONNECTION, LISTENER, PORT } from '../../common/numbers';
import { arrow, box, frame, line, type Picture, text } from '../../common/svg';

/** A connection is named by both its ends. */
export function socketPair(): Picture {
  const clients = [CLIENT_PORT, CLIENT_PORT + 1];
  const shapes = [
    frame([20, 20, 230, 210], 'plain', 'two clients'),
    frame([550, 20, 230, 210], 'plain', 'the server'),
    box([570, 55, 190, 34], 'kernel', [`127.0.0.1:${PORT} listens`], 'code'),
  ];
  clients.forEach((port, index) => {
    const y = 105 + index * 62;
    shapes.push(
      box([40, y, 190, 40], 'socket', [`127.0.0.1:${port}`], 'code'),
      box([570, y, 190, 40], 'socket', [`127.0.0.1:${PORT}`], 'code'),
      arrow([231, y + 20, 569, y + 20], 'plain', 'both'),
      text(400, y + 11, `${PORT} ⇄ ${port}`, 'code middle'),
    );
  });
  shapes.push(
    text(400, 40, 'a connection is a pair', 'strong middle'),
    text(400, 62, 'They share the server’s port, and are', 'soft middle'),
    text(400, 80, 'told apart by the port of their own.', 'soft middle'),
  );
  return {
    title: 'The socket pair',
    description:
      `Two clients, at ports ${clients.join(' and ')}, are connected to the same server port ${PORT}. ` +
      'Each connection is named by both its ends, so no two have the same name.',
    height: 250,
    shapes,
  };
}

/** Who calls what, and what the kernel sends meanwhile. */
export function calls(): Picture {
  const server: [number, string, string][] = [
    [60, 'socket', 'makes a socket'],
    [104, 'bind', `gives it port ${PORT}`],
    [148, 'listen', 'opens the queue'],
    [262, 'accept', `takes a connection,|as descriptor ${CONNECTION}`],
    [324, 'read', 'the request'],
    [368, 'write', 'the answer'],
    [412, 'close', 'the last reference:|the kernel sends FIN'],
  ];
  const client: [number, string, string][] = [
    [148, 'socket', 'no bind: the kernel|picks a port'],
    [192, 'connect', ''],
    [280, 'write', 'the request'],
    [368, 'read', 'the answer'],
    [456, 'read → 0', 'end-of-file'],
  ];
  const shapes = [
    text(570, 30, 'server', 'strong middle'),
    text(230, 30, 'client', 'strong middle'),
    line([230, 40, 230, 500], 'plain', 'dashed'),
    line([570, 40, 570, 500], 'plain', 'dashed'),
  ];
  for (const [y, name, note] of server) {
    shapes.push(box([520, y - 15, 100, 30], 'process', [name], 'code'));
    shapes.push(...beside(630, y, note, 'soft'));
  }
  for (const [y, name, note] of client) {
    shapes.push(box([180, y - 15, 100, 30], 'process', [name], 'code'));
    shapes.push(...beside(170, y, note, 'soft end'));
  }
  const message = (
    y: number,
    label: string,
    toServer: boolean,
    tone: 'plain' | 'good' = 'plain',
  ) => {
    const [from, to] = toServer ? [282, 518] : [518, 282];
    shapes.push(
      arrow([from, y, to, y + 14], tone),
      text(400, y - 2, label, 'soft middle'),
    );
  };
  message(180, 'SYN', true);
  message(204, 'SYN-ACK', false);
  message(228, 'ACK', true);
  message(280, 'GET / HTTP/1.1', true);
  message(362, 'HTTP/1.1 200 OK …', false);
  message(420, 'FIN', false, 'good');
  shapes.push(
    ...beside(630, 193, 'no call: the kernel|answers by itself', 'soft'),
    box([520, 182, 100, 30], 'kernel', ['kernel']),
  );
  return {
    title: 'The calls of a server and of a client',
    description:
      'The server calls socket, bind, listen, accept, read, write and close. The client calls socket, connect, write and read. ' +
      'The two kernels exchange SYN, SYN-ACK and ACK by themselves before accept is called. The FIN after the server’s close makes the client’s last read return 0.',
    height: 510,
    shapes,
  };
}

/** One turn of Node's event loop: nobody waits for a client. */
export function eventLoop(): Picture {
  const [KERNEL, LOOP, SCRIPT] = [130, 400, 670];
  const turns: [number, number, string, 'plain' | 'process'][] = [
    [LOOP, KERNEL, 'epoll_wait: who has something?', 'plain'],
    [KERNEL, LOOP, 'the listener, and client 7', 'plain'],
    [LOOP, KERNEL, 'accept, read(7): no waiting', 'plain'],
    [LOOP, SCRIPT, 'callbacks', 'process'],
    [SCRIPT, LOOP, 'done: at once, please', 'process'],
    [LOOP, KERNEL, 'epoll_wait again', 'plain'],
  ];
  const bottom = 80 + turns.length * 46;
  const lanes: [number, 'kernel' | 'process', string][] = [
    [KERNEL, 'kernel', 'kernel'],
    [LOOP, 'process', 'event loop (libuv)'],
    [SCRIPT, 'process', 'your JavaScript'],
  ];
  const shapes = lanes.flatMap(([x, tone, name]) => [
    line([x, 54, x, bottom], 'plain', 'dashed'),
    box([x - 85, 20, 170, 34], tone, [name], 'strong'),
  ]);
  for (const [index, [from, to, words, tone]] of turns.entries()) {
    const y = 100 + index * 46;
    shapes.push(
      arrow([from, y, to, y], tone),
      text((from + to) / 2, y - 8, words, 'soft middle'),
    );
  }
  return {
    title: 'One turn of the event loop',
    description:
      'The event loop asks the kernel with epoll_wait who has something, and is told: the listener, and client 7. ' +
      'It calls accept and read without waiting, and then the callbacks in your JavaScript, which should be done at once. Then it calls epoll_wait again.',
    height: bottom + 10,
    shapes,
  };
}

/** A note beside something, in one line or, where a | stands, in two. */
function beside(x: number, y: number, note: string, kinds: string): string[] {
  const lines = note.split('|');
  const top = y + 5 - (lines.length - 1) * 8;
  return lines.map((words, index) => text(x, top + index * 17, words, kinds));
}

/** listen(fd, 5): six wait, the seventh stays outside. */
export function queue(): Picture {
  const shapes = [
    frame(
      [250, 40, 380, 150],
      'kernel',
      `kernel: the accept queue of listen(${LISTENER}, 5)`,
    ),
    frame([660, 40, 120, 150], 'plain', 'the server'),
    box([675, 85, 90, 40], 'process', ['accept'], 'code'),
    text(720, 155, 'busy', 'soft middle'),
    text(720, 173, 'elsewhere', 'soft middle'),
    arrow([608, 105, 674, 105]),
  ];
  for (let i = 0; i < 6; i++) {
    shapes.push(
      box([268 + i * 58, 82, 48, 46], 'socket', [`${6 - i}`], 'code'),
    );
  }
  shapes.push(
    text(440, 155, 'connected, and nobody has called accept', 'soft middle'),
    text(440, 175, 'room for backlog + 1 = 6', 'soft middle'),
    box([30, 82, 130, 46], 'bad', ['7: SYN_SENT'], 'code'),
    arrow([160, 105, 247, 105], 'bad', 'dashed'),
    text(203, 95, 'SYN', 'soft middle'),
    text(95, 155, 'not connected:', 'soft middle'),
    text(95, 173, 'it asks again', 'soft middle'),
  );
  return {
    title: 'The accept queue',
    description:
      `With listen(${LISTENER}, 5), six connections wait in the kernel’s queue until the server calls accept. ` +
      'The seventh client is not connected. It stays in SYN_SENT and sends its SYN again.',
    height: 215,
    shapes,
  };
}
