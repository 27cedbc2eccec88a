/* regex: Go's regular expressions (RE2 syntax), linear time.
 * Threads: a compiled regex may be matched by many at once. */
#ifndef SONDE_BASE_REGEX_H
#define SONDE_BASE_REGEX_H

#include "base/err.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

struct regex;

/* False-y NULL with ERR_USAGE and RE2's reason when the pattern is not valid.
 * What Go's regexp refuses (\C) is refused, and Go's (?<n>...) is accepted. */
struct regex *regex_new(const char *pattern, struct err *err);
/* The same for fixed patterns over text of any encoding: bytes, not characters. */
struct regex *regex_new_bytes(const char *pattern, struct err *err);
void regex_free(struct regex *re); /* NULL is fine */
/* Does the pattern occur anywhere in s? */
bool regex_match(const struct regex *re, struct str s);
/* The same, giving the byte span of the first (leftmost) match. */
bool regex_find(const struct regex *re, struct str s, size_t *begin, size_t *end);
/* The same, giving what matched and what its groups took: groups[0..n), n up to
 * REGEX_GROUPS.  A group that took no part is "". */
#define REGEX_GROUPS 8
bool regex_groups(const struct regex *re, struct str s, struct str *groups, int n);
const char *regex_pattern(const struct regex *re);

#ifdef __cplusplus
}
#endif

#endif
