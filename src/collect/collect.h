/* collect: the kinds of profiles that can be recorded.  A kind is one file with one
 * `const struct collect_ops` and a line in collect_registry.c; the command line, its
 * help and the default file name come from there.  recorder.h records them. */
#ifndef SONDE_COLLECT_COLLECT_H
#define SONDE_COLLECT_COLLECT_H

#include "wire/wire.h"

#include <stdbool.h>
#include <stdint.h>

#define COLLECT_TYPES_MAX 4
#define COLLECT_KINDS_MAX 16 /* in the registry */

struct collect_type {
    const char *type, *unit;
};

struct collect_ops {
    const char *name;  /* as in -e NAME */
    const char *alias; /* another one; NULL: none */
    const char *help;  /* one line */
    const char *none;  /* what it means when there is no sample, and what to do */
    const char *zero;  /* the same when all are 0 in the last type; NULL: that cannot be */

    enum wire_kind wire; /* the rows of libsonde that it is made of */
    struct collect_type types[COLLECT_TYPES_MAX], period_type;
    unsigned n_types;
    const char *default_type; /* that reports are made of; NULL: the last */
    const char *drop_frames;  /* pprof's; NULL: none */
    const char *key_label;    /* the label, in bytes, that a row's key becomes; NULL: none */

    bool is_moment;  /* its rows are of moments, one profile each */
    bool has_moment; /* it can be told while the command runs: what is at that moment */

    uint64_t (*period)(const struct wire_header *header); /* in period_type; NULL: 1 */
    /* The values of a row, which need not be valid.  False: it says nothing. */
    bool (*values)(const struct wire_header *header, const struct wire_stack *row,
                   int64_t values[COLLECT_TYPES_MAX]);
};

extern const struct collect_ops *const collect_registry[]; /* in help's order; NULL-terminated */
const struct collect_ops *collect_find(const char *name);  /* NULL if unknown */

#endif
