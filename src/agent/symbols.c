#include "agent/symbols.h"

#include "agent/cxx_name.h"
#include "agent/raw.h"

#include <elf.h>
#include <fcntl.h>

#define SECTION_BYTES_MAX (256u << 20)
#define NOTES_BYTES_MAX 4096

struct symbol {
    uint64_t value; /* as linked */
    uint32_t size;
    uint32_t name : 30, rank : 2; /* of those at one address the last rank wins */
};

struct bytes {
    char *p;
    size_t n;
};

struct symbols_table {
    struct symbol *symbols; /* sorted by value */
    size_t n;
    struct bytes memory, names;
};

static void release(struct bytes *b)
{
    if (b->p)
        raw_unmap(b->p, b->n);
    *b = (struct bytes){0};
}

static bool read_at(long fd, void *to, size_t n, uint64_t offset)
{
    for (size_t done = 0; done < n;) {
        long more =
            raw4(SYS_pread64, fd, (long)to + (long)done, (long)(n - done), (long)(offset + done));
        if (more <= 0)
            return false;
        done += (size_t)more;
    }
    return true;
}

/* One byte of zero follows. */
static bool read_part(long fd, uint64_t offset, uint64_t n, struct bytes *part)
{
    if (n == 0 || n > SECTION_BYTES_MAX)
        return false;
    *part = (struct bytes){raw_alloc(n + 1), n + 1};
    if (part->p && read_at(fd, part->p, n, offset))
        return true;
    release(part);
    return false;
}

/* Whether the file has another build id than what is mapped. */
static bool is_other(long fd, const Elf64_Shdr *sections, uint32_t n, const struct module *m)
{
    static const char gnu[4] = "GNU";
    char notes[NOTES_BYTES_MAX];
    for (uint32_t i = 0; i < n && m->row.n_build_id; i++) {
        const Elf64_Nhdr *note = (const void *)notes;
        uint32_t size = sizeof *note + sizeof gnu + m->row.n_build_id;
        if (sections[i].sh_type == SHT_NOTE && sections[i].sh_size >= size &&
            size <= sizeof notes && read_at(fd, notes, size, sections[i].sh_offset) &&
            note->n_type == NT_GNU_BUILD_ID && note->n_namesz == sizeof gnu &&
            memcmp(note + 1, gnu, sizeof gnu) == 0)
            return note->n_descsz != m->row.n_build_id ||
                   memcmp(notes + sizeof *note + sizeof gnu, m->row.build_id, note->n_descsz) != 0;
    }
    return false;
}

static bool less(const struct symbol *a, const struct symbol *b)
{
    return a->value != b->value ? a->value < b->value
           : a->rank != b->rank ? a->rank < b->rank
                                : a->name > b->name;
}

/* In place. */
static void sort(struct symbol *s, size_t n)
{
    struct symbol x;
    for (size_t start = n / 2, end = n; end > 1;) {
        if (start > 0) { /* the heap is being made */
            x = s[--start];
        } else {
            x = s[--end];
            s[end] = s[0];
        }
        size_t at = start;
        for (size_t child; (child = 2 * at + 1) < end; at = child) {
            child += child + 1 < end && less(&s[child], &s[child + 1]);
            if (!less(&x, &s[child]))
                break;
            s[at] = s[child];
        }
        s[at] = x;
    }
}

/* Keeps the functions of the table, in the memory it lies in. */
static void keep_functions(struct symbols_table *t)
{
    Elf64_Sym sym;
    size_t n = (t->memory.n - 1) / sizeof sym;
    t->symbols = (void *)t->memory.p;
    for (size_t i = 0; i < n; i++) {
        memcpy(&sym, t->memory.p + i * sizeof sym, sizeof sym);
        unsigned type = ELF64_ST_TYPE(sym.st_info), bind = ELF64_ST_BIND(sym.st_info);
        if (sym.st_shndx == SHN_UNDEF || !sym.st_value || sym.st_name >= t->names.n ||
            sym.st_name >> 30 ||
            (type != STT_FUNC && type != STT_GNU_IFUNC &&
             (type != STT_NOTYPE || bind == STB_LOCAL)))
            continue;
        t->symbols[t->n++] = (struct symbol){
            .value = sym.st_value,
            .size = sym.st_size > UINT32_MAX ? UINT32_MAX : (uint32_t)sym.st_size,
            .name = sym.st_name & 0x3fffffff,
            .rank = bind == STB_GLOBAL ? 2
                    : bind == STB_WEAK ? 1
                                       : 0,
        };
    }
    sort(t->symbols, t->n);
}

