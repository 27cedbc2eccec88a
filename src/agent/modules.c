#include "agent/modules.h"

#include "agent/memory.h"
#include "agent/peek.h"
#include "agent/program.h"
#include "agent/raw.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <string.h>

#define PLACES 16384 /* power of two */
#define PLACES_MAX (PLACES / 2)
#define LOCK_TRIES 20000
#define NOTES_MAX_BYTES 65536
#define PHDRS_MAX 64

static struct placement *places[PLACES]; /* open addressing by start */
static struct placement *in_order[PLACES_MAX];
static uint32_t n_places;
static struct module *modules[MODULES_MAX];
static uint32_t n_modules;
static uint32_t generation = 1;
uint32_t modules_closed;
static int n_closing = 1;       /* 1 too many until modules_closing_is_told */
static int lock;                /* for adding; held with all signals blocked */
static char name[2 * PATH_MAX]; /* under the lock */

static uint32_t bucket_of(uint64_t start)
{
    return (uint32_t)((start >> 12) * 0x9e3779b97f4a7c15u >> 40) & (PLACES - 1);
}

/* Whether what is mapped there now is still this module. */
static bool is_still(const struct placement *p)
{
    uint8_t id[MODULES_ID_BYTES];
    const struct module *m = p->module;
    uint64_t at = p->start + m->id_at;
    if (m->n_id == 0)
        return true;
    if (__atomic_load_n(&n_closing, __ATOMIC_SEQ_CST) == 0 && !modules_torn(p))
        return memcmp((const void *)at, m->id, m->n_id) == 0;
    return peek(id, at, m->n_id) && memcmp(id, m->id, m->n_id) == 0;
}

static const struct placement *lookup(uint64_t start, uint64_t limit)
{
    for (uint32_t i = bucket_of(start);; i = (i + 1) & (PLACES - 1)) {
        const struct placement *p = __atomic_load_n(&places[i], __ATOMIC_ACQUIRE);
        if (!p)
            return NULL;
        if (p->start == start && p->limit == limit && is_still(p))
            return p;
    }
}

/* The GNU build id in the notes at [at, at + n_bytes). */
static void find_build_id(struct module *m, uint64_t start, uint64_t at, uint64_t n_bytes)
{
    for (uint64_t p = at; p - at + sizeof(Elf64_Nhdr) + 4 <= n_bytes;) {
        struct {
            Elf64_Nhdr h;
            char name[4];
        } note;
        if (!peek(&note, p, sizeof note) || note.h.n_namesz > 4096)
            return;
        uint64_t desc = p + sizeof note.h + ((note.h.n_namesz + 3u) & ~3u);
        uint32_t n = note.h.n_descsz;
        if (n > n_bytes)
            return;
        if (note.h.n_type == NT_GNU_BUILD_ID && note.h.n_namesz == 4 &&
            memcmp(note.name, "GNU", 4) == 0 && n <= WIRE_BUILD_ID_MAX) {
            if (peek(m->row.build_id, desc, n))
                m->row.n_build_id = n;
            m->id_at = desc - start;
            m->n_id = n < MODULES_ID_BYTES ? n : MODULES_ID_BYTES;
            return;
        }
        p = desc + ((n + 3u) & ~3u);
    }
}

/* Reads the program headers at `start`.  Without an ELF header there, the module
 * has a name and no table. */
