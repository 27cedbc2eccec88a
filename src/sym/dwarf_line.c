#include "sym/dwarf_line.h"

#include "base/map.h"
#include "sym/dwarf_scan.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

struct dwarf_line {
    struct elf *elf; /* borrowed */
    Dwarf *dwarf;
};

/* What is asked of libdw about a function, once. */
struct callee {
    const char *name;
    uint32_t start_line;
};

/* One call of dwarf_line_lookup. */
struct search {
    struct dwarf_line *owner;
    struct lookup *lookups;
    size_t n;
    struct frame_table *table;
    struct scan scan;
    struct map callee_of; /* entry of the inlined function -> index in callees */
    VEC(struct callee) callees;
    struct map path_of; /* path as libdw has it -> index in paths */
    VEC(const char *) paths;
    VEC(uint32_t) candidates; /* lookups that the unit at hand may hold */
    bool is_damaged;
};

/* The source side of the unit at hand. */
struct unit {
    Dwarf_Die die;        /* the unit in the object itself, with the line table */
    const char *comp_dir; /* NULL when not known */
    Dwarf_Lines *lines;
    size_t n_lines;
    Dwarf_Files *files; /* for call_file; of the split unit if there is one */
    size_t n_files;
    struct scan_unit scan;
};

#define SCAN_BUDGET 100000000u /* far above what any compiler's output needs */

struct dwarf_line *dwarf_line_open(struct elf *elf, struct err *err)
{
    if (err)
        err->code = ERR_NONE;
    /* The scan reads numbers as this machine has them. */
    if (elf_header(elf)->e_ident[EI_DATA] != ELFDATA2LSB || elf_header(elf)->e_type == ET_REL)
        return NULL;
    Dwarf *dwarf = dwarf_begin_elf(elf_handle(elf), DWARF_C_READ, NULL);
    if (!dwarf)
        return NULL;
    struct dwarf_line *line = malloc(sizeof *line);
    if (!line) {
        dwarf_end(dwarf);
        err_nomem(err);
        return NULL;
    }
    *line = (struct dwarf_line){elf, dwarf};
    return line;
}

void dwarf_line_close(struct dwarf_line *dwarf)
{
    if (!dwarf)
        return;
    dwarf_end(dwarf->dwarf);
    free(dwarf);
}

/* --- lines --- */

struct position {
    const char *file; /* "" if unknown, NULL when memory ran out */
    uint32_t line, column;
    bool found;
};

static Dwarf_Addr line_address(const struct unit *unit, size_t i)
{
    Dwarf_Addr address = 0;
    dwarf_lineaddr(dwarf_onesrcline(unit->lines, i), &address);
    return address;
}

/* libdw leaves paths relative to the folder that was compiled in.  NULL when
 * memory runs out. */
static const char *full_path(struct search *search, const struct unit *unit, const char *path)
{
    if (!path || path[0] == '/' || !unit->comp_dir)
        return path ? path : "";
    uint64_t key = (uint64_t)(uintptr_t)path;
    uint32_t i = map_get(&search->path_of, key);
    if (i != MAP_NONE)
        return search->paths.items[i];
    size_t n = strlen(unit->comp_dir);
    const char *slash = unit->comp_dir[n - 1] == '/' ? "" : "/";
    char *full = arena_printf(&search->table->arena, "%s%s%s", unit->comp_dir, slash, path);
    if (!full || !vec_push(&search->paths, full) ||
        !map_put(&search->path_of, key, (uint32_t)(search->paths.n - 1)))
        return NULL;
    return full;
}

