/* What is read can be written, and what was written reads back as the same
 * number of everything and writes as the same bytes. */
#include "base/diag.h"
#include "format/format.h"
#include "fuzz_profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct diag diag;
    diag_init(&diag);
    AUTO_FILE file = {size ? memcpy(malloc(size), data, size) : NULL, size, false};
    struct profile *p = format_read("input", &file, &diag, &err);
    check_result(p, &err);
    diag_release(&diag);
    return 0;
}
