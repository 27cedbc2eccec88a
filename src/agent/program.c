#include "agent/program.h"

#include "agent/memory.h"
#include "agent/raw.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/auxv.h>

#define SECTIONS_MAX 4096
#define INDEX_MAX_BYTES (256u << 20)

static uint64_t program_start, program_limit;
static int known;
static struct ehtab_image index_image;
static uint64_t index_hdr;
static int has_index;

/* Computed by whoever comes first: all get the same. */
static void find_program(void)
{
    if (__atomic_load_n(&known, __ATOMIC_ACQUIRE))
        return;
    const Elf64_Phdr *p = (const void *)getauxval(AT_PHDR);
    uint64_t n = p ? getauxval(AT_PHNUM) : 0, bias = 0, lo = UINT64_MAX, hi = 0;
    bool has_bias = false;
    for (uint64_t i = 0; i < n; i++) {
        if (p[i].p_type == PT_PHDR) {
            bias = (uint64_t)p - p[i].p_vaddr;
            has_bias = true;
        } else if (p[i].p_type == PT_LOAD) {
            if (!has_bias && p[i].p_offset == 0) { /* a static program has no PT_PHDR */
                bias = (uint64_t)p - sizeof(Elf64_Ehdr) - p[i].p_vaddr;
                has_bias = true;
            }
            lo = p[i].p_vaddr < lo ? p[i].p_vaddr : lo;
            hi = p[i].p_vaddr + p[i].p_memsz > hi ? p[i].p_vaddr + p[i].p_memsz : hi;
        }
    }
    if (has_bias && lo < hi) {
        program_start = (lo & ~4095ull) + bias;
        program_limit = ((hi + 4095) & ~4095ull) + bias;
    }
    __atomic_store_n(&known, 1, __ATOMIC_RELEASE);
}

void program_whole(uint64_t *start, uint64_t *limit)
{
    find_program();
    if (*start >= program_start && *limit <= program_limit) {
        *start = program_start;
        *limit = program_limit;
    }
}

/* The program header of this type; with PT_LOAD, the first. */
static const Elf64_Phdr *segment(uint32_t type)
{
    const Elf64_Phdr *p = (const void *)getauxval(AT_PHDR);
    uint64_t n = p ? getauxval(AT_PHNUM) : 0;
    for (uint64_t i = 0; i < n; i++)
        if (p[i].p_type == type)
            return &p[i];
    return NULL;
}

static bool read_at(long fd, void *to, size_t n_bytes, uint64_t offset)
{
    return raw4(SYS_pread64, fd, (long)to, (long)n_bytes, (long)offset) == (long)n_bytes;
}

/* The address, as linked, and the size of .eh_frame. */
static bool find_frames(long fd, Elf64_Shdr *found)
{
    Elf64_Ehdr ehdr;
    Elf64_Shdr names;
    char name[sizeof ".eh_frame"];
    if (!read_at(fd, &ehdr, sizeof ehdr, 0) || ehdr.e_shentsize != sizeof *found ||
        ehdr.e_shnum > SECTIONS_MAX ||
        !read_at(fd, &names, sizeof names, ehdr.e_shoff + ehdr.e_shstrndx * sizeof names))
        return false;
    for (uint64_t i = 0; i < ehdr.e_shnum; i++)
        if (read_at(fd, found, sizeof *found, ehdr.e_shoff + i * sizeof *found) &&
            (found->sh_flags & SHF_ALLOC) && found->sh_type != SHT_NOBITS &&
            read_at(fd, name, sizeof name, names.sh_offset + found->sh_name) &&
            memcmp(name, ".eh_frame", sizeof name) == 0)
            return true;
    return false;
}

void program_make_index(void)
{
    const Elf64_Phdr *load = segment(PT_LOAD);
    Elf64_Shdr section;
    find_program();
    if (has_index || program_limit == 0 || !load || segment(PT_GNU_EH_FRAME))
        return;
    long fd = raw4(SYS_openat, AT_FDCWD, (long)"/proc/self/exe", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return;
    bool found = find_frames(fd, &section);
    raw4(SYS_close, fd, 0, 0, 0);
    if (!found)
        return;
    uint64_t lo = section.sh_addr - (load->p_vaddr & ~4095ull),
             span = program_limit - program_start;
    if (lo >= span || section.sh_size > span - lo)
        return;
    const struct ehtab_image frames = {(const uint8_t *)(program_start + lo), lo, section.sh_size};
    for (uint64_t at = 0; at < section.sh_size; at += 4096)
        if (!raw_readable(((uint64_t)frames.bytes + at) & ~7ull))
            return;
    uint64_t n_bytes = ehtab_index_bytes(&frames);
    void *to = n_bytes <= INDEX_MAX_BYTES ? memory_alloc(n_bytes) : NULL;
    if (to && ehtab_index(&frames, program_start, to, &index_image, &index_hdr))
        __atomic_store_n(&has_index, 1, __ATOMIC_RELEASE);
}

bool program_index(uint64_t start, struct ehtab_image *image, uint64_t *hdr)
{
    if (!__atomic_load_n(&has_index, __ATOMIC_ACQUIRE) || start != program_start)
        return false;
    *image = index_image;
    *hdr = index_hdr;
    return true;
}
