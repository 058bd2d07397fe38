"""Part 3 of the course once more, in Python.

    python3 tools/bench/twins/server.py 8888
    python3 tools/bench/twins/server.py 1000 forks

server.c says what it is for and what it leaves out. It imports little, since
every fork copies all of it.
"""

import os
import select
import signal
import socket
import struct
import sys
import time

BACKLOG = 4096
TIMEOUT_SECONDS = 60
MAX_HEAD = 8192


def main(port):
    listener = listen_on(port)
    signal.signal(signal.SIGCHLD, reap_children)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it quietly
    accepted = 0
    while True:
        try:
            # A child that ends interrupts this. Python runs the handler and
            # calls accept again (PEP 475).
            client, _ = listener.accept()
            accepted += 1
            # A child has a copy of its own. With ours open, the client would
            # never see the end of its answer: `with` closes it.
            with client:
                if os.fork() == 0:
                    be_a_child(listener, client, accepted)
        except (BlockingIOError, ConnectionAbortedError):
            pass  # nobody came in time, or left again, or fork had no room
        except OSError as error:
            print(error, file=sys.stderr)
            time.sleep(1)  # no descriptor is free: it would fail at once


def listen_on(port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # A child that ends just before accept begins to wait interrupts nothing.
    # So accept gives up twice a second, and the handler has its turn.
    half_a_second = struct.pack("ll", 0, 500_000)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, half_a_second)
    listener.bind(("127.0.0.1", port))
    listener.listen(BACKLOG)
    url = "http://%s:%d/" % listener.getsockname()
    print(f"python listens on {url}, PID {os.getpid()}", flush=True)
    return listener


def reap_children(_signal, _frame):
    """Signals are not counted: we ask until no other child has ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0] > 0:
            pass
    except ChildProcessError:
        pass


def be_a_child(listener, client, accepted):
    """Does not return: nothing here may get into the parent's loop."""
    try:
        listener.close()
        serve(client, accepted)
        client.close()
    except OSError:
        pass  # the client has left early
    except BaseException:
        sys.excepthook(*sys.exc_info())
    os._exit(0)


def serve(client, accepted):
    """One client, from its first byte to the last."""
    status, body = answer(receive_head(client), client, accepted)
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
    # No Content-Length: the end of the connection is the end of the body.
    reply = (
        f"HTTP/1.1 {status}\r\nDate: {date}\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        f"Connection: close\r\n\r\n{body}"
    )
    client.sendall(reply.encode())
    try:
        client.recv(MAX_HEAD, socket.MSG_DONTWAIT)  # or close would be a reset
    except BlockingIOError:
        pass


def receive_head(client):
    """What comes up to the empty line, or nothing if that does not come."""
    poll = select.poll()
    poll.register(client, select.POLLIN)
    deadline = time.time() + TIMEOUT_SECONDS
    head = b""
    # The second is what somebody types into nc(1).
    while b"\n\r\n" not in head and b"\n\n" not in head:
        left = deadline - time.time()
        if len(head) >= MAX_HEAD or left <= 0 or not poll.poll(left * 1000):
            return b""
        more = client.recv(MAX_HEAD)
        if not more:
            return b""
        head += more
    return head


def answer(head, client, accepted):
    """METHOD TARGET HTTP/1.1: the status, and the page that is asked for."""
    words = head.decode("latin-1").split("\n")[0].rstrip("\r").split(" ")
    if len(words) != 3 or words[1][:1] != "/" or words[2][:-1] != "HTTP/1.":
        return "400 Bad Request", ""
    method, path = words[0], words[1].split("?")[0]
    if method not in ("GET", "POST"):
        return "405 Method Not Allowed\r\nAllow: GET, POST", ""
    if path == "/count":
        return "200 OK", f"accepted    {accepted}\n"
    if path != "/":
        try:
            time.sleep(float(path.removeprefix("/sleep/")))
        except ValueError:
            return "404 Not Found", ""
    pair = "%s:%d ⇄ %s:%d" % (client.getsockname() + client.getpeername())
    return "200 OK", (
        f"process     {os.getpid()}\nparent      {os.getppid()}\n"
        f"descriptor  {client.fileno()}\nconnection  {pair}\n"
    )


def time_forks(count):
    """How long each call of fork takes; then waits to be ended."""
    for _ in range(count):
        before = time.monotonic_ns()
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        print((time.monotonic_ns() - before) / 1000, flush=True)
        os.waitpid(pid, 0)
    signal.pause()


if __name__ == "__main__":
    number, *mode = sys.argv[1:] or [""]
    if not number.isdecimal() or mode not in ([], ["forks"]):
        sys.exit(f"usage: {sys.argv[0]} PORT, or COUNT forks")
    (time_forks if mode else main)(int(number))