static void read_symbols(struct symbols_table *t, long fd, const struct module *m)
{
    Elf64_Ehdr ehdr;
    struct bytes headers;
    if (!read_at(fd, &ehdr, sizeof ehdr, 0) || memcmp(ehdr.e_ident, ELFMAG, SELFMAG) != 0 ||
        ehdr.e_ident[EI_CLASS] != ELFCLASS64 || ehdr.e_shentsize != sizeof(Elf64_Shdr) ||
        !read_part(fd, ehdr.e_shoff, ehdr.e_shnum * sizeof(Elf64_Shdr), &headers))
        return;
    const Elf64_Shdr *sections = (const void *)headers.p, *table = NULL;
    for (uint32_t i = 0; i < ehdr.e_shnum; i++)
        if (sections[i].sh_type == SHT_SYMTAB || (sections[i].sh_type == SHT_DYNSYM && !table))
            table = &sections[i];
    if (table && table->sh_link < ehdr.e_shnum && !is_other(fd, sections, ehdr.e_shnum, m)) {
        const Elf64_Shdr *names = &sections[table->sh_link];
        if (read_part(fd, names->sh_offset, names->sh_size, &t->names) &&
            read_part(fd, table->sh_offset, table->sh_size, &t->memory))
            keep_functions(t);
    }
    release(&headers);
}

static struct symbols_table *table_of(struct symbols *s, const struct module *m)
{
    struct symbols_table *t = s->tables[m->number];
    if (t)
        return t;
    s->tables[m->number] = t = raw_alloc(sizeof *t);
    if (!t)
        return NULL;
    const char *path = m->path ? m->path : "/proc/self/exe";
    long fd = path[0] == '/' ? raw4(SYS_openat, AT_FDCWD, (long)path,
                                    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0)
                             : -1;
    if (fd >= 0) {
        read_symbols(t, fd, m);
        raw4(SYS_close, fd, 0, 0, 0);
    }
    return t;
}

struct symbols *symbols_new(void)
{
    return raw_alloc(sizeof(struct symbols));
}

void symbols_release(struct symbols *s)
{
    if (!s)
        return;
    for (size_t i = 0; i <= MODULES_MAX; i++) {
        struct symbols_table *t = s->tables[i];
        if (!t)
            continue;
        release(&t->memory);
        release(&t->names);
        raw_unmap(t, sizeof *t);
    }
    if (s->scratch)
        raw_unmap(s->scratch, cxx_name_scratch_bytes());
    raw_unmap(s, sizeof *s);
}

const char *symbols_readable(struct symbols *s, const char *name)
{
    if (name[0] != '_' || name[1] != 'Z')
        return name;
    if (!s->scratch)
        s->scratch = raw_alloc(cxx_name_scratch_bytes());
    return s->scratch && cxx_name(s->scratch, name, s->readable, sizeof s->readable) ? s->readable
                                                                                     : name;
}

const char *symbols_name(struct symbols *s, uint64_t frame, uint64_t *offset)
{
    const struct module *m = modules_get(WIRE_FRAME_MODULE(frame));
    const struct symbols_table *t = m ? table_of(s, m) : NULL;
    if (!t || !t->n)
        return NULL;
    uint64_t at = WIRE_FRAME_OFFSET(frame) + m->vaddr;
    size_t lo = 0, hi = t->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (t->symbols[mid].value <= at)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == 0)
        return NULL;
    const struct symbol *found = &t->symbols[lo - 1];
    *offset = at - found->value;
    if (found->size && *offset >= found->size)
        return NULL;
    const char *name = t->names.p + found->name;
    return name[0] ? name : NULL;
}

uint64_t symbols_address(uint64_t frame)
{
    const struct module *m = modules_get(WIRE_FRAME_MODULE(frame));
    return WIRE_FRAME_OFFSET(frame) + (m ? m->row.start : 0);
}

const char *symbols_file(uint64_t frame, const char *program)
{
    const struct module *m = modules_get(WIRE_FRAME_MODULE(frame));
    return !m ? "" : m->path ? m->path : program;
}

uint64_t symbols_frame(uint64_t address)
{
    const struct placement *p = modules_find(address, NULL);
    return p ? WIRE_FRAME(p->module->number, address - p->start)
             : WIRE_FRAME(0, WIRE_FRAME_OFFSET(address));
}
