#include "sym/eh_index.h"

bool eh_index_make(const struct elf *elf, uint64_t base, struct arena *arena,
                   struct ehtab_image *image, uint64_t *hdr)
{
    GElf_Shdr header;
    Elf_Scn *section = elf_section(elf, ".eh_frame", &header);
    struct str bytes = section ? elf_loaded_data(elf, header.sh_addr) : STR("");
    if (!bytes.len || header.sh_size > bytes.len || header.sh_addr < base)
        return false;
    const struct ehtab_image frames = {(const uint8_t *)bytes.p, header.sh_addr - base,
                                       header.sh_size};
    void *to = arena_calloc(arena, 1, ehtab_index_bytes(&frames));
    return to && ehtab_index(&frames, base, to, image, hdr);
}
