#include "sym/elf_base.h"

#include <string.h>

#define PAGE 4096u
#define KERNEL_HALF (UINT64_C(1) << 63)
#define PAGE_OFFSET_PPC64 UINT64_C(0xc000000000000000)

/* The executable segment that holds .text. */
static const GElf_Phdr *text_segment(const struct elf *elf)
{
    const GElf_Phdr *segments;
    GElf_Shdr text;
    size_t n = elf_segments(elf, &segments);
    if (!elf_section(elf, ".text", &text))
        return NULL;
    for (size_t i = 0; i < n; i++) {
        const GElf_Phdr *s = &segments[i];
        if (s->p_type == PT_LOAD && (s->p_flags & PF_X) && text.sh_addr >= s->p_vaddr &&
            text.sh_addr - s->p_vaddr < s->p_memsz)
            return s;
    }
    return NULL;
}

/* Kernels are mapped where perf, or a tool that hides addresses, says they are. */
static bool kernel_base(const struct elf_mapping *m, const GElf_Phdr *segment, uint64_t *base)
{
    bool known = m->has_kernel_symbol;
    uint64_t symbol = m->kernel_symbol;
    if (segment->p_vaddr == m->start - m->offset)
        *base = m->offset;
    else if (m->start == 0 && m->limit != 0 && known)
        *base = m->start - symbol;
    else if (m->start >= KERNEL_HALF && m->limit > m->start &&
             (m->offset == 0 || m->offset == PAGE_OFFSET_PPC64 || m->offset == m->start))
        *base = known && m->start % PAGE == symbol % PAGE ? m->start - symbol
                                                          : m->start - segment->p_vaddr;
    else if (m->start % PAGE != 0 && known && symbol % PAGE == m->start % PAGE)
        *base = m->start - symbol;
    else
        return false;
    return true;
}

static bool compute_base(const struct elf_mapping *m, const struct elf *elf,
                         const GElf_Phdr *segment, uint64_t *base)
{
    *base = 0;
    /* A mapping of everything stands for addresses that are the file's already. */
    if (m->start == 0 && m->offset == 0 && (m->limit == UINT64_MAX || m->limit == 0))
        return true;
    switch (elf_header(elf)->e_type) {
    case ET_EXEC:
        if (!segment)
            return true;
        if (!m->has_kernel_symbol && m->start > 0 && m->start < KERNEL_HALF) {
            *base = m->start - m->offset + segment->p_offset - segment->p_vaddr;
            return true;
        }
        if (kernel_base(m, segment, base))
            return true;
        *base = m->start - segment->p_vaddr;
        return m->start == 0 && m->limit != 0 && !m->has_kernel_symbol;
    case ET_REL:
        *base = m->start;
        return m->offset == 0;
    case ET_DYN:
        if (!segment)
            *base = m->start - m->offset;
        else if (!kernel_base(m, segment, base))
            *base = m->start - m->offset + segment->p_offset - segment->p_vaddr;
        return true;
    default:
        return false;
    }
}

bool elf_mapping_init(struct elf_mapping *mapping, const struct elf *elf, uint64_t start,
                      uint64_t limit, uint64_t offset, const char *relocation_symbol,
                      struct err *err)
{
    uint64_t base;
    *mapping = (struct elf_mapping){.start = start, .limit = limit, .offset = offset};
    /* Finding the symbol means reading all of them: only where it can matter. */
    if (strstr(elf_path(elf), "vmlinux") || (start | limit | offset) % PAGE != 0)
        mapping->has_kernel_symbol = elf_symbol_value(
            elf, *relocation_symbol ? relocation_symbol : "_stext", &mapping->kernel_symbol);
    if (!compute_base(mapping, elf, text_segment(elf), &base))
        return err_set(err, ERR_INPUT, "could not identify base for %s", elf_path(elf));
    return true;
}

/* May the mapping be one of this segment? */
static bool overlaps(const struct elf_mapping *m, const GElf_Phdr *s)
{
    uint64_t map_limit = m->offset + (m->limit - m->start),
             segment_limit = s->p_offset + s->p_memsz;
    /* Segments without file contents have arbitrary offsets. */
    if (s->p_type != PT_LOAD || s->p_filesz == 0 || m->offset >= segment_limit ||
        s->p_offset >= map_limit)
        return false;
    /* It would begin at the page of the segment's beginning. */
    uint64_t in_page = s->p_vaddr & (s->p_align - 1);
    uint64_t aligned = s->p_offset > in_page ? s->p_offset - in_page : 0;
    if (m->offset < aligned)
        return false;
    /* It holds the segment's last page, and goes on far beyond. */
    return !(m->offset > s->p_offset && segment_limit < m->offset + PAGE &&
             map_limit >= segment_limit + PAGE);
}

/* The one segment that the address belongs to.  False when there is none, or no
 * telling; *segment is NULL for files without segments (kernel modules). */
static bool find_segment(const struct elf_mapping *m, const struct elf *elf, uint64_t address,
                         const GElf_Phdr **segment)
{
    const GElf_Phdr *segments, *only = NULL, *holding = NULL;
    size_t n = elf_segments(elf, &segments), n_load = 0, n_overlap = 0, n_holding = 0;
    uint64_t file_offset = address - m->start + m->offset;
    *segment = NULL;
    if (m->has_kernel_symbol || m->start >= m->limit || m->limit >= KERNEL_HALF) {
        *segment = text_segment(elf);
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        const GElf_Phdr *s = &segments[i];
        n_load += s->p_type == PT_LOAD;
        if (!overlaps(m, s))
            continue;
        n_overlap++;
        only = s;
        if (file_offset >= s->p_offset && file_offset - s->p_offset < s->p_memsz) {
            n_holding++;
            holding = s;
        }
    }
    *segment = n_overlap == 1 ? only : holding;
    return n_load == 0 || n_overlap == 1 || n_holding == 1;
}

bool elf_mapping_translate(const struct elf_mapping *mapping, const struct elf *elf,
                           uint64_t address, uint64_t *object)
{
    const GElf_Phdr *segment;
    uint64_t base;
    if (address < mapping->start || address >= mapping->limit ||
        !find_segment(mapping, elf, address, &segment) ||
        !compute_base(mapping, elf, segment, &base))
        return false;
    *object = address - base;
    return true;
}