/* The last row at or below the address, unless a sequence ends there. */
static struct position position_of(struct search *search, const struct unit *unit, uint64_t address)
{
    struct position position = {"", 0, 0, false};
    size_t low = 0;
    for (size_t high = unit->n_lines; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (line_address(unit, middle) <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return position;
    Dwarf_Line *row = dwarf_onesrcline(unit->lines, low - 1);
    bool is_end = true;
    if (dwarf_lineendsequence(row, &is_end) != 0 || is_end)
        return position;
    int line = 0, column = 0;
    dwarf_lineno(row, &line);
    dwarf_linecol(row, &column);
    position.file = full_path(search, unit, dwarf_linesrc(row, NULL, NULL));
    position.line = line > 0 ? (uint32_t)line : 0;
    position.column = column > 0 ? (uint32_t)column : 0;
    position.found = true;
    return position;
}

/* --- functions --- */

static uint32_t number_of(Dwarf_Die *die, unsigned name, bool integrate)
{
    Dwarf_Attribute attr;
    Dwarf_Word value = 0;
    if (!(integrate ? dwarf_attr_integrate(die, name, &attr) : dwarf_attr(die, name, &attr)) ||
        dwarf_formudata(&attr, &value) != 0 || value > UINT32_MAX)
        return 0;
    return (uint32_t)value;
}

static struct callee ask_callee(Dwarf_Die *die)
{
    Dwarf_Attribute attr;
    const char *name = NULL;
    if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attr) ||
        dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attr))
        name = dwarf_formstring(&attr);
    if (!name)
        name = dwarf_diename(die);
    return (struct callee){name ? name : "", number_of(die, DW_AT_decl_line, true)};
}

/* False when memory runs out. */
static bool callee_of(struct search *search, Dwarf_Die *die, struct callee *callee)
{
    Dwarf_Attribute attr;
    Dwarf_Die origin;
    if (!dwarf_attr(die, DW_AT_abstract_origin, &attr) || !dwarf_formref_die(&attr, &origin)) {
        *callee = ask_callee(die);
        return true;
    }
    uint64_t key = (uint64_t)(uintptr_t)origin.addr;
    uint32_t i = map_get(&search->callee_of, key);
    if (i == MAP_NONE) {
        i = (uint32_t)search->callees.n;
        if (!vec_push(&search->callees, ask_callee(&origin)) ||
            !map_put(&search->callee_of, key, i))
            return false;
    }
    *callee = search->callees.items[i];
    return true;
}

static struct position call_site(struct search *search, const struct unit *unit, Dwarf_Die *die)
{
    struct position position = {"", 0, 0, true};
    uint32_t file = number_of(die, DW_AT_call_file, false);
    const char *path = NULL;
    if (unit->files && file < unit->n_files && (file > 0 || unit->scan.version >= 5))
        path = dwarf_filesrc(unit->files, file, NULL, NULL);
    position.file = full_path(search, unit, path);
    position.line = number_of(die, DW_AT_call_line, false);
    position.column = number_of(die, DW_AT_call_column, false);
    return position;
}

/* The frames of one address, if the unit knows anything of it. */
static bool add_frames(struct search *search, const struct unit *unit, struct lookup *lookup,
                       uint32_t node)
{
    struct position position = position_of(search, unit, lookup->address);
    size_t first = search->table->frames.n;
    if (node == SCAN_NONE && !position.found)
        return true;
    for (unsigned depth = 0; node != SCAN_NONE && depth < FRAMES_MAX_INLINE; depth++) {
        const struct scan_node *n = &search->scan.nodes.items[node];
        Dwarf_Die die = scan_die(&unit->scan, n->die);
        struct callee callee;
        if (!position.file || !callee_of(search, &die, &callee) ||
            !vec_push(&search->table->frames,
                      (struct frame){callee.name, position.file, position.line, position.column,
                                     callee.start_line}))
            return false;
        if (n->is_inlined)
            position = call_site(search, unit, &die);
        node = n->parent;
    }
    if (search->table->frames.n == first &&
        (!position.file ||
         !vec_push(&search->table->frames,
                   (struct frame){"", position.file, position.line, position.column, 0})))
        return false;
    lookup->first_frame = (uint32_t)first;
    lookup->n_frames = (uint32_t)(search->table->frames.n - first);
    return true;
}

