/*
 * Part 1 and part 3 in C: the yardsticks of `npm run bench`. The same calls,
 * the same pages as far as the benchmark asks for them, the same bytes.
 *
 *     cc -O2 -o server tools/twins/server.c
 *     ./server PORT iterative|forking
 *
 * What it leaves out: bodies, chunks, and words about what went wrong.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG 4096
#define TIMEOUT_SECONDS 60
#define HEAD_BYTES 8192

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

struct request {
  char path[HEAD_BYTES];
  int hosts;
};

/* RFC 9110, section 5.6.2: the characters of a method or a field's name. */
static int is_token(const char *text, size_t length) {
  const char *symbols = "!#$%&'*+-.^_`|~0123456789"
                        "abcdefghijklmnopqrstuvwxyz"
                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  return length > 0 && strspn(text, symbols) >= length;
}

/* METHOD TARGET HTTP/1.1, with the target as a path. */
static int parse_request_line(char *line, struct request *request) {
  char method[16], version[16];
  char *pattern = "%15s %8191[^? ]%*[^ ] %15s";
  if (sscanf(line, pattern, method, request->path, version) != 3 &&
      sscanf(line, "%15s %8191s %15s", method, request->path, version) != 3)
    return 0;
  return is_token(method, strlen(method)) && request->path[0] == '/' &&
         strncmp(version, "HTTP/1.", 7) == 0;
}

/* NAME: VALUE, without a control character. */
static int parse_field(const char *line, struct request *request) {
  const char *colon = strchr(line, ':');
  if (colon == NULL || !is_token(line, colon - line)) return 0;
  for (const char *at = colon; *at; at++)
    if ((unsigned char)*at < ' ' && *at != '\t') return 0;
  if (colon - line == 4 && strncasecmp(line, "host", 4) == 0) request->hosts++;
  return 1;
}

/* Splits a complete head into lines, in place. */
static int parse_head(char *head, struct request *request) {
  char *rest = NULL;
  char *line = strtok_r(head, "\r\n", &rest);
  request->hosts = 0;
  if (line == NULL || !parse_request_line(line, request)) return 0;
  while ((line = strtok_r(NULL, "\r\n", &rest)))
    if (!parse_field(line, request)) return 0;
  return request->hosts == 1;
}

/* Reads until the empty line. False if the client is silent or leaves. */
static int receive_head(int client, char *head) {
  size_t used = 0;
  for (;;) {
    struct pollfd ready = {.fd = client, .events = POLLIN};
    if (poll(&ready, 1, TIMEOUT_SECONDS * 1000) <= 0) return 0;
    ssize_t count = read(client, head + used, HEAD_BYTES - 1 - used);
    if (count <= 0) return 0;
    used += count;
    head[used] = '\0';
    if (strstr(head, "\r\n\r\n")) return 1;
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

static void send_reply(int client, const char *status, const char *body) {
  char date[64], reply[2048];
  time_t now = time(NULL);
  struct tm utc;
  strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT",
           gmtime_r(&now, &utc));
  int length = snprintf(reply, sizeof reply,
                        "HTTP/1.1 %s\r\nDate: %s\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\n"
                        "Connection: close\r\n\r\n%s",
                        status, date, body);
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

static void answer(const char *path, int client) {
  char body[512];
  if (strcmp(path, "/count") == 0) {
    snprintf(body, sizeof body, "accepted    %ld\n", accepted);
    send_reply(client, "200 OK", body);
    return;
  }
  if (strncmp(path, "/sleep/", 7) == 0) {
    double seconds = atof(path + 7);
    struct timespec left = {(time_t)seconds, 0};
    left.tv_nsec = (seconds - (double)left.tv_sec) * 1e9;
    while (nanosleep(&left, &left) == -1 && errno == EINTR)
      ;
  } else if (strcmp(path, "/") != 0) {
    send_reply(client, "404 Not Found", "404\n");
    return;
  }
  who_serves(client, body, sizeof body);
  send_reply(client, "200 OK", body);
}

/* One client, from its first byte to the last. */
static void serve(int client) {
  char head[HEAD_BYTES], rest[HEAD_BYTES];
  struct request request;
  struct timeval limit = {.tv_sec = TIMEOUT_SECONDS};
  setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (!receive_head(client, head)) return;
  if (parse_head(head, &request))
    answer(request.path, client);
  else
    send_reply(client, "400 Bad Request", "400\n");
  /* Bytes left unread would turn the close into a reset. */
  recv(client, rest, sizeof rest, MSG_DONTWAIT);
}
