/* tag_table: the values of each label, with what their samples come to: what tags shows.
 * In: a run.  Out: keys in order of their names, values of each largest first.
 * Ownership: texts are borrowed from the run, or live in the struct.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_REPORT_TAG_TABLE_H
#define SONDE_REPORT_TAG_TABLE_H

#include "report/report_run.h"

/* A value of a label. */
struct tag {
    uint32_t key; /* string */
    bool is_num;
    uint32_t str;
    int64_t num, last_num; /* those that look the same are one: from num to last_num */
    int64_t value;
    struct str text; /* as it is shown */
};

struct tag_table {
    struct arena arena;
    struct tag *tags; /* those of a key together */
    size_t n;
};

/* False with ERR_NOMEM; release it in any case.  O(labels). */
bool tag_table_init(struct tag_table *t, const struct report_run *run, struct err *err);
void tag_table_release(struct tag_table *t); /* also fine on a zeroed struct */

/* The tags from `first` on that have its key: where they end, and the sum of their values. */
size_t tag_table_key(const struct tag_table *t, size_t first, int64_t *sum);

#endif
