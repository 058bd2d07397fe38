"""Part 3 in Python: a yardstick of `npm run bench`.

The same calls, the same checks of a request, the same bytes. What it leaves
out stands in server.c. Only what is needed is imported, since a fork copies
it all.

    python3 tools/twins/server.py PORT
"""

import os
import signal
import socket
import sys
import time

from request import ALLOWED_METHODS, MAX_LINE, Refused, parse_head

BACKLOG = 4096
TIMEOUT_SECONDS = 60
LINGER_SECONDS = 2
REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    413: "Content Too Large",
    414: "URI Too Long",
    431: "Request Header Fields Too Large",
    501: "Not Implemented",
    505: "HTTP Version Not Supported",
}


def main(port):
    accepted = 0
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # How long a client may read nothing. Connections inherit it.
    listener.setsockopt(
        socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, TIMEOUT_SECONDS * 1000
    )
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
    inbox = bytearray()
    refused = False
    try:
        path = receive_request(client, inbox)
        if path is None:
            return
        status, body = answer(path, client, accepted)
    except Refused as refusal:
        refused = True
        (status,) = refusal.args
        body = f"{status}\n"
    bare = inbox.lstrip(b" \t\r\n").startswith(b"HEAD ")
    client.sendall((format_head(status) + ("" if bare else body)).encode())
    hang_up(client, refused)


def receive_request(client, inbox):
    """The path that is asked for. None if the client has left."""
    deadline = time.time() + TIMEOUT_SECONDS
    while True:
        try:
            more = receive(client, deadline)
        except TimeoutError:
            raise Refused(408) from None
        if not more:
            if inbox:
                raise Refused(400)
            return None
        inbox += more
        path = parse_head(inbox)
        if path is not None:
            return path


def receive(client, deadline):
    """What has come. TimeoutError if nothing comes before the deadline."""
    client.settimeout(max(0.001, deadline - time.time()))
    return client.recv(MAX_LINE)


def answer(path, client, accepted):
    """The status and the body."""
    if path == "/count":
        return 200, f"accepted    {accepted}\n"
    if path.startswith("/sleep/"):
        time.sleep(float(path[len("/sleep/") :]))
    elif path != "/":
        return 404, "404\n"
    local, remote = client.getsockname(), client.getpeername()
    return 200, (
        f"process     {os.getpid()}\nparent      {os.getppid()}\n"
        f"descriptor  {client.fileno()}\n"
        f"connection  {local[0]}:{local[1]} ⇄ {remote[0]}:{remote[1]}\n"
    )


def format_head(status):
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
    allow = f"Allow: {', '.join(ALLOWED_METHODS)}\r\n" if status == 405 else ""
    return (
        f"HTTP/1.1 {status} {REASONS[status]}\r\nDate: {date}\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        f"Connection: close\r\n{allow}\r\n"
    )


def hang_up(client, refused):
    """Bytes left unread would turn the close into a reset, see serve.ts."""
    deadline = time.time() + LINGER_SECONDS
    client.setblocking(False)
    try:
        if not refused and not client.recv(MAX_LINE):
            return
        client.shutdown(socket.SHUT_WR)
        while receive(client, deadline):
            pass
    except OSError:
        pass


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit(f"usage: {sys.argv[0]} PORT")
    main(int(sys.argv[1]))
