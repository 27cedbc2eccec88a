/* A table of Go functions, and what its inline trees are counted from: the length
 * of the table (4 bytes), the table, the trees. */
#include "fuzz_file.h"
#include "sym/gopclntab.h"

#define TEXT 0x401000u
#define N_LOOKUPS 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t n;
    if (size < sizeof n)
        return 0;
    memcpy(&n, data, sizeof n);
    data += sizeof n;
    size -= sizeof n;
    if (n > size)
        n = (uint32_t)size;
    struct str text = {(const char *)data, n}, trees = {(const char *)data + n, size - n};
    struct gopclntab *table = gopclntab_new(text, TEXT, trees, NULL);
    if (!table)
        return 0;
    struct lookup lookups[N_LOOKUPS];
    struct frame_table frames = {0};
    struct diag diag;
    diag_init(&diag);
    arena_init(&frames.arena);
    for (uint32_t i = 0; i < N_LOOKUPS; i++)
        lookups[i] = (struct lookup){TEXT + 5 * (uint64_t)i, 0, 0};
    if (gopclntab_lookup(table, lookups, N_LOOKUPS, &frames, &diag, NULL)) {
        for (size_t i = 0; i < frames.frames.n; i++) {
            fuzz_read(frames.frames.items[i].name);
            fuzz_read(frames.frames.items[i].file);
        }
    }
    frame_table_release(&frames);
    diag_release(&diag);
    gopclntab_free(table);
    return 0;
}
