/*
 * The head of a request, checked as in shared/http.ts.
 */
#define _GNU_SOURCE
#include "request.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_FIELDS 100
#define MAX_BODY 1048576

#define DIGITS "0123456789"
#define ALNUM DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define TOKEN "!#$%&'*+-.^_`|~" ALNUM
#define HOST "_-.~!$&'()*+,;=" ALNUM
#define URI HOST ":@/?"

static int is_one_of(const char *word, const char *const *words) {
  for (; *words; words++)
    if (strcmp(word, *words) == 0) return 1;
  return 0;
}

/* How long the text is that consists of these characters, and of %41. */
static size_t span(const char *text, const char *characters) {
  size_t length = 0;
  for (;;) {
    length += strspn(text + length, characters);
    if (text[length] != '%' || !isxdigit((unsigned char)text[length + 1]) ||
        !isxdigit((unsigned char)text[length + 2]))
      return length;
    length += 3;
  }
}

static int is_host(const char *text) {
  size_t length = span(text, HOST);
  if (*text == '[') {
    size_t digits = strspn(text + 1, DIGITS "abcdefABCDEF:.");
    if (digits == 0 || text[1 + digits] != ']') return 0;
    length = digits + 2;
  }
  if (text[length] == ':') length += 1 + strspn(text + length + 1, DIGITS);
  return text[length] == '\0';
}

/* The path in a target, RFC 9112, section 3.2. NULL if it is malformed. */
static const char *parse_target(const char *method, char *target) {
  if (strcmp(method, "CONNECT") == 0) return is_host(target) ? target : NULL;
  if (strcmp(target, "*") == 0)
    return strcmp(method, "OPTIONS") == 0 ? target : NULL;
  char *path = target, host[MAX_LINE + 1];
  size_t scheme = strncasecmp(target, "http://", 7) == 0    ? 7
                  : strncasecmp(target, "https://", 8) == 0 ? 8
                                                            : 0;
  if (scheme) {
    size_t length = strcspn(target + scheme, "/?");
    path = target + scheme + length;
    snprintf(host, sizeof host, "%.*s", (int)length, target + scheme);
    if (length == 0 || !is_host(host)) return NULL;
  } else if (*path != '/') {
    return NULL;
  }
  if (path[span(path, URI)] != '\0') return NULL;
  path[strcspn(path, "?")] = '\0';
  return *path ? path : "/";
}

/* METHOD TARGET HTTP/1.1, in a copy of the line. */
static int parse_request_line(struct request *request) {
  static const char *const allowed[] = {"GET", "HEAD", "POST", NULL};
  static const char *const known[] = {"PUT",     "DELETE", "CONNECT",
                                      "OPTIONS", "TRACE",  "PATCH", NULL};
  char *target = strchr(request->line, ' ');
  char *version = target ? strchr(target + 1, ' ') : NULL;
  if (version == NULL || version == target + 1) return 400;
  *target++ = *version++ = '\0';
  request->method = request->line;
  request->version = version;
  if (strlen(version) != 8 || strncmp(version, "HTTP/", 5) != 0 ||
      !isdigit((unsigned char)version[5]) || version[6] != '.' ||
      !isdigit((unsigned char)version[7]))
    return 400;
  if (*request->method == '\0' ||
      request->method[strspn(request->method, TOKEN)] != '\0')
    return 400;
  if (version[5] != '1') return 505;
  request->path = parse_target(request->method, target);
  if (request->path == NULL) return 400;
  if (is_one_of(request->method, allowed)) return FINE;
  return is_one_of(request->method, known) ? 405 : 501;
}

/* Where the fields of this name are kept, NULL if nobody asks for them. */
static struct fields *fields_of(struct request *request, const char *name,
                                size_t length) {
  if (length == 4 && strncasecmp(name, "host", length) == 0)
    return &request->hosts;
  if (length == 14 && strncasecmp(name, "content-length", length) == 0)
    return &request->lengths;
  if (length == 17 && strncasecmp(name, "transfer-encoding", length) == 0)
    return &request->codings;
  return NULL;
}

static void append(struct fields *fields, const char *value, size_t length) {
  char *end = fields->values + strlen(fields->values);
  sprintf(end, "%s%.*s", fields->count++ ? "," : "", (int)length, value);
}

