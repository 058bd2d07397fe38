/*
 * Part 1 and part 3 in C: the yardsticks of `npm run bench`. The same calls,
 * the same checks of a request as in shared/http.ts, the same bytes.
 *
 *     cc -O2 -o server tools/twins/server.c tools/twins/request.c
 *     ./server PORT iterative|forking
 *
 * What it leaves out: bodies of requests, pages that the benchmark does not
 * ask for, a limit of children, an orderly end, and words about what went
 * wrong.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "request.h"

#define BACKLOG 4096
#define TIMEOUT_SECONDS 60
#define LINGER_SECONDS 2

static void serve(int client);
static int listen_on(int port, const char *name);
static void wake_up(int signal) { (void)signal; }

/* How many connections accept has returned. A child inherits the number. */
static long accepted = 0;

int main(int argc, char **argv) {
  int forking = argc == 3 && strcmp(argv[2], "forking") == 0;
  if (argc != 3 || (!forking && strcmp(argv[2], "iterative") != 0)) {
    fprintf(stderr, "usage: %s PORT iterative|forking\n", argv[0]);
    return 2;
  }
  int listener = listen_on(atoi(argv[1]), argv[2]);
  /* No SA_RESTART: a child that ends interrupts accept. */
  struct sigaction action = {.sa_handler = wake_up};
  sigaction(SIGCHLD, &action, NULL);
  signal(SIGPIPE, SIG_IGN);

  for (;;) {
    int client = accept(listener, NULL, NULL);
    while (forking && waitpid(-1, NULL, WNOHANG) > 0)
      ;
    if (client == -1) continue;
    accepted++;
    pid_t pid = forking ? fork() : 0;
    if (pid == 0) {
      if (forking) close(listener);
      serve(client);
    }
    close(client);
    if (pid == 0 && forking) _exit(0);
  }
}

static int listen_on(int port, const char *name) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  /* How long a client may read nothing. Connections inherit it. */
  int limit = TIMEOUT_SECONDS * 1000;
  setsockopt(listener, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit);
  if (bind(listener, (struct sockaddr *)&address, size) == -1 ||
      listen(listener, BACKLOG) == -1 ||
      getsockname(listener, (struct sockaddr *)&address, &size) == -1) {
    perror(name);
    exit(1);
  }
  printf("%s listens on http://127.0.0.1:%d/, PID %d\n", name,
         ntohs(address.sin_port), getpid());
  fflush(stdout);
  return listener;
}

/* The request /////////////////////////////////////////////////////////////// */

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

/* Waits until there is something to read. False if the deadline came first. */
static int wait_readable(int fd, long long deadline) {
  struct pollfd ready = {.fd = fd, .events = POLLIN};
  int count;
  do {
    long long left = deadline - now();
    count = poll(&ready, 1, left > 0 ? left : 0);
  } while (count == -1 && errno == EINTR);
  return count > 0;
}

/* Reads until the parser has seen enough. INCOMPLETE: the client has left. */
static int receive_request(int client, char *head, struct request *request) {
  long long deadline = now() + TIMEOUT_SECONDS * 1000;
  head[0] = '\0';
  for (size_t used = 0;;) {
    if (!wait_readable(client, deadline)) return 408;
    ssize_t count = read(client, head + used, MAX_HEAD - used);
    if (count <= 0) return used > 0 ? 400 : INCOMPLETE;
    /* Forbidden as all controls are; to C, a 0 would be the end. */
    for (char *at = head + used; at < head + used + count; at++)
      if (*at == '\0') *at = 1;
    used += count;
    head[used] = '\0';
    int status = parse_head(head, used, request);
    if (status != INCOMPLETE) return status;
  }
}

/* The answer //////////////////////////////////////////////////////////////// */

static void write_all(int fd, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t written = write(fd, bytes, count);
    if (written <= 0) return;
    bytes += written;
    count -= written;
  }
}

static const char *reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 431: return "Request Header Fields Too Large";
    case 501: return "Not Implemented";
    case 505: return "HTTP Version Not Supported";
    default: return "Bad Request";
  }
}

static void send_reply(int client, int status, const char *body) {
  char date[64], reply[2048];
  time_t now = time(NULL);
  struct tm utc;
  strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT",
           gmtime_r(&now, &utc));
  int length = snprintf(reply, sizeof reply,
                        "HTTP/1.1 %d %s\r\nDate: %s\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\n"
                        "Connection: close\r\n%s\r\n%s",
                        status, reason_of(status), date,
                        status == 405 ? "Allow: GET, HEAD, POST\r\n" : "",
                        body);
  write_all(client, reply, length);
}

static void who_serves(int client, char *body, size_t size) {
  struct sockaddr_in local, remote;
  char here[INET_ADDRSTRLEN], there[INET_ADDRSTRLEN];
  socklen_t length = sizeof local;
  getsockname(client, (struct sockaddr *)&local, &length);
  getpeername(client, (struct sockaddr *)&remote, &length);
  inet_ntop(AF_INET, &local.sin_addr, here, sizeof here);
  inet_ntop(AF_INET, &remote.sin_addr, there, sizeof there);
  snprintf(body, size,
           "process     %d\nparent      %d\ndescriptor  %d\n"
           "connection  %s:%d ⇄ %s:%d\n",
           getpid(), getppid(), client, here, ntohs(local.sin_port), there,
           ntohs(remote.sin_port));
}

/* Writes the body for a path. Returns the status. */
static int answer(const char *path, int client, char *body, size_t size) {
  if (strcmp(path, "/count") == 0) {
    snprintf(body, size, "accepted    %ld\n", accepted);
    return 200;
  }
  if (strncmp(path, "/sleep/", 7) == 0) {
    double seconds = atof(path + 7);
    struct timespec left = {(time_t)seconds, 0};
    left.tv_nsec = (seconds - (double)left.tv_sec) * 1e9;
    while (nanosleep(&left, &left) == -1 && errno == EINTR)
      ;
  } else if (strcmp(path, "/") != 0) {
    return 404;
  }
  who_serves(client, body, size);
  return 200;
}

/* Bytes left unread would turn the close into a reset, see serve.ts. */
static void hang_up(int client, int refused) {
  char rest[MAX_LINE];
  ssize_t count = recv(client, rest, sizeof rest, MSG_DONTWAIT);
  if (!refused && count <= 0) return;
  shutdown(client, SHUT_WR);
  long long deadline = now() + LINGER_SECONDS * 1000;
  while (wait_readable(client, deadline) && read(client, rest, sizeof rest) > 0)
    ;
}

/* One client, from its first byte to the last. */
static void serve(int client) {
  char head[MAX_HEAD + 1], body[512];
  struct request request;
  int refusal = receive_request(client, head, &request);
  if (refusal == INCOMPLETE) return;
  int status = refusal;
  if (refusal == FINE) status = answer(request.path, client, body, sizeof body);
  if (status != 200) snprintf(body, sizeof body, "%d\n", status);
  int bare = strncmp(head + strspn(head, " \t\r\n"), "HEAD ", 5) == 0;
  send_reply(client, status, bare ? "" : body);
  hang_up(client, refusal != FINE);
}
