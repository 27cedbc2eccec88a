/* A core file: opened, its memory read, its threads walked and made a profile and texts. */
#include "collect/attach_threads.h"
#include "fuzz_file.h"
#include "os/core.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_maps(const struct mem *mem)
{
    size_t n;
    uint8_t bytes[64];
    const struct mem_map *maps = mem_maps(mem, &n);
    for (size_t i = 0; i < n; i++) {
        if (maps[i].start >= maps[i].limit || (i && maps[i].start < maps[i - 1].limit))
            abort();
        mem_read(mem, maps[i].start, bytes, sizeof bytes, NULL);
        mem_read(mem, maps[i].limit - 32, bytes, sizeof bytes, NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct diag diag;
    struct fuzz_file file;
    const struct attach_threads_options options = {0};
    fuzz_file_init(&file, data, size);
    diag_init(&diag);
    struct mem *mem = mem_of_core(file.path, NULL, &err);
    if (mem) {
        struct buf text = {0};
        read_maps(mem);
        profile_free(attach_threads(mem, &options, &diag, &err));
        attach_threads_text(mem, &options, 2, &text, &diag, &err);
        buf_release(&text);
    }
    mem_free(mem);
    diag_release(&diag);
    fuzz_file_release(&file);
    return 0;
}
