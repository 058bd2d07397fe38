/*
 * Part 1 and part 3 of the course once more, in C.
 *
 *     cc -O2 -o build/c-server tools/bench/twins/server.c
 *     build/c-server 8888 iterative|forking
 *     build/c-server 1000 forks       says how long a fork takes
 *
 * It makes the system calls of the stages, in their order, so that `npm run
 * bench` shows what a language costs. It leaves out all of a request but the
 * first line, HEAD, clients that go on sending, and of part 3 the limit of
 * children, the 503 when there is no process for a client, and the orderly end.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BACKLOG = 4096, TIMEOUT_SECONDS = 60, MAX_HEAD = 8192, MAX_BODY = 256 };

/* How many connections accept has returned. A child inherits the number. */
static long accepted = 0;

static int listen_on(int port, const char *name) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&address, size) == -1 ||
      listen(listener, BACKLOG) == -1 ||
      getsockname(listener, (struct sockaddr *)&address, &size) == -1)
    err(1, "port %d", port);
  dprintf(STDOUT_FILENO, "%s listens on http://127.0.0.1:%d/, PID %d\n", name,
          ntohs(address.sin_port), getpid());
  return listener;
}

static void wake_up(int signal) { (void)signal; }

/* Lets a child that ends interrupt accept. */
static void watch_children(int listener) {
  struct sigaction action = {.sa_handler = wake_up}; /* without SA_RESTART */
  sigaction(SIGCHLD, &action, NULL);
  /* One that ends just before accept begins to wait interrupts nothing. So
     accept gives up twice a second. */
  struct timeval limit = {.tv_usec = 500000};
  setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  tzset(); /* or strftime would read the time zone in every child anew */
}

/* Reads up to the empty line; -1 if it does not come in time. */
static int receive_head(int client, char *head) {
  struct pollfd ready = {.fd = client, .events = POLLIN};
  time_t deadline = time(NULL) + TIMEOUT_SECONDS;
  for (size_t used = 0; used < MAX_HEAD;) {
    time_t left = deadline - time(NULL);
    if (left <= 0 || poll(&ready, 1, left * 1000) <= 0) return -1;
    ssize_t count = read(client, head + used, MAX_HEAD - used);
    if (count <= 0) return -1;
    used += count;
    /* The second is what somebody types into nc(1). */
    if (memmem(head, used, "\n\r\n", 3) || memmem(head, used, "\n\n", 2))
      return 0;
  }
  return -1;
}

static void who_serves(int client, char *body) {
  struct sockaddr_in local = {0}, remote = {0};
  socklen_t size = sizeof local;
  getsockname(client, (struct sockaddr *)&local, &size);
  getpeername(client, (struct sockaddr *)&remote, &size);
  snprintf(body, MAX_BODY,
           "process     %d\nparent      %d\ndescriptor  %d\n"
           "connection  127.0.0.1:%d ⇄ %s:%d\n",
           getpid(), getppid(), client, ntohs(local.sin_port),
           inet_ntoa(remote.sin_addr), ntohs(remote.sin_port));
}

/* METHOD TARGET HTTP/1.1. Returns the status; of a page, the body, too. */
static const char *answer(char *head, int client, char *body) {
  char *line = strsep(&head, "\r\n"), *method = strsep(&line, " ");
  char *path = strsep(&line, " "), *version = line;
  if (path == NULL || *path != '/' || version == NULL ||
      strncmp(version, "HTTP/1.", 7) != 0 || strlen(version) != 8)
    return "400 Bad Request";
  if (strcmp(method, "GET") != 0 && strcmp(method, "POST") != 0)
    return "405 Method Not Allowed\r\nAllow: GET, POST";
  path[strcspn(path, "?")] = '\0';
  double seconds;
  if (sscanf(path, "/sleep/%lf", &seconds) == 1 && seconds >= 0)
    usleep(seconds * 1e6);
  else if (strcmp(path, "/count") != 0 && strcmp(path, "/") != 0)
    return "404 Not Found";
  if (strcmp(path, "/count") != 0) who_serves(client, body);
  else snprintf(body, MAX_BODY, "accepted    %ld\n", accepted);
  return "200 OK";
}

/* One client, from its first byte to the last. */
static void serve(int client) {
  char head[MAX_HEAD + 1] = "", body[MAX_BODY] = "", date[32], reply[1024];
  const char *status = receive_head(client, head) == -1
                           ? "400 Bad Request"
                           : answer(head, client, body);
  time_t now = time(NULL);
  strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&now));
  /* No Content-Length: the end of the connection is the end of the body. */
  int length = snprintf(reply, sizeof reply,
                        "HTTP/1.1 %s\r\nDate: %s\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\n"
                        "Connection: close\r\n\r\n%s",
                        status, date, body);
  /* So little always fits into the kernel's buffer: nothing is left over. */
  if (write(client, reply, length) == -1) return;
  recv(client, head, MAX_HEAD, MSG_DONTWAIT); /* or close would be a reset */
}

static void serve_in_child(int client, int listener) {
  pid_t pid = fork();
  if (pid == -1) warn("fork");
  if (pid != 0) return;
  signal(SIGCHLD, SIG_DFL); /* from here on, no call fails with EINTR */
  close(listener);
  serve(client);
  close(client);
  _exit(0);
}

static double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

/* How long each call of fork takes, a line each; then waits to be ended. */
static void time_forks(int count) {
  for (int i = 0; i < count; i++) {
    double before = now_us();
    pid_t pid = fork();
    if (pid == 0) _exit(0);
    dprintf(STDOUT_FILENO, "%.1f\n", now_us() - before);
    if (pid == -1) err(1, "fork");
    waitpid(pid, NULL, 0);
  }
  pause();
}

int main(int argc, char **argv) {
  if (argc != 3) errx(2, "usage: %s NUMBER iterative|forking|forks", argv[0]);
  if (strcmp(argv[2], "forks") == 0) time_forks(atoi(argv[1]));
  int forking = strcmp(argv[2], "forking") == 0;
  int listener = listen_on(atoi(argv[1]), argv[2]);
  if (forking) watch_children(listener);
  signal(SIGPIPE, SIG_IGN); /* whoever leaves early must not end us */

  for (;;) {
    int client = accept(listener, NULL, NULL);
    if (client == -1 && errno != EINTR && errno != EAGAIN &&
        errno != ECONNABORTED) {
      warn("accept");
      sleep(1); /* no descriptor is free, and accept would fail again at once */
    }
    /* Signals are not counted: we ask until no other child has ended. */
    while (forking && waitpid(-1, NULL, WNOHANG) > 0)
      ;
    if (client == -1) continue;
    accepted++;
    if (forking) serve_in_child(client, listener);
    else serve(client);
    /* A child has a copy of its own. With ours open, the client would never
       see the end of its answer. */
    close(client);
  }
}
