"""Part 3 in Python: a yardstick of `npm run bench`.

The same calls, the same pages as far as the benchmark asks for them, the
same bytes. Only what is needed is imported, since a fork copies it all.

    python3 tools/twins/server.py PORT
"""

import os
import signal
import socket
import sys
import time

BACKLOG = 4096
TIMEOUT_SECONDS = 60
HEAD_BYTES = 8192
TOKEN = frozenset(
    b"!#$%&'*+-.^_`|~0123456789"
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)
CONTROLS = frozenset(range(32)) - {9}


def main(port):
    accepted = 0
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(BACKLOG)
    address, port = listener.getsockname()
    print(
        f"python listens on http://{address}:{port}/, PID {os.getpid()}",
        flush=True,
    )
    signal.signal(signal.SIGCHLD, reap_children)

    while True:
        # A child that ends interrupts this; Python runs the handler and
        # calls accept again (PEP 475).
        client, _ = listener.accept()
        accepted += 1
        if os.fork() == 0:
            try:
                listener.close()
                serve(client, accepted)
                client.close()
            finally:
                os._exit(0)
        client.close()


def reap_children(_signal, _frame):
    try:
        while os.waitpid(-1, os.WNOHANG)[0] > 0:
            pass
    except ChildProcessError:
        pass


def serve(client, accepted):
    """One client, from its first byte to the last."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    client.settimeout(TIMEOUT_SECONDS)
    head = receive_head(client)
    if head is None:
        return
    path = parse_head(head)
    status, body = answer(path, client, accepted)
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
    client.sendall(
        f"HTTP/1.1 {status}\r\nDate: {date}\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        f"Connection: close\r\n\r\n{body}".encode()
    )
    # Bytes left unread would turn the close into a reset.
    client.setblocking(False)
    try:
        client.recv(HEAD_BYTES)
    except OSError:
        pass


def receive_head(client):
    """Reads until the empty line. None if the client is silent or leaves."""
    head = b""
    while b"\r\n\r\n" not in head:
        more = client.recv(HEAD_BYTES)
        if not more or len(head) > HEAD_BYTES:
            return None
        head += more
    return head[: head.index(b"\r\n\r\n")]


def parse_head(head):
    """The path of a request, or None if the bytes are no request."""
    line, *fields = head.split(b"\r\n")
    words = line.split(b" ")
    if len(words) != 3 or not TOKEN.issuperset(words[0]):
        return None
    _, target, version = words
    if not target.startswith(b"/") or not version.startswith(b"HTTP/1."):
        return None
    hosts = 0
    for field in fields:
        name, colon, value = field.partition(b":")
        if not colon or not name or not TOKEN.issuperset(name):
            return None
        if not CONTROLS.isdisjoint(value):
            return None
        hosts += name.lower() == b"host"
    return target.split(b"?")[0].decode("latin-1") if hosts == 1 else None


def answer(path, client, accepted):
    if path is None:
        return "400 Bad Request", "400\n"
    if path == "/count":
        return "200 OK", f"accepted    {accepted}\n"
    if path.startswith("/sleep/"):
        time.sleep(float(path[len("/sleep/") :]))
    elif path != "/":
        return "404 Not Found", "404\n"
    local, remote = client.getsockname(), client.getpeername()
    return "200 OK", (
        f"process     {os.getpid()}\nparent      {os.getppid()}\n"
        f"descriptor  {client.fileno()}\n"
        f"connection  {local[0]}:{local[1]} ⇄ {remote[0]}:{remote[1]}\n"
    )


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit(f"usage: {sys.argv[0]} PORT")
    main(int(sys.argv[1]))
