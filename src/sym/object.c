#include "sym/object.h"

#include "sym/debug_file.h"
#include "sym/dwarf_line.h"
#include "sym/gopclntab.h"

#include <string.h>

bool object_open(struct object *object, const char *path, struct err *err)
{
    memset(object, 0, sizeof *object);
    object->elf = elf_open(path, err);
    return object->elf != NULL;
}

void object_release(struct object *object)
{
    gopclntab_free(object->go);
    dwarf_line_close(object->dwarf);
    elf_free(object->debug);
    elf_free(object->elf);
    frame_table_release(&object->table);
    memset(object, 0, sizeof *object);
}

static bool has_section(const struct elf *elf, const char *name)
{
    GElf_Shdr header;
    return elf_section(elf, name, &header) && header.sh_type != SHT_NOBITS;
}

static bool has_symtab(const struct elf *elf)
{
    return has_section(elf, ".symtab");
}

static bool has_dwarf(const struct elf *elf)
{
    return has_section(elf, ".debug_info") || has_section(elf, ".zdebug_info");
}

static bool has_unknown(const struct lookup *lookups, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (lookups[i].n_frames == 0)
            return true;
    }
    return false;
}

static bool look_up_go(struct object *object, struct lookup *lookups, size_t n, struct diag *diag,
                       struct err *err)
{
    return !object->go || gopclntab_lookup(object->go, lookups, n, &object->table, diag, err);
}

static struct elf *debug_of(struct object *object, bool debuginfod, struct diag *diag)
{
    if (!object->sought_debug)
        object->debug = debug_file_open(object->elf, debuginfod, diag);
    object->sought_debug = true;
    return object->debug;
}

static bool open_go(struct object *object, struct err *err)
{
    struct err why = {0};
    if (!object->sought_go)
        object->go = gopclntab_open(object->elf, &why);
    object->sought_go = why.code == ERR_NONE;
    return object->sought_go || err_nomem(err);
}

static bool look_up_dwarf(struct object *object, struct lookup *lookups, size_t n, bool debuginfod,
                          struct diag *diag, struct err *err)
{
    struct err why = {0};
    if (!object->sought_dwarf) {
        struct elf *debug = has_dwarf(object->elf) ? NULL : debug_of(object, debuginfod, diag);
        object->dwarf = dwarf_line_open(debug ? debug : object->elf, &why);
    }
    object->sought_dwarf = why.code == ERR_NONE;
    if (!object->sought_dwarf)
        return err_nomem(err);
    return !object->dwarf ||
           dwarf_line_lookup(object->dwarf, lookups, n, &object->table, diag, err);
}

static const struct elf_symbol *symbol_at(struct object *object, uint64_t address)
{
    const struct elf_symbol *symbol = elf_symbol_at(object->elf, address);
    return symbol || !object->debug ? symbol : elf_symbol_at(object->debug, address);
}

/* The symbol table's word on the function that is physically there. */
static bool add_symbol(struct object *object, struct lookup *lookup)
{
    const struct elf_symbol *symbol = symbol_at(object, lookup->address);
    if (!symbol)
        return true;
    if (lookup->n_frames == 0) {
        lookup->first_frame = (uint32_t)object->table.frames.n;
        lookup->n_frames = 1;
        return vec_push(&object->table.frames, (struct frame){symbol->name, symbol->file, 0, 0, 0});
    }
    struct frame *outermost =
        &object->table.frames.items[lookup->first_frame + lookup->n_frames - 1];
    outermost->name = symbol->name;
    if (!*outermost->file)
        outermost->file = symbol->file;
    return true;
}

/* Names by the symbol table, but for the first n_go frames: Go's linker adds
 * ".abi0" and the like to the names there. */
static bool look_up_symbols(struct object *object, struct lookup *lookups, size_t n, size_t n_go,
                            struct err *err)
{
    const struct elf_symbol *symbols;
    size_t n_symbols;
    if (!elf_symbols(object->elf, &symbols, &n_symbols) ||
        (object->debug && !elf_symbols(object->debug, &symbols, &n_symbols)))
        return err_nomem(err);
    for (size_t i = 0; i < n; i++) {
        bool is_go = lookups[i].n_frames > 0 && lookups[i].first_frame < n_go;
        if (!is_go && !add_symbol(object, &lookups[i]))
            return err_nomem(err);
    }
    return true;
}

bool object_lookup(struct object *object, struct lookup *lookups, size_t n, bool debuginfod,
                   struct diag *diag, struct err *err)
{
    size_t n_go;
    if (n == 0)
        return true;
    if (!open_go(object, err))
        return false;
    /* Go's own table is the runtime's word and quick to read; DWARF knows more
     * where that table is without inlined calls. */
    bool is_go_first = object->go && gopclntab_has_inlines(object->go);
    if (is_go_first && !look_up_go(object, lookups, n, diag, err))
        return false;
    n_go = object->table.frames.n;
    if (!has_unknown(lookups, n))
        return true;
    if (!look_up_dwarf(object, lookups, n, debuginfod, diag, err))
        return false;
    if (!is_go_first && !object->dwarf) {
        if (!look_up_go(object, lookups, n, diag, err))
            return false;
        n_go = object->table.frames.n;
    }
    return look_up_symbols(object, lookups, n, n_go, err);
}

bool object_symbols(struct object *object, struct symbols *symbols, bool debuginfod,
                    struct diag *diag, struct err *err)
{
    *symbols = (struct symbols){0};
    if (!open_go(object, err))
        return false;
    struct elf *debug = has_symtab(object->elf) ? NULL : debug_of(object, debuginfod, diag);
    return symbols_read(symbols, object->elf, debug, object->go, err);
}
