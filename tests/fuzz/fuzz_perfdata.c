/* Recordings of perf: whatever the bytes, a profile whose references are good, or an
 * error. */
#include "format/perfdata_read.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct profile *p)
{
    for (uint32_t i = 0; i < p->n_locations; i++)
        if (p->locations[i].mapping != PROFILE_NONE && p->locations[i].mapping >= p->n_mappings)
            abort();
    for (uint64_t i = 0; i < p->stack_first[p->n_samples]; i++)
        if (p->stack_locs[i] >= p->n_locations)
            abort();
    for (uint64_t i = 0; p->label_first && i < p->label_first[p->n_samples]; i++)
        if (p->labels[i].key >= p->n_strings || p->labels[i].str >= p->n_strings)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct diag diag;
    diag_init(&diag);
    uint8_t *copy = malloc(size); /* ends where reading has to */
    if (size && perfdata_format.probe(data, size)) {
        memcpy(copy, data, size);
        struct profile *profile = perfdata_format.read(copy, size, &diag, &err);
        if (profile)
            check(profile);
        else if (!err.code)
            abort();
        profile_free(profile);
    }
    free(copy);
    diag_release(&diag);
    return 0;
}
