/* An object file with debug information: lines and inlined calls of addresses all
 * over it. */
#include "fuzz_file.h"
#include "sym/dwarf_line.h"

#define N_LOOKUPS 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_up(struct dwarf_line *dwarf)
{
    struct lookup lookups[N_LOOKUPS];
    struct frame_table table = {0};
    struct diag diag;
    diag_init(&diag);
    arena_init(&table.arena);
    for (uint32_t i = 0; i < N_LOOKUPS; i++)
        lookups[i] = (struct lookup){0x200 + 4 * (uint64_t)i, 0, 0};
    if (dwarf_line_lookup(dwarf, lookups, N_LOOKUPS, &table, &diag, NULL)) {
        for (size_t i = 0; i < table.frames.n; i++) {
            fuzz_read(table.frames.items[i].name);
            fuzz_read(table.frames.items[i].file);
        }
        for (size_t i = 0; i < N_LOOKUPS; i++) {
            if (lookups[i].first_frame + (size_t)lookups[i].n_frames > table.frames.n)
                abort();
        }
    }
    frame_table_release(&table);
    diag_release(&diag);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_file file;
    fuzz_file_init(&file, data, size);
    struct elf *elf = elf_open(file.path, NULL);
    struct dwarf_line *dwarf = elf ? dwarf_line_open(elf, NULL) : NULL;
    if (dwarf)
        look_up(dwarf);
    dwarf_line_close(dwarf);
    elf_free(elf);
    fuzz_file_release(&file);
    return 0;
}
