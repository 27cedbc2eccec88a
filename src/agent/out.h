/* out: where a profile goes: a file descriptor, or memory that grows.
 * Failure is sticky: `error` is an errno, and calls after it do nothing.
 * Threads: one at a time each.  Signals: no.  Memory: mmap'ed, no malloc. */
#ifndef SONDE_AGENT_OUT_H
#define SONDE_AGENT_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define OUT_BYTES_MAX (1u << 30) /* of memory */

struct out {
    int fd; /* -1: memory */
    int error;
    char *bytes; /* memory: what there is; else what is to be written */
    size_t n, max;
};

/* To memory (fd -1), or to `fd`, which is borrowed. */
void out_init(struct out *out, int fd);
void out_release(struct out *out);

void out_put(struct out *out, const void *data, size_t n);
/* To a descriptor: writes what is left.  False and errno if anything failed. */
bool out_end(struct out *out);

static inline void out_text(struct out *out, const char *text)
{
    out_put(out, text, strlen(text));
}
void out_number(struct out *out, int64_t v);
void out_hex(struct out *out, uint64_t v);        /* with 0x */
void out_html(struct out *out, const char *text); /* with < > & ' " escaped */

/* Zeroed memory for arrays: `old` (n_old bytes, NULL if 0) as n_new bytes; NULL, and
 * `old` is as it was.  raw_unmap gives it back. */
void *out_grow(void *old, size_t n_old, size_t n_new);

#endif
