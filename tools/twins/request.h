/*
 * The head of a request: of RFC 9112, what part 3 knows of it.
 */
#include <stddef.h>

#define MAX_LINE 8192
#define MAX_HEAD 32768

/* What the parser returns if it is not the status to refuse with. */
#define FINE 0
#define INCOMPLETE -1

/* The fields of one name, with commas between them. */
struct fields {
  int count;
  char values[MAX_HEAD];
};

struct request {
  char line[MAX_LINE + 1]; /* cut into the next three */
  const char *method, *path, *version;
  struct fields hosts, lengths, codings;
};

/*
 * Reads request line and fields: RFC 9112, sections 2 to 6. The head is
 * `used` bytes, none of them 0, and a 0.
 */
int parse_head(const char *head, size_t used, struct request *request);
