/* fuzz_profile: what holds for every profile that was read: its references are good,
 * it can be written and reads back the same, and it can be merged. */
#ifndef SONDE_TESTS_FUZZ_PROFILE_H
#define SONDE_TESTS_FUZZ_PROFILE_H

#include "base/buf.h"
#include "format/pprof_read.h"
#include "format/pprof_write.h"
#include "model/merge.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what))                                                                               \
            abort();                                                                               \
    } while (0)

static uint64_t n_labels(const struct profile *p)
{
    return p->label_first ? p->label_first[p->n_samples] : 0;
}

static void check_references(const struct profile *p)
{
    for (uint64_t i = 0; i < p->stack_first[p->n_samples]; i++)
        CHECK(p->stack_locs[i] < p->n_locations);
    for (uint32_t i = 0; i < p->n_locations; i++) {
        CHECK(p->locations[i].mapping < p->n_mappings || p->locations[i].mapping == PROFILE_NONE);
        CHECK(p->locations[i].first_line + p->locations[i].n_lines <= p->n_lines);
    }
    for (uint32_t i = 0; i < p->n_lines; i++)
        CHECK(p->lines[i].function < p->n_functions);
    for (uint32_t i = 0; i < p->n_functions; i++)
        CHECK(p->functions[i].name < p->n_strings && p->functions[i].filename < p->n_strings);
    for (uint64_t i = 0; i < n_labels(p); i++)
        CHECK(p->labels[i].key < p->n_strings && p->labels[i].str < p->n_strings &&
              p->labels[i].unit < p->n_strings);
}

static void round_trip(const struct profile *p)
{
    AUTO_BUF out = {0}, again = {0};
    struct err err = {0};
    CHECK(pprof_write(p, &out, &err));
    struct profile *q = pprof_read((const uint8_t *)out.data, out.len, NULL, &err);
    CHECK(q);
    CHECK(q->n_samples == p->n_samples && q->n_types == p->n_types);
    CHECK(q->n_locations == p->n_locations && q->n_lines == p->n_lines);
    CHECK(q->n_functions == p->n_functions && q->n_mappings == p->n_mappings);
    CHECK(q->stack_first[q->n_samples] == p->stack_first[p->n_samples]);
    CHECK(n_labels(q) <= n_labels(p)); /* a text "" is not written apart from none */
    CHECK(pprof_write(q, &again, &err));
    if (n_labels(q) == n_labels(p))
        CHECK(again.len == out.len && memcmp(again.data, out.data, out.len) == 0);
    profile_free(q);
}

static void merge_with_itself(const struct profile *p)
{
    const struct profile *both[] = {p, p};
    struct err err = {0};
    struct profile *merged = merge_profiles(both, 2, &err);
    CHECK(merged || err.code == ERR_INPUT);
    if (merged) {
        check_references(merged);
        CHECK(merged->n_samples <= p->n_samples);
    }
    profile_free(merged);
}

/* Takes `p` over; NULL goes with *err. */
static void check_result(struct profile *p, const struct err *err)
{
    if (p) {
        check_references(p);
        round_trip(p);
        merge_with_itself(p);
        profile_free(p);
    } else {
        /* ERR_UNSUPPORTED: a library to unpack it is not there. */
        CHECK(err->code == ERR_INPUT || err->code == ERR_UNSUPPORTED);
        CHECK(err->msg[0] && !strchr(err->msg, '\n'));
    }
}

#endif