/* --- units --- */

struct unit_header {
    Dwarf_Off start, next, abbrevs, type_offset;
    size_t n_header;
    uint64_t type_signature;
    Dwarf_Half version;
    uint8_t address_size, offset_size;
    bool is_types;
};

/* The unit at `at`; false at the end and at damage. */
static bool next_unit(Dwarf *dwarf, Dwarf_Off at, struct unit_header *header)
{
    header->start = at;
    return dwarf_next_unit(dwarf, at, &header->next, &header->n_header, &header->version,
                           &header->abbrevs, &header->address_size, &header->offset_size, NULL,
                           NULL) == 0 &&
           header->next > at;
}

static struct str abbrev_section(Dwarf *dwarf)
{
    static const char *const names[] = {".debug_abbrev", ".debug_abbrev.dwo", ".zdebug_abbrev"};
    Elf *elf = dwarf_getelf(dwarf);
    size_t strings;
    Elf_Scn *section = NULL;
    if (elf_getshdrstrndx(elf, &strings) != 0)
        return (struct str){"", 0};
    while ((section = elf_nextscn(elf, section))) {
        GElf_Shdr header;
        const char *name =
            gelf_getshdr(section, &header) ? elf_strptr(elf, strings, header.sh_name) : NULL;
        for (size_t i = 0; name && i < sizeof names / sizeof *names; i++) {
            /* libdw has uncompressed it in place when it opened the object */
            Elf_Data *data = strcmp(name, names[i]) == 0 ? elf_getdata(section, NULL) : NULL;
            if (data && data->d_buf)
                return (struct str){data->d_buf, data->d_size};
        }
    }
    return (struct str){"", 0};
}

/* The bytes of a unit whose first entry is `die`. */
static bool unit_bytes(Dwarf *dwarf, Dwarf_Die *die, const struct unit_header *header,
                       struct scan_unit *scan)
{
    struct str abbrevs = abbrev_section(dwarf);
    if (header->abbrevs >= abbrevs.len || header->next <= header->start + header->n_header)
        return false;
    *scan = (struct scan_unit){
        .cu = die->cu,
        .first = die->addr,
        .end = (const uint8_t *)die->addr + (header->next - header->start - header->n_header),
        .abbrevs = (const uint8_t *)abbrevs.p + header->abbrevs,
        .abbrevs_end = (const uint8_t *)abbrevs.p + abbrevs.len,
        .version = (uint8_t)header->version,
        .address_size = header->address_size,
        .offset_size = header->offset_size,
    };
    return true;
}

/* Where a split unit's entries are, in its .dwo file. */
static bool split_unit_bytes(Dwarf_Die *subdie, struct scan_unit *scan)
{
    Dwarf *dwarf = dwarf_cu_getdwarf(subdie->cu);
    Dwarf_Off wanted = dwarf_dieoffset(subdie), at = 0;
    struct unit_header header;
    for (; next_unit(dwarf, at, &header); at = header.next) {
        if (wanted >= header.start && wanted < header.next)
            return wanted == header.start + header.n_header &&
                   unit_bytes(dwarf, subdie, &header, scan);
    }
    return false;
}

static bool add_candidates(struct search *search, size_t i, uint64_t high)
{
    for (; i < search->n && search->lookups[i].address < high; i++) {
        if (search->lookups[i].n_frames == 0 && !vec_push(&search->candidates, (uint32_t)i))
            return false;
    }
    return true;
}

/* The wanted addresses that lie in the unit's own list of ranges.  Units without
 * a list are searched for all: some compilers leave it out. */
static bool find_candidates(struct search *search, Dwarf_Die *die)
{
    Dwarf_Addr base, low, high;
    ptrdiff_t offset = 0;
    bool any = false;
    vec_clear(&search->candidates);
    while ((offset = dwarf_ranges(die, offset, &base, &low, &high)) > 0) {
        any = any || low != high;
        size_t i = lookup_lower_bound(search->lookups, search->n, low);
        /* ranges that overlap without end: more than compilers write */
        if (search->candidates.n > 4 * search->n)
            break;
        if (!add_candidates(search, i, high))
            return false;
    }
    return any || offset < 0 || add_candidates(search, 0, UINT64_MAX);
}

