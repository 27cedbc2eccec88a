/* A table of Go functions, and what its inline trees are counted from: the length
 * of the table (4 bytes), the table, the trees. */
#include "fuzz_file.h"
#include "sym/gopclntab.h"

#define TEXT 0x401000u
#define N_LOOKUPS 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What Go's unwinder is told about an address. */
static void read_unwinding(struct gopclntab *table, uint64_t address)
{
    struct gopclntab_function f;
    struct gopclntab_call call;
    const char *file;
    uint32_t line;
    if (!gopclntab_at(table, address, &f))
        return;
    fuzz_read(f.name);
    gopclntab_has_sp(table, &f);
    gopclntab_sp_delta(table, &f, address);
    gopclntab_line(table, &f, address, &file, &line);
    fuzz_read(file);
    for (unsigned i = 0; i < 8; i++) {
        struct str bytes = gopclntab_data(table, &f, i);
        gopclntab_number(table, &f, i, address);
        if (bytes.len && bytes.p[bytes.len - 1] == 'x')
            fuzz_read("x");
    }
    for (unsigned depth = 0; depth < FRAMES_MAX_INLINE && gopclntab_call(table, &f, address, &call);
         depth++) {
        fuzz_read(call.name);
        address = call.caller;
    }
}

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
    for (uint32_t i = 0; i < N_LOOKUPS; i++)
        read_unwinding(table, lookups[i].address);
    frame_table_release(&frames);
    diag_release(&diag);
    gopclntab_free(table);
    return 0;
}
