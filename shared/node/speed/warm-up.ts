/**
 * Warming up: why a child does not begin by compiling JavaScript.
 */
import { setFlagsFromString } from 'node:v8';
import { rehearseChild } from '../fork';
import { check, libc } from '../libc';
import { NODE_MAJOR } from '../requirements';

const AF_UNIX = 1;
const SOCK_STREAM = 1;

// V8 compiles a function when it is first called, and learns during the next
// calls which types it meets. What has been called often it compiles again,
// for these types, into code that takes no more notes. Each note is written to
// a page that a child then has to copy. So V8 is told that a few calls are
// often: before Node 22 in bytes of code that have run, and then such counts
// shall be rare in children; from Node 22 on in calls.
const [ROUNDS, FEW, MANY] =
  NODE_MAJOR < 22
    ? [250, '--interrupt-budget=300', '--interrupt-budget=1000000']
    : [1_000, '--invocation-count-for-turbofan=300', ''];

// With fields as real clients send them. Even a string's length matters: a
// piece of 13 characters or more is, to V8, of another type than a short one.
const REQUEST = Buffer.from(
  'GET / HTTP/1.1\r\nHost: 127.0.0.1:8888\r\nUser-Agent: warm-up\r\n' +
    'Accept: */*\r\nConnection: keep-alive\r\n\r\n',
);

/**
 * Serves a client that this process itself plays, over and over, as a child
 * would, before the first fork. A fork copies the heap, compiled functions
 * included. Without this, every child would compile the whole handler anew for
 * its one client, and throw it away. Call it before the log is on.
 *
 * The two ends are a pair of Unix sockets, see socketpair(2): nobody who
 * looks at this process ever sees a listener that is not the server's.
 *
 * @param serve what a child does with the descriptor of its client
 * @throws SystemError EMFILE, ENFILE
 */
export function warmUp(serve: (client: number) => void): void {
  const pair = new Int32Array(2);
  const answer = Buffer.alloc(1024);
  setFlagsFromString(FEW);
  for (let round = 0; round < ROUNDS; round++) {
    check(libc.socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 'socketpair');
    const [client = -1, server = -1] = pair;
    check(libc.write(client, REQUEST, REQUEST.length), 'write');
    rehearseChild(() => serve(server));
    check(libc.read(client, answer, answer.length), 'read');
    check(libc.close(client), 'close');
  }
  compileNoMore();
}

/**
 * From here on V8 leaves its code as it is. It would compile the accept loop
 * as the parent takes it, and every child, on its way out, would have to throw
 * that away. And what it decides to compile in one child, it would compile in
 * each of them.
 */
function compileNoMore(): void {
  if (MANY) setFlagsFromString(MANY);
  setFlagsFromString('--no-maglev');
  setFlagsFromString('--no-turbofan');
}