static bool search_unit(struct search *search, const struct unit_header *header, struct err *err)
{
    struct unit unit = {0};
    uint8_t unit_type = 0;
    Dwarf_Die subdie = {0};
    if (!dwarf_offdie(search->owner->dwarf, header->start + header->n_header, &unit.die) ||
        dwarf_tag(&unit.die) == DW_TAG_type_unit || search->scan.budget == 0)
        return true;
    if (!find_candidates(search, &unit.die))
        return err_nomem(err);
    if (search->candidates.n == 0)
        return true;
    Dwarf_Attribute attr;
    unit.comp_dir = dwarf_formstring(dwarf_attr_integrate(&unit.die, DW_AT_comp_dir, &attr));
    if (unit.comp_dir && !unit.comp_dir[0])
        unit.comp_dir = NULL;
    Dwarf_Die *entries = &unit.die;
    if (dwarf_cu_info(unit.die.cu, NULL, &unit_type, NULL, &subdie, NULL, NULL, NULL) == 0 &&
        unit_type == DW_UT_skeleton && subdie.addr)
        entries = &subdie;
    bool found_bytes = entries == &subdie
                           ? split_unit_bytes(&subdie, &unit.scan)
                           : unit_bytes(search->owner->dwarf, &unit.die, header, &unit.scan);
    if (!found_bytes) {
        search->is_damaged = true;
        return true;
    }
    for (size_t i = 0; i < search->candidates.n; i++)
        search->scan.innermost[search->candidates.items[i]] = SCAN_NONE;
    switch (scan_unit(&search->scan, &unit.scan, search->lookups, search->n)) {
    case SCAN_NOMEM:
        return err_nomem(err);
    case SCAN_DAMAGED:
        search->is_damaged = true;
        break;
    case SCAN_OK:
        break;
    }
    if (dwarf_getsrclines(&unit.die, &unit.lines, &unit.n_lines) != 0)
        unit.n_lines = 0;
    if (dwarf_getsrcfiles(entries, &unit.files, &unit.n_files) != 0)
        unit.files = NULL;
    for (size_t i = 0; i < search->candidates.n; i++) {
        uint32_t at = search->candidates.items[i];
        if (search->lookups[at].n_frames == 0 &&
            !add_frames(search, &unit, &search->lookups[at], search->scan.innermost[at]))
            return err_nomem(err);
    }
    return true;
}

bool dwarf_line_lookup(struct dwarf_line *dwarf, struct lookup *lookups, size_t n,
                       struct frame_table *table, struct diag *diag, struct err *err)
{
    struct search search = {.owner = dwarf, .lookups = lookups, .n = n, .table = table};
    struct unit_header header;
    bool ok = true;
    map_init(&search.callee_of);
    map_init(&search.path_of);
    search.scan.budget = SCAN_BUDGET;
    /* inlining makes about four frames of one address */
    if (!vec_reserve(&table->frames, 4 * n))
        return err_nomem(err);
    search.scan.innermost = malloc((n + 1) * sizeof *search.scan.innermost);
    if (!search.scan.innermost)
        return err_nomem(err);
    for (Dwarf_Off at = 0; ok && next_unit(dwarf->dwarf, at, &header); at = header.next)
        ok = search_unit(&search, &header, err);
    if (search.is_damaged)
        diag_add(diag, "damaged debug information in '%s': some lines are missing",
                 elf_path(dwarf->elf));
    free(search.scan.innermost);
    scan_release(&search.scan);
    map_release(&search.callee_of);
    map_release(&search.path_of);
    vec_release(&search.paths);
    vec_release(&search.callees);
    vec_release(&search.candidates);
    return ok;
}
