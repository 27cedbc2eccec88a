/* flags: a command line by the rules of Go's flag package, which pprof uses:
 * `-name` and `--name`; `-name=value` or `-name value`; a boolean takes its value
 * only after `=`; the first argument that is no flag, or `--`, ends them.
 *
 * In: argv and a table of flags.  Out: each flag's value as text.
 * Ownership: values are borrowed from argv.  Threads: independent.  Signals: no. */
#ifndef SONDE_UI_FLAGS_H
#define SONDE_UI_FLAGS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct flag_list {
    char **items;
    size_t n, cap;
};

struct flag {
    const char *name; /* without '-' */
    bool is_bool;
    const char *value;      /* the last one given, NULL if none; of a boolean "true" or "false" */
    struct flag_list *list; /* gets all that are given and not empty, in order; or NULL */
    bool is_optional;       /* its value can be left out, "" then, and stands only after `=` */
};

/* Parse argv[1..argc); argv[0] is the name of the command.  *n_used is the number of arguments
 * (argv[0] included) in front of the first that is no flag.  -h and -help, unless they are in the
 * table, set *help and end the parsing.  False with ERR_USAGE, ERR_NOMEM. */
bool flags_parse(struct flag *flags, size_t n_flags, int argc, char **argv, int *n_used, bool *help,
                 struct err *err);

/* The boolean in `text` as Go reads it (1 t T true TRUE True, 0 f ...); false when
 * it is none. */
bool flags_bool(const char *text, bool *value);

#endif
