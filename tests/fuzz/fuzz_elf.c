/* An object file: what it is, its sections, segments and symbols, and addresses of
 * mappings of it. */
#include "fuzz_file.h"
#include "sym/elf_base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void map_it(const struct elf *elf, uint64_t start, uint64_t limit, uint64_t offset)
{
    struct elf_mapping mapping;
    uint64_t object;
    if (!elf_mapping_init(&mapping, elf, start, limit, offset, "", NULL))
        return;
    for (uint64_t at = 0; at < 64; at++)
        elf_mapping_translate(&mapping, elf, start + at * ((limit - start) / 64), &object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct elf_symbol *symbols;
    size_t n;
    uint64_t value;
    GElf_Shdr header;
    struct fuzz_file file;
    fuzz_file_init(&file, data, size);
    struct elf *elf = elf_open(file.path, NULL);
    if (elf) {
        elf_is_static(elf);
        elf_is_go(elf);
        elf_needs(elf, "lib");
        elf_symbol_value(elf, "_stext", &value);
        elf_section_data(elf_section(elf, ".text", &header));
        elf_section_data(elf_section(elf, ".debug_info", &header));
        if (elf_symbols(elf, &symbols, &n)) {
            for (size_t i = 0; i < n; i++) {
                elf_symbol_at(elf, symbols[i].address);
                fuzz_read(symbols[i].name);
            }
        }
        map_it(elf, 0, UINT64_MAX, 0);
        map_it(elf, 0x400000, 0x500000, 0);
        map_it(elf, 0x555500001000, 0x555500009000, 0x1000);
        map_it(elf, 0xffffffff81000000, 0xffffffff82000000, 0);
    }
    elf_free(elf);
    fuzz_file_release(&file);
    return 0;
}
