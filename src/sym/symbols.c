#include "sym/symbols.h"

#include "sym/demangle.h"
#include "sym/plt.h"

#include <stdlib.h>
#include <string.h>

static int by_address_name(const void *a, const void *b)
{
    const struct symbol *x = a, *y = b;
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* What a section's symbols are. */
enum section_kind { SECTION_OTHER, SECTION_DATA, SECTION_CODE };

static bool read_section_kinds(const struct elf *elf, enum section_kind **kinds, size_t *n)
{
    GElf_Shdr header;
    Elf_Scn *section = NULL;
    *n = 0;
    while ((section = elf_nextscn(elf_handle(elf), section)))
        *n = elf_ndxscn(section) + 1;
    *kinds = calloc(*n + 1, sizeof **kinds);
    while (*kinds && (section = elf_nextscn(elf_handle(elf), section))) {
        size_t i = elf_ndxscn(section);
        if (i < *n && gelf_getshdr(section, &header) && (header.sh_flags & SHF_ALLOC))
            (*kinds)[i] = header.sh_flags & SHF_EXECINSTR ? SECTION_CODE : SECTION_DATA;
    }
    return *kinds != NULL;
}

/* "$x" and the like mark where code and data begin; nm leaves them out. */
static bool is_mapping_symbol(const struct elf *elf, const char *name)
{
    unsigned machine = elf_header(elf)->e_machine;
    return name[0] == '$' && (machine == EM_AARCH64 || machine == EM_ARM || machine == EM_RISCV) &&
           name[1] && (name[2] == '\0' || name[2] == '.');
}

static bool add_symbols(struct symbols *symbols, const struct elf *elf, Elf_Scn *section,
                        const GElf_Shdr *header)
{
    enum section_kind *kinds;
    size_t n_kinds;
    GElf_Sym s;
    Elf_Data *data = elf_getdata(section, NULL);
    if (!data)
        return true;
    bool ok = read_section_kinds(elf, &kinds, &n_kinds);
    size_t n = data->d_size / header->sh_entsize;
    for (size_t i = 0; ok && i < n && gelf_getsym(data, (int)i, &s); i++) {
        unsigned type = GELF_ST_TYPE(s.st_info);
        if (type == STT_FILE || type == STT_SECTION || type == STT_TLS || s.st_shndx >= n_kinds ||
            kinds[s.st_shndx] == SECTION_OTHER)
            continue;
        const char *name = elf_strptr(elf_handle(elf), header->sh_link, s.st_name);
        if (!name || !*name || is_mapping_symbol(elf, name))
            continue;
        ok = vec_push(&symbols->all,
                      (struct symbol){s.st_value, s.st_size, name,
                                      kinds[s.st_shndx] == SECTION_CODE, type != STT_NOTYPE});
    }
    free(kinds);
    return ok;
}

/* False when memory runs out. */
static bool read_table(struct symbols *symbols, const struct elf *elf, uint32_t type)
{
    GElf_Shdr header;
    Elf_Scn *section = NULL;
    while (symbols->all.n == 0 && (section = elf_nextscn(elf_handle(elf), section))) {
        if (gelf_getshdr(section, &header) && header.sh_type == type && header.sh_entsize &&
            !add_symbols(symbols, elf, section, &header))
            return false;
    }
    return true;
}

static bool read_go(struct symbols *symbols, const struct gopclntab *go)
{
    struct gopclntab_function f;
    for (uint64_t i = 0; gopclntab_function(go, i, &f); i++) {
        if (*f.name &&
            !vec_push(&symbols->all, (struct symbol){f.entry, f.size, f.name, true, true}))
            return false;
    }
    return true;
}

bool symbols_read(struct symbols *symbols, const struct elf *elf, const struct elf *debug,
                  const struct gopclntab *go, struct err *err)
{
    *symbols = (struct symbols){0};
    if (!read_table(symbols, elf, SHT_SYMTAB) ||
        (debug && !read_table(symbols, debug, SHT_SYMTAB)) ||
        (go && symbols->all.n == 0 && !read_go(symbols, go)) ||
        !read_table(symbols, elf, SHT_DYNSYM) || !plt_read(elf, symbols))
        return err_nomem(err);
    if (symbols->all.n)
        qsort(symbols->all.items, symbols->all.n, sizeof *symbols->all.items, by_address_name);
    if (symbols->stubs.n)
        qsort(symbols->stubs.items, symbols->stubs.n, sizeof *symbols->stubs.items,
              by_address_name);
    return true;
}

void symbols_release(struct symbols *symbols)
{
    vec_release(&symbols->all);
    vec_release(&symbols->stubs);
    arena_release(&symbols->arena);
}

static size_t lower_bound(const struct symbol *items, size_t n, uint64_t address)
{
    size_t low = 0;
    for (size_t high = n; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (items[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t symbols_lower_bound(const struct symbols *symbols, uint64_t address)
{
    return lower_bound(symbols->all.items, symbols->all.n, address);
}

static bool holds(const struct symbol *s, uint64_t address)
{
    return address == s->address || s->size == 0 || address - s->address < s->size;
}

/* Of several at one address the last with a type, as llvm-objdump has it. */
static const struct symbol *best_at(const struct symbols *symbols, uint64_t address)
{
    const struct symbol *items = symbols->all.items, *best = NULL;
    size_t end = symbols->all.n;
    if (address != UINT64_MAX)
        end = symbols_lower_bound(symbols, address + 1);
    for (size_t i = end; i > 0 && items[i - 1].address == items[end - 1].address; i--) {
        const struct symbol *s = &items[i - 1];
        if (holds(s, address) && (!best || (!best->is_typed && s->is_typed)))
            best = s;
    }
    return best;
}

const struct symbol *symbols_at(const struct symbols *symbols, uint64_t address)
{
    const struct symbol *best = best_at(symbols, address), *stubs = symbols->stubs.items;
    size_t i = lower_bound(stubs, symbols->stubs.n, address);
    if (i == symbols->stubs.n || stubs[i].address != address)
        i--; /* wraps when it was 0 */
    bool is_stub = i < symbols->stubs.n && holds(&stubs[i], address);
    return is_stub && (!best || best->address < stubs[i].address) ? &stubs[i] : best;
}

void symbols_display_name(const char *name, struct buf *out)
{
    AUTO_BUF plain = {0};
    size_t n = strcspn(name, "@");
    const char *clone = strncmp(name, "_Z", 2) == 0 ? memchr(name, '.', n) : NULL;
    buf_add(&plain, name, n);
    demangle(buf_str(&plain), DEMANGLE_FULL, out);
    if (clone && strcmp(buf_str(out), buf_str(&plain)) != 0)
        buf_printf(out, " (%.*s)", (int)(name + n - clone), clone);
    buf_puts(out, name + n);
    out->failed |= plain.failed;
}
