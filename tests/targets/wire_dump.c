/* wire_dump FILE...: prints what libsonde recorded, one file after another:
 *   process PID comm=.. state=.. hz=.. samples=.. dropped=.. truncated=.. failures=.. modules=..
 *   stack COUNT whole|cut LEAF;..;ROOT
 * Frames are symbols of the module's own symbol tables, or FILE+0xOFFSET.  Checks
 * the file on the way: exit 1 and a line "damaged: .." if something is wrong. */
#include "wire/wire.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct symbols {
    const uint8_t *file;
    size_t size;
    const Elf64_Sym *syms;
    size_t n_syms;
    const char *names;
};

static const uint8_t *map_file(const char *path, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    void *p = MAP_FAILED;
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0) {
        *size = (size_t)st.st_size;
        p = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    if (fd >= 0)
        close(fd);
    return p == MAP_FAILED ? NULL : p;
}

/* A copy without holes: to touch one of a mapped file takes a page of a file system
 * that may be full. */
static const uint8_t *read_file(const char *path, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    void *p = MAP_FAILED;
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0) {
        *size = (size_t)st.st_size;
        p = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    }
    for (off_t at = 0; p != MAP_FAILED && (at = lseek(fd, at, SEEK_DATA)) >= 0;) {
        off_t end = lseek(fd, at, SEEK_HOLE);
        if (end <= at || pread(fd, (char *)p + at, (size_t)(end - at), at) != end - at)
            break;
        at = end;
    }
    if (fd >= 0)
        close(fd);
    return p == MAP_FAILED ? NULL : p;
}

static void read_symbols(struct symbols *s, const char *path)
{
    memset(s, 0, sizeof *s);
    s->file = map_file(path, &s->size);
    if (!s->file || s->size < sizeof(Elf64_Ehdr) || memcmp(s->file, ELFMAG, SELFMAG) != 0)
        return;
    const Elf64_Ehdr *e = (const void *)s->file;
    if (e->e_shoff + (uint64_t)e->e_shnum * sizeof(Elf64_Shdr) > s->size)
        return;
    const Elf64_Shdr *sections = (const void *)(s->file + e->e_shoff), *best = NULL;
    for (int i = 0; i < e->e_shnum; i++)
        if (sections[i].sh_type == SHT_SYMTAB || (sections[i].sh_type == SHT_DYNSYM && !best))
            best = &sections[i];
    if (!best)
        return;
    s->syms = (const void *)(s->file + best->sh_offset);
    s->n_syms = best->sh_size / sizeof(Elf64_Sym);
    s->names = (const char *)(s->file + sections[best->sh_link].sh_offset);
}

static const char *symbol_at(const struct symbols *s, uint64_t vaddr)
{
    for (size_t i = 0; i < s->n_syms; i++) {
        const Elf64_Sym *y = &s->syms[i];
        if (ELF64_ST_TYPE(y->st_info) == STT_FUNC && y->st_shndx && vaddr >= y->st_value &&
            vaddr < y->st_value + (y->st_size ? y->st_size : 1))
            return s->names + y->st_name;
    }
    return NULL;
}

static int damaged(const char *what)
{
    printf("damaged: %s\n", what);
    return 1;
}

static int dump(const char *path)
{
    size_t size = 0;
    const uint8_t *p = read_file(path, &size);
    const struct wire_header *h = (const void *)p;
    if (!p || size < sizeof *h || h->magic != WIRE_MAGIC || h->version != WIRE_VERSION)
        return damaged("not a wire file");
    if (h->file_bytes != size || h->heap_offset > size ||
        h->slots_offset + 4 * h->n_slots > h->heap_offset || h->n_modules > h->n_modules_max ||
        h->modules_offset + h->n_modules_max * sizeof(struct wire_module) > h->slots_offset)
        return damaged("header");
    printf("process %d comm=%s state=%s hz=%u samples=%llu dropped=%llu truncated=%llu "
           "failures=%llu modules=%llu\n",
           h->pid, h->comm, h->state == WIRE_ENDED ? "ended" : "running", h->hz,
           (unsigned long long)h->counts[WIRE_CPU].n_samples, (unsigned long long)h->counts[WIRE_CPU].n_dropped,
           (unsigned long long)h->counts[WIRE_CPU].n_truncated, (unsigned long long)h->n_timer_failures,
           (unsigned long long)h->n_modules);
    const struct wire_module *modules = (const void *)(p + h->modules_offset);
    struct symbols *symbols = calloc(h->n_modules + 1, sizeof *symbols);
    const char **names = calloc(h->n_modules + 1, sizeof *names);
    if (!symbols || !names)
        return damaged("no memory");
    for (uint64_t i = 0; i < h->n_modules; i++) {
        if (!modules[i].ready)
            continue;
        const char *name =
            modules[i].path_offset ? (const char *)p + modules[i].path_offset : h->exe;
        if (modules[i].path_offset >= size || modules[i].limit <= modules[i].start)
            return damaged("module");
        names[i] = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
        read_symbols(&symbols[i], name);
    }
    const uint32_t *slots = (const void *)(p + h->slots_offset);
    uint64_t total = 0;
    for (uint64_t i = 0; i < h->n_slots; i++) {
        uint64_t at = 8ull * slots[i];
        if (!at)
            continue;
        const struct wire_stack *s = (const void *)(p + at);
        if (at < h->heap_offset || at + sizeof *s > size || s->n_frames == 0 ||
            s->n_frames > WIRE_STACK_MAX || at + sizeof *s + 8ull * s->n_frames > size)
            return damaged("stack");
        if (s->kind == WIRE_LABELS)
            continue;
        total += s->n[0];
        printf("stack %llu %s ", (unsigned long long)s->n[0], s->truncated ? "cut" : "whole");
        for (uint32_t f = 0; f < s->n_frames; f++) {
            uint32_t m = WIRE_FRAME_MODULE(s->frames[f]);
            uint64_t offset = WIRE_FRAME_OFFSET(s->frames[f]);
            if (m > h->n_modules || (m && !names[m - 1]))
                return damaged("frame");
            const struct wire_module *row = m ? &modules[m - 1] : NULL;
            const char *symbol =
                row ? symbol_at(&symbols[m - 1], row->start + offset - row->bias) : NULL;
            if (symbol)
                printf("%s%s", f ? ";" : "", symbol);
            else
                printf("%s%s+0x%llx", f ? ";" : "", row ? names[m - 1] : "",
                       (unsigned long long)offset);
        }
        printf("\n");
    }
    return total == h->counts[WIRE_CPU].n_samples ? 0 : damaged("the stacks' samples are not the header's");
}

int main(int argc, char **argv)
{
    int rc = 0;
    for (int i = 1; i < argc; i++)
        rc |= dump(argv[i]);
    return rc;
}