/* NAME: VALUE, RFC 9112, section 5. */
static int parse_field(const char *line, const char *end,
                       struct request *request) {
  size_t name = strspn(line, TOKEN);
  if (name == 0 || line[name] != ':') return 400;
  const char *value = line + name + 1;
  for (const char *at = value; at < end; at++)
    if ((unsigned char)*at == 127 || ((unsigned char)*at < ' ' && *at != '\t'))
      return 400;
  while (value < end && strchr(" \t", *value)) value++;
  while (end > value && strchr(" \t", end[-1])) end--;
  struct fields *fields = fields_of(request, line, name);
  if (fields) append(fields, value, end - value);
  return FINE;
}

/* The lines from here to the empty one. */
static int parse_fields(const char *line, const char *end,
                        struct request *request) {
  int count = 0;
  for (const char *at = line; at < end; at++) count += *at == '\n';
  if (count > MAX_FIELDS) return 431;
  while (line < end) {
    const char *next = strchr(line, '\n') + 1;
    const char *line_end = next - 1;
    if (line_end > line && line_end[-1] == '\r') line_end--;
    int status = parse_field(line, line_end, request);
    if (status != FINE) return status;
    line = next;
  }
  return FINE;
}

/* The next element of a list with commas, without the space around it. */
static char *next_of(char **list) {
  char *element = strsep(list, ",");
  if (element == NULL) return NULL;
  element += strspn(element, " \t");
  size_t length = strlen(element);
  while (length > 0 && strchr(" \t", element[length - 1])) length--;
  element[length] = '\0';
  return element;
}

/* RFC 9112, section 6: what could be read in two ways is refused. */
static int check_length(char *list) {
  char *first = next_of(&list), *other;
  if (*first == '\0' || first[strspn(first, DIGITS)] != '\0') return 400;
  while ((other = next_of(&list)))
    if (strcmp(first, other) != 0) return 400;
  return strtod(first, NULL) > MAX_BODY ? 413 : FINE;
}

static int check_codings(char *list) {
  char *coding, *last = "";
  int count = 0, chunked = 0;
  for (; (coding = next_of(&list)); last = coding) {
    count++;
    chunked += strcasecmp(coding, "chunked") == 0;
  }
  if (chunked != 1 || strcasecmp(last, "chunked") != 0) return 400;
  return count == 1 ? FINE : 501;
}

static int check_fields(struct request *request) {
  struct fields *hosts = &request->hosts, *lengths = &request->lengths,
                *codings = &request->codings;
  int old = strcmp(request->version, "HTTP/1.0") == 0;
  if (codings->count && (lengths->count || old)) return 400;
  int status = codings->count   ? check_codings(codings->values)
               : lengths->count ? check_length(lengths->values)
                                : FINE;
  if (status != FINE) return status;
  if (hosts->count == 0 && old) return FINE;
  return hosts->count == 1 && is_host(hosts->values) ? FINE : 400;
}

/* Where the first \n of an empty line's pair is, from one \n on. */
static const char *find_empty_line(const char *at) {
  for (; at; at = strchr(at + 1, '\n'))
    if (at[1] == '\n' || (at[1] == '\r' && at[2] == '\n')) return at;
  return NULL;
}

int parse_head(const char *head, size_t used, struct request *request) {
  const char *line = head + (*head == '\r' && head[1] == '\n');
  if (*line == '\n') line++;
  size_t length = strcspn(line, "\n");
  if (length > MAX_LINE) return 414;
  if (line[length] == '\0') return INCOMPLETE;
  const char *line_end = line + length;
  if (length > 0 && line[length - 1] == '\r') length--;
  memcpy(request->line, line, length);
  request->line[length] = '\0';
  int status = parse_request_line(request);
  if (status != FINE) return status;

  const char *end = find_empty_line(line_end);
  if (end == NULL) return used < MAX_HEAD ? INCOMPLETE : 431;
  struct fields *all[] = {&request->hosts, &request->lengths,
                          &request->codings};
  for (int i = 0; i < 3; i++) all[i]->count = *all[i]->values = 0;
  status = parse_fields(line_end + 1, end + 1, request);
  return status == FINE ? check_fields(request) : status;
}
