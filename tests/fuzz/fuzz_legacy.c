/* The formats other than profile.proto, each by its own probe. */
#include "base/diag.h"
#include "format/format.h"
#include "fuzz_profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diag diag;
    diag_init(&diag);
    for (const struct format_ops *const *ops = format_registry; *ops; ops++) {
        struct err err = {0};
        if (*ops != &pprof_format && (*ops)->probe(data, size))
            check_result((*ops)->read(data, size, &diag, &err), &err);
    }
    diag_release(&diag);
    return 0;
}
