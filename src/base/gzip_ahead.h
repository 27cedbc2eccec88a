/* gzip_ahead: a file packed by gzip, read and unpacked by a thread of its own, which is a little
 * ahead of the caller, who takes it a piece at a time.
 *
 *   struct gzip_ahead *a = gzip_ahead_begin(fd, max_bytes);
 *   const uint8_t *p = NULL;
 *   for (size_t n = 0, got; (got = gzip_ahead_next(a, &p, n)) > n; n = what is left at p)
 *       ... read some of p..p + got, and advance p ...
 *   if (!gzip_ahead_end(a)) ... what came is not to be trusted ...
 *
 * Pieces lie in a ring of 2 MiB, which stays in the processor's cache; the whole is never in
 * memory.  What is left at its end is moved to before its beginning, so that there is no seam.
 * The thread does nothing but unpack, as it has the most to do: the caller reads the file, and
 * adds up the checksum of what it takes.  The work is done by ISA-L
 * (libisal2), which is loaded when it is first used.  It is for what is large and one member, as
 * profiles are; anything else, and every error, is for gzip_inflate, which says what it is.
 * Threads: one caller each.  Signals: no. */
#ifndef SONDE_BASE_GZIP_AHEAD_H
#define SONDE_BASE_GZIP_AHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gzip_ahead;

/* Begin to unpack a regular file, which is borrowed until the end, and whose position stays.
 * NULL when it is not for this (not gzip; less than 4 MiB or more than max_bytes, by what it
 * says itself; a header of more than 64 KiB), or library, memory or thread cannot be had. */
struct gzip_ahead *gzip_ahead_begin(int fd, size_t max_bytes);

/* How many bytes there are in all, if it tells the truth; else it ends badly. */
size_t gzip_ahead_most(const struct gzip_ahead *ahead);

/* Gives up what is before *p (NULL: the beginning), and waits until more than the n bytes from
 * there on that the caller knows are there.  *p is moved to where they lie; returns how many
 * there are, at least n.  n: no more will come, or more do not fit into the ring. */
size_t gzip_ahead_next(struct gzip_ahead *ahead, const uint8_t **p, size_t n);

/* Stops the thread and frees `ahead` and the pieces.  True: all of it was unpacked, and is as it
 * was packed; false also when not all of it was taken by gzip_ahead_next, or the file changed. */
bool gzip_ahead_end(struct gzip_ahead *ahead);

#endif
