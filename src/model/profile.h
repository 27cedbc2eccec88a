/* profile: one profile, decoded once into columns, sealed, never changed again.
 *
 * The meaning of every field is profile.proto's.  References are dense indexes
 * (u32), not ids: strings, mappings, functions, locations are arrays.  Order is
 * the order of the file.  String 0 is "".
 *
 * In: built by model/builder.h or a format reader.  Out: read-only columns.
 * Ownership: profile_free releases everything, including `parent`.
 * Threads: sealed, so any number of readers.  Signals: no. */
#ifndef SONDE_MODEL_PROFILE_H
#define SONDE_MODEL_PROFILE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define PROFILE_NONE UINT32_MAX /* "no mapping", "no function" */

struct profile_value_type {
    uint32_t type, unit; /* strings */
};

struct profile_mapping {
    uint64_t id; /* as in the file */
    uint64_t start, limit, offset;
    uint32_t file, build_id; /* strings */
    bool has_functions, has_filenames, has_line_numbers, has_inline_frames;
    /* The kernel's relocation symbol ("_text", "_stext"), found in the name
     * "[kernel.kallsyms]_text"; a string, 0 if none. */
    uint32_t kernel_relocation_symbol;
};

struct profile_function {
    uint64_t id;
    uint32_t name, system_name, filename; /* strings */
    int64_t start_line;
};

/* One source line of a location; line 0 is the innermost inlined frame, the
 * last one the function that is physically there. */
struct profile_line {
    uint32_t function; /* index, or PROFILE_NONE when the file has 0 */
    int64_t line, column;
};

struct profile_location {
    uint64_t id;
    uint64_t address;
    uint32_t mapping;             /* index or PROFILE_NONE */
    uint32_t first_line, n_lines; /* slice of profile.lines */
    bool is_folded;
};

struct profile_label {
    uint32_t key;  /* string */
    uint32_t str;  /* string; the value when !is_num */
    int64_t num;   /* the value when is_num */
    uint32_t unit; /* string; of num */
    bool is_num;
};

struct profile {
    struct arena arena;     /* holds all columns */
    struct profile *parent; /* owned; columns shared from it live there.  NULL or older stage */
    bool is_packed_pprof; /* was read from profile.proto, packed by gzip in one piece; a later stage
                             has a parent */

    /* All different: equal texts have equal ids.  NUL-terminated too. */
    uint32_t n_strings;
    const struct str *strings;

    uint32_t n_types;
    const struct profile_value_type *types;
    uint32_t default_type; /* string, 0 if none */
    struct profile_value_type period_type;
    bool has_period_type; /* what was read from a file always has one, if only ("", "") */
    int64_t period, time_nanos, duration_nanos;
    uint32_t drop_frames, keep_frames, doc_url; /* strings */
    uint32_t n_comments;
    const uint32_t *comments; /* strings */

    uint32_t n_mappings;
    const struct profile_mapping *mappings;
    uint32_t n_functions;
    const struct profile_function *functions;
    uint32_t n_lines;
    const struct profile_line *lines;
    uint32_t n_locations;
    const struct profile_location *locations;

    /* Sample i: frames stack_locs[stack_first[i] .. stack_first[i+1]), leaf
     * first; values[i*n_types .. +n_types); labels[label_first[i] ..
     * label_first[i+1]) in the order of the file. */
    uint32_t n_samples;
    const uint64_t *stack_first; /* [n_samples + 1] */
    const uint32_t *stack_locs;  /* location indexes */
    const int64_t *values;
    const uint64_t *label_first; /* [n_samples + 1]; NULL when no sample has labels */
    const struct profile_label *labels;
};

/* An empty, unsealed profile, for the builder and decoders to fill; NULL when
 * memory runs out. */
struct profile *profile_new(void);
void profile_free(struct profile *profile); /* NULL is fine */
/* Add a comment to a profile that is not shared yet.  False when memory runs out. */
bool profile_add_comment(struct profile *profile, struct str comment);
/* The id of a text, PROFILE_NONE if the profile does not have it.  O(strings). */
uint32_t profile_find_string(const struct profile *p, struct str s);

static inline struct str profile_str(const struct profile *p, uint32_t id)
{
    return p->strings[id];
}
static inline const char *profile_cstr(const struct profile *p, uint32_t id)
{
    return p->strings[id].p;
}

#endif