static void read_elf(struct module *m, uint64_t start)
{
    static Elf64_Phdr phdrs[PHDRS_MAX]; /* under the lock, as all of this */
    Elf64_Ehdr ehdr;
    if (!peek(&ehdr, start, sizeof ehdr) || memcmp(ehdr.e_ident, ELFMAG, SELFMAG) != 0 ||
        ehdr.e_ident[EI_CLASS] != ELFCLASS64 || ehdr.e_phentsize != sizeof(Elf64_Phdr) ||
        ehdr.e_phoff > m->span)
        return;
    uint32_t n = ehdr.e_phnum < PHDRS_MAX ? ehdr.e_phnum : PHDRS_MAX;
    bool has_load = false;
    if (!peek(phdrs, start + ehdr.e_phoff, n * sizeof *phdrs))
        return;
    for (uint32_t i = 0; i < n; i++) {
        const Elf64_Phdr p = phdrs[i];
        if (p.p_type == PT_LOAD && !has_load) {
            m->vaddr = p.p_vaddr & ~4095ull;
            has_load = true;
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        const Elf64_Phdr p = phdrs[i];
        if (p.p_vaddr - m->vaddr > m->span || p.p_filesz > m->span - (p.p_vaddr - m->vaddr))
            continue;
        if (p.p_type == PT_LOAD && (p.p_flags & PF_X) && !m->text_limit) {
            m->text_lo = (p.p_vaddr & ~4095ull) - m->vaddr;
            m->text_limit = ((p.p_vaddr + p.p_memsz + 4095) & ~4095ull) - m->vaddr;
            m->text_file = p.p_offset & ~4095ull;
        }
        if (p.p_type == PT_GNU_EH_FRAME)
            m->hdr = p.p_vaddr - m->vaddr;
        else if (p.p_type == PT_NOTE && !m->row.n_build_id && p.p_filesz <= NOTES_MAX_BYTES)
            find_build_id(m, start, start + p.p_vaddr - m->vaddr, p.p_filesz);
    }
    for (uint32_t i = 0; m->hdr && i < n; i++) {
        const Elf64_Phdr p = phdrs[i];
        uint64_t lo = p.p_vaddr - m->vaddr;
        if (p.p_type != PT_LOAD || !(p.p_flags & PF_R) || lo > m->hdr ||
            m->hdr - lo >= p.p_filesz || lo > m->span || p.p_filesz > m->span - lo)
            continue;
        m->image_lo = lo;
        m->image_bytes = p.p_filesz;
    }
    if (m->n_id == 0 && m->image_bytes && peek(m->id, start + m->hdr, MODULES_ID_BYTES)) {
        m->id_at = m->hdr;
        m->n_id = MODULES_ID_BYTES;
    }
    if (m->row.n_build_id)
        memcpy(m->id, m->row.build_id, m->n_id);
}

static void start_table(struct module *m, uint64_t start)
{
    struct ehtab_image made;
    uint64_t hdr;
    if (m->hdr == 0 && program_index(start, &made, &hdr)) {
        m->made = made.bytes;
        m->hdr = hdr;
        m->image_lo = made.lo;
        m->image_bytes = made.n_bytes;
        ehtab_init(&m->table, &made, hdr, m->span, memory_for_ehtab());
        return;
    }
    struct placement here = {start, start + m->span, m, 0};
    struct ehtab_image image = modules_image(&here);
    if (m->image_bytes && raw_readable((start + m->hdr) & ~7ull) &&
        raw_readable((start + m->image_lo + m->image_bytes - 8) & ~7ull))
        ehtab_init(&m->table, &image, m->hdr, m->span, memory_for_ehtab());
}

/* The loader's name of an object, made absolute, in `name`; "" for the executable. */
static bool find_name(uint64_t from)
{
    static char given[PATH_MAX];
    size_t n = 0;
    for (; from; n++) {
        if (n == sizeof given - 1 ||
            ((n == 0 || (from + n) % 4096 == 0) && !raw_readable((from + n) & ~7ull)))
            return false;
        given[n] = *(const char *)(from + n);
        if (!given[n])
            break;
    }
    given[n] = '\0';
    if (strncmp(given, "linux-vdso", 10) == 0) {
        strcpy(name, "[vdso]");
        return true;
    }
    size_t at = 0;
    if (given[0] && given[0] != '/') {
        /* Relative to the folder of the time it was opened: most likely still this one. */
        long cwd = raw4(SYS_getcwd, (long)name, PATH_MAX, 0, 0);
        if (cwd > 1) {
            at = (size_t)cwd;
            name[at - 1] = '/';
        }
    }
    strcpy(name + at, strncmp(given, "./", 2) == 0 ? given + 2 : given);
    return true;
}

static bool same_module(const struct module *a, const struct module *b, const char *path)
{
    return a->span == b->span && a->n_id == b->n_id && memcmp(a->id, b->id, a->n_id) == 0 &&
           strcmp(a->path ? a->path : "", path) == 0;
}

/* Under the lock.  NULL: no memory, or too many. */
static const struct placement *add(const struct dl_find_object *found, uint64_t start,
                                   uint64_t limit)
{
    static struct module next; /* too large for a signal stack */
    struct link_map map = {0};
    if (n_places == PLACES_MAX || limit <= start)
        return NULL;
    if (found->dlfo_link_map && !peek(&map, (uint64_t)found->dlfo_link_map, sizeof map))
        return NULL;
    if (!find_name((uint64_t)map.l_name))
        return NULL;
    memset(&next, 0, sizeof next);
    next.span = limit - start;
    struct module *m = NULL;
    read_elf(&next, start);
    for (uint32_t i = 0; i < n_modules && !m; i++)
        if (same_module(modules[i], &next, name))
            m = modules[i];
    if (!m) {
        m = n_modules < MODULES_MAX ? memory_alloc(sizeof *m) : NULL;
        if (!m)
            return NULL;
        *m = next;
        if (name[0]) {
            char *path = memory_alloc(strlen(name) + 1);
            if (!path)
                return NULL;
            strcpy(path, name);
            m->path = path;
        }
        m->row.start = start;
        m->row.limit = limit;
        m->row.bias = start - m->vaddr;
        start_table(m, start);
        m->number = n_modules + 1;
        modules[n_modules] = m;
        __atomic_store_n(&n_modules, n_modules + 1, __ATOMIC_RELEASE);
    }
    struct placement *p = memory_alloc(sizeof *p);
    if (!p)
        return NULL;
    *p = (struct placement){start, limit, m, 0};
    uint32_t i = bucket_of(start);
    while (places[i])
        i = (i + 1) & (PLACES - 1);
    __atomic_store_n(&places[i], p, __ATOMIC_RELEASE);
    in_order[n_places] = p;
    __atomic_store_n(&n_places, n_places + 1, __ATOMIC_RELEASE);
    return p;
}

/* With all signals blocked: no handler of the holder's can ask for it, or leave it taken. */
static bool lock_take(uint64_t *mask)
{
    const uint64_t all = ~0ull;
    raw_sigmask(SIG_BLOCK, &all, mask);
    for (int i = 0; i < LOCK_TRIES; i++) {
        int zero = 0;
        if (__atomic_compare_exchange_n(&lock, &zero, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return true;
        raw_yield();
    }
    raw_sigmask(SIG_SETMASK, mask, NULL);
    return false;
}

static void lock_give(const uint64_t *mask)
{
    __atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
    raw_sigmask(SIG_SETMASK, mask, NULL);
}

const struct placement *modules_find(uint64_t pc, struct store *store)
{
    struct dl_find_object found;
    if (_dl_find_object((void *)pc, &found) != 0)
        return NULL;
    uint64_t start = (uint64_t)found.dlfo_map_start, limit = (uint64_t)found.dlfo_map_end;
    program_whole(&start, &limit);
    const struct placement *p = lookup(start, limit);
    if (!p) {
        uint64_t mask;
        if (!lock_take(&mask))
            return NULL;
        p = lookup(start, limit);
        if (!p)
            p = add(&found, start, limit);
        lock_give(&mask);
        if (!p)
            return NULL;
    }
    struct module *m = p->module;
    uint32_t now = __atomic_load_n(&generation, __ATOMIC_RELAXED);
    if (store && store->is_file && __atomic_load_n(&m->logged, __ATOMIC_RELAXED) != now) {
        if (!store_module(store, m->number, &m->row, m->path))
            return NULL;
        __atomic_store_n(&m->logged, now, __ATOMIC_RELAXED);
    }
    return p;
}

const struct module *modules_get(uint32_t number)
{
    return number && number <= __atomic_load_n(&n_modules, __ATOMIC_ACQUIRE) ? modules[number - 1]
                                                                             : NULL;
}

bool modules_tear(uint64_t lo, uint64_t limit)
{
    uint32_t n = __atomic_load_n(&n_places, __ATOMIC_ACQUIRE);
    bool any = false;
    for (uint32_t i = 0; i < n; i++) {
        struct placement *p = in_order[i];
        const struct module *m = p->module;
        uint64_t id = p->start + m->id_at, image = p->start + m->image_lo;
        if (!(lo < id + m->n_id && id < limit) &&
            !(!m->made && lo < image + m->image_bytes && image < limit))
            continue;
        __atomic_store_n(&p->torn, 1, __ATOMIC_SEQ_CST);
        any = true;
    }
    return any;
}

void modules_closing_is_told(void)
{
    modules_closing_end();
}

void modules_closing_begin(void)
{
    __atomic_fetch_add(&n_closing, 1, __ATOMIC_SEQ_CST);
}

void modules_closing_end(void)
{
    __atomic_add_fetch(&modules_closed, 1, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&n_closing, 1, __ATOMIC_SEQ_CST);
}

void modules_new_process(void)
{
    __atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
    __atomic_fetch_add(&generation, 1, __ATOMIC_RELAXED);
}
