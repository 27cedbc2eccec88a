#include "go/go_dwarf.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <string.h>

const char *const go_global_symbols[GO_N_GLOBALS] = {
#define GO_GLOBAL(name, symbol) symbol,
#include "go/go_globals.h"
};

static const struct {
    const char *type, *field;
} fields[GO_N_FIELDS] = {
#define GO_FIELD(name, type, field) {type, field},
#include "go/go_fields.h"
};

#define RUNTIME "runtime."
#define TYPEDEFS_MAX 16 /* one behind the other, in a damaged file without end */

/* To the next entry; a damaged file could send one back without end. */
static bool next_die(Dwarf_Die *die)
{
    Dwarf_Off at = dwarf_dieoffset(die);
    return dwarf_siblingof(die, die) == 0 && dwarf_dieoffset(die) > at;
}

static bool type_of(Dwarf_Die *die, Dwarf_Die *type)
{
    Dwarf_Attribute attribute;
    if (!dwarf_attr(die, DW_AT_type, &attribute) || !dwarf_formref_die(&attribute, type))
        return false;
    for (unsigned i = 0; dwarf_tag(type) == DW_TAG_typedef; i++) {
        Dwarf_Die next;
        if (i == TYPEDEFS_MAX || !dwarf_attr(type, DW_AT_type, &attribute) ||
            !dwarf_formref_die(&attribute, &next))
            return false;
        *type = next;
    }
    return true;
}

/* The member `name` (n bytes) of a structure. */
static bool member(Dwarf_Die *type, const char *name, size_t n, Dwarf_Die *found)
{
    if (dwarf_child(type, found) != 0)
        return false;
    do {
        const char *s = dwarf_tag(found) == DW_TAG_member ? dwarf_diename(found) : NULL;
        if (s && strlen(s) == n && memcmp(s, name, n) == 0)
            return true;
    } while (next_die(found));
    return false;
}

static uint16_t offset_of(const Dwarf_Die *structure, const char *path)
{
    Dwarf_Die type = *structure;
    Dwarf_Attribute attribute;
    Dwarf_Word word, at = 0;
    if (!*path)
        return dwarf_attr(&type, DW_AT_byte_size, &attribute) &&
                       dwarf_formudata(&attribute, &word) == 0 && word < GO_NO_FIELD
                   ? (uint16_t)word
                   : GO_NO_FIELD;
    while (*path) {
        size_t n = strcspn(path, ".");
        Dwarf_Die found;
        if (!member(&type, path, n, &found) ||
            !dwarf_attr(&found, DW_AT_data_member_location, &attribute) ||
            dwarf_formudata(&attribute, &word) != 0 || word >= GO_NO_FIELD)
            return GO_NO_FIELD;
        at += word;
        path += n;
        if (*path == '.' && (++path, !type_of(&found, &type)))
            return GO_NO_FIELD;
    }
    return at < GO_NO_FIELD ? (uint16_t)at : GO_NO_FIELD;
}

static void read_structure(Dwarf_Die *die, const char *name, struct go_layout *layout)
{
    for (size_t i = 0; i < GO_N_FIELDS; i++)
        if (strcmp(name, fields[i].type) == 0)
            layout->at[i] = offset_of(die, fields[i].field);
}

static void read_variable(Dwarf_Die *die, const char *name, uint64_t *variables)
{
    Dwarf_Attribute attribute;
    Dwarf_Op *ops;
    size_t n;
    for (size_t i = 0; i < GO_N_GLOBALS; i++)
        if (strcmp(name, go_global_symbols[i]) == 0 &&
            dwarf_attr(die, DW_AT_location, &attribute) &&
            dwarf_getlocation(&attribute, &ops, &n) == 0 && n == 1 && ops[0].atom == DW_OP_addr)
            variables[i] = ops[0].number;
}

static void read_unit(Dwarf_Die *unit, struct go_layout *layout, uint64_t *variables)
{
    Dwarf_Die die;
    if (dwarf_child(unit, &die) != 0)
        return;
    do {
        int tag = dwarf_tag(&die);
        if (tag != DW_TAG_structure_type && tag != DW_TAG_variable)
            continue;
        const char *name = dwarf_diename(&die);
        if (!name || strncmp(name, RUNTIME, sizeof RUNTIME - 1) != 0)
            continue;
        if (tag == DW_TAG_structure_type && layout)
            read_structure(&die, name, layout);
        if (tag == DW_TAG_variable && variables)
            read_variable(&die, name, variables);
    } while (next_die(&die));
}

bool go_dwarf_read(const struct elf *elf, struct go_layout *layout,
                   uint64_t variables[GO_N_GLOBALS])
{
    bool found = false;
    Dwarf_Off at = 0, next;
    size_t n_header;
    Dwarf *dwarf = dwarf_begin_elf(elf_handle(elf), DWARF_C_READ, NULL);
    if (!dwarf)
        return false;
    if (layout)
        memset(layout, 0xff, sizeof *layout);
    /* DWARF in a damaged file: libdw ends the walk with an error. */
    while (dwarf_nextcu(dwarf, at, &next, &n_header, NULL, NULL, NULL) == 0 && next > at) {
        Dwarf_Die unit;
        const char *name = dwarf_offdie(dwarf, at + n_header, &unit) ? dwarf_diename(&unit) : NULL;
        if (name && strcmp(name, "runtime") == 0) {
            read_unit(&unit, layout, variables);
            found = true;
        }
        at = next;
    }
    dwarf_end(dwarf);
    return found;
}
