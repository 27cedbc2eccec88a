#include "go/go_program.h"

#include "go/go_buildinfo.h"
#include "go/go_dwarf.h"
#include "go/go_recipe.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES 4096
#define CHUNK_BYTES (1u << 20)
#define RUNTIME "runtime."

static bool is_x86_64(const struct elf *elf)
{
    const GElf_Ehdr *header = elf_header(elf);
    return header->e_machine == EM_X86_64 && header->e_ident[EI_CLASS] == ELFCLASS64 &&
           header->e_ident[EI_DATA] == ELFDATA2LSB;
}

static bool is_go(const struct elf *elf)
{
    char version[64];
    return elf_is_go(elf) || go_buildinfo_version(elf, version, sizeof version);
}

bool go_program_is(const struct mem *mem)
{
    struct err err;
    struct elf *elf = elf_open(mem_executable(mem), &err);
    bool is = elf && is_go(elf);
    elf_free(elf);
    return is;
}

/* --- the file, and where it lies in memory --- */

/* Does memory at `start` hold the headers of this file? */
static bool has_headers(const struct mem *mem, const struct elf *elf, uint64_t start)
{
    size_t n_file, n_header = sizeof(Elf64_Ehdr);
    const char *file = elf_rawfile(elf_handle(elf), &n_file);
    const GElf_Ehdr *header = elf_header(elf);
    uint8_t bytes[PAGE_BYTES];
    if (!file || n_file < n_header)
        return false;
    if (header->e_phoff == n_header)
        n_header += (size_t)header->e_phnum * sizeof(Elf64_Phdr);
    if (n_header > n_file || n_header > sizeof bytes)
        n_header = sizeof(Elf64_Ehdr);
    return mem_read(mem, start, bytes, n_header, NULL) && memcmp(bytes, file, n_header) == 0;
}

static bool find_bias(struct go_program *program, struct err *err)
{
    const GElf_Phdr *segments;
    size_t n_segments = elf_segments(program->elf, &segments), n_maps;
    const struct mem_map *maps = mem_maps(program->mem, &n_maps);
    if (elf_header(program->elf)->e_type == ET_EXEC)
        return true;
    for (size_t i = 0; i < n_maps; i++) {
        if (maps[i].offset != 0 || !maps[i].can_read || maps[i].path[0] != '/' ||
            !has_headers(program->mem, program->elf, maps[i].start))
            continue;
        for (size_t k = 0; k < n_segments; k++) {
            if (segments[k].p_type == PT_LOAD && segments[k].p_offset < PAGE_BYTES) {
                program->bias = maps[i].start - (segments[k].p_vaddr - segments[k].p_offset);
                return true;
            }
        }
    }
    return err_set(err, ERR_INPUT, "%s: its executable is not found among what it has mapped",
                   mem_name(program->mem));
}

/* A file of the process that has code, is Go, and is no executable: a library. */
static bool find_library(const struct mem *mem, char *path, size_t size)
{
    size_t n;
    const struct mem_map *maps = mem_maps(mem, &n);
    for (size_t i = 0; i < n; i++) {
        if (!maps[i].can_exec || !mem_map_path(mem, &maps[i], path, size))
            continue;
        struct elf *elf = elf_open(path, NULL);
        bool found = elf && is_go(elf);
        elf_free(elf);
        if (found) {
            if (strlen(maps[i].path) < size)
                memcpy(path, maps[i].path, strlen(maps[i].path) + 1);
            return true;
        }
    }
    return false;
}

static bool open_executable(struct go_program *program, struct err *err)
{
    char path[512];
    const char *name = mem_name(program->mem);
    program->elf = elf_open(mem_executable(program->mem), err);
    if (!program->elf)
        return err_wrap(err, "%s", name);
    if (!is_go(program->elf)) {
        if (find_library(program->mem, path, sizeof path))
            return err_set(err, ERR_UNSUPPORTED,
                           "%s is no Go program; the Go library in it, '%s', cannot be read", name,
                           path);
        return err_set(err, ERR_INPUT, "%s is no Go program", name);
    }
    if (!is_x86_64(program->elf))
        return err_set(err, ERR_UNSUPPORTED, "%s is a Go program for another machine than x86-64",
                       name);
    if (!go_buildinfo_version(program->elf, program->version, sizeof program->version))
        return err_set(err, ERR_UNSUPPORTED,
                       "%s does not say which version of Go built it (Go 1.18 or newer does)",
                       name);
    program->minor = go_buildinfo_minor(program->version);
    return find_bias(program, err);
}

/* --- the layout --- */

/* What nothing can be read without. */
static bool has_basics(const struct go_layout *layout)
{
    static const uint16_t basics[] = {GO_G_GOID,       GO_G_ATOMICSTATUS, GO_G_SCHED_SP,
                                      GO_G_SCHED_PC,   GO_G_STACK_HI,     GO_M_PROCID,
                                      GO_MODULE_TEXT,  GO_MODULE_ETEXT,   GO_MODULE_FUNCNAMETAB,
                                      GO_MODULE_PCTAB, GO_MODULE_PCHEADER};
    for (size_t i = 0; i < sizeof basics / sizeof *basics; i++)
        if (layout->at[basics[i]] == GO_NO_FIELD)
            return false;
    return true;
}

/* Between releases the types change. */
static bool is_development(const char *version)
{
    return strstr(version, "devel") != NULL;
}

static bool find_layout(struct go_program *program, const struct go_version *version,
                        struct err *err)
{
    unsigned first, last;
    if ((!version || is_development(program->version)) &&
        go_dwarf_read(program->elf, &program->layout, NULL) && has_basics(&program->layout))
        return true;
    if (version) {
        program->layout = version->layout;
        return true;
    }
    go_version_range(&first, &last);
    return err_set(err, ERR_UNSUPPORTED,
                   "cannot read %s: it was built with %s, which this version of Sonde does not "
                   "know (it knows 1.%u to 1.%u), and has no DWARF to learn from",
                   mem_name(program->mem), program->version, first, last);
}

/* --- moduledata and functions --- */

struct table {
    struct str data;
    uint64_t address, names, pcs; /* in memory */
};

static bool read_u64(const struct mem *mem, uint64_t address, uint64_t *number)
{
    return mem_read(mem, address, number, sizeof *number, NULL);
}

static bool is_module(const struct go_program *program, const struct table *table, uint64_t module)
{
    const uint16_t *at = program->layout.at;
    uint64_t names, pcs;
    return read_u64(program->mem, module + at[GO_MODULE_FUNCNAMETAB], &names) &&
           read_u64(program->mem, module + at[GO_MODULE_PCTAB], &pcs) && names == table->names &&
           pcs == table->pcs;
}

/* A pointer to the table's header in [start, limit), with a moduledata around it. */
static uint64_t search_module(const struct go_program *program, const struct table *table,
                              uint64_t start, uint64_t limit, uint8_t *chunk)
{
    for (uint64_t at = start; at < limit;) {
        size_t n = limit - at < CHUNK_BYTES ? (size_t)(limit - at) : CHUNK_BYTES;
        bool ok = mem_read(program->mem, at, chunk, n, NULL);
        if (!ok && n > PAGE_BYTES)
            ok = mem_read(program->mem, at, chunk, n = PAGE_BYTES, NULL);
        for (size_t i = 0; ok && i + 8 <= n; i += 8) {
            uint64_t word;
            memcpy(&word, chunk + i, sizeof word);
            uint64_t module = at + i - program->layout.at[GO_MODULE_PCHEADER];
            if (word == table->address && is_module(program, table, module))
                return module;
        }
        at += n;
    }
    return 0;
}

/* First in what can be written (moduledata is a variable), then in what was made read-only
 * after relocation. */
static uint64_t find_module(const struct go_program *program, const struct table *table,
                            struct err *err)
{
    const GElf_Phdr *segments;
    size_t n = elf_segments(program->elf, &segments), n_maps;
    const struct mem_map *maps = mem_maps(program->mem, &n_maps);
    uint8_t *chunk = malloc(CHUNK_BYTES);
    uint64_t module = 0;
    if (!chunk) {
        err_nomem(err);
        return 0;
    }
    for (unsigned pass = 0; pass < 2 && !module; pass++) {
        for (size_t i = 0; i < n_maps && !module; i++) {
            const struct mem_map *map = &maps[i];
            if (!map->can_read || map->can_exec || map->can_write != (pass == 0))
                continue;
            for (size_t k = 0; k < n && !module; k++) {
                uint64_t start = segments[k].p_vaddr + program->bias, limit;
                if (segments[k].p_type != PT_LOAD || !(segments[k].p_flags & PF_W) ||
                    __builtin_add_overflow(start, segments[k].p_memsz, &limit))
                    continue;
                start = (start > map->start ? start : map->start) & ~(uint64_t)7;
                limit = limit < map->limit ? limit : map->limit;
                if (start < limit)
                    module = search_module(program, table, start, limit, chunk);
            }
        }
    }
    free(chunk);
    if (!module)
        err_set(err, ERR_INPUT, "%s: the description of its functions (moduledata) is not found",
                mem_name(program->mem));
    return module;
}

static bool find_functions(struct go_program *program, struct err *err)
{
    struct table table = {0};
    uint64_t gofunc = 0;
    table.data = gopclntab_find(program->elf, &table.address);
    if (!gopclntab_parts(table.data, &table.names, &table.pcs))
        return err_set(err, ERR_INPUT, "%s: its table of functions (.gopclntab) is not found",
                       mem_name(program->mem));
    table.address += program->bias;
    table.names += table.address;
    table.pcs += table.address;
    program->module = find_module(program, &table, err);
    if (!program->module)
        return false;
    const uint16_t *at = program->layout.at;
    if (!read_u64(program->mem, program->module + at[GO_MODULE_TEXT], &program->text) ||
        !read_u64(program->mem, program->module + at[GO_MODULE_ETEXT], &program->etext) ||
        (at[GO_MODULE_GOFUNC] != GO_NO_FIELD &&
         !read_u64(program->mem, program->module + at[GO_MODULE_GOFUNC], &gofunc)) ||
        program->text >= program->etext)
        return err_set(err, ERR_INPUT, "%s: its moduledata is damaged", mem_name(program->mem));
    struct str inlines = elf_loaded_data(program->elf, gofunc - program->bias);
    program->table = gopclntab_new(table.data, program->text, inlines, err);
    return program->table != NULL;
}

/* --- variables --- */

/* Inside one of the module's parts that hold variables. */
static bool is_variable(const struct go_program *program, uint64_t address)
{
    static const uint16_t parts[][2] = {{GO_MODULE_NOPTRDATA, GO_MODULE_ENOPTRDATA},
                                        {GO_MODULE_DATA, GO_MODULE_EDATA},
                                        {GO_MODULE_BSS, GO_MODULE_EBSS},
                                        {GO_MODULE_NOPTRBSS, GO_MODULE_ENOPTRBSS}};
    const uint16_t *at = program->layout.at;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        uint64_t start, limit;
        if (at[parts[i][0]] != GO_NO_FIELD && at[parts[i][1]] != GO_NO_FIELD &&
            read_u64(program->mem, program->module + at[parts[i][0]], &start) &&
            read_u64(program->mem, program->module + at[parts[i][1]], &limit) && address >= start &&
            address < limit)
            return true;
    }
    return false;
}

static bool find_by_symbols(struct go_program *program)
{
    uint64_t values[GO_N_GLOBALS] = {0};
    bool found = false;
    elf_symbol_values(program->elf, RUNTIME, go_global_symbols, GO_N_GLOBALS, values);
    if (!values[GO_VAR_ALLGS])
        go_dwarf_read(program->elf, NULL, values);
    for (size_t i = 0; i < GO_N_GLOBALS; i++) {
        if (!values[i])
            continue;
        program->globals[i] = values[i] + program->bias;
        program->sure[i] = true;
        found = true;
    }
    return found;
}

static int by_function(const void *a, const void *b)
{
    const struct go_reference *const *x = a, *const *y = b;
    return strcmp((*x)->function, (*y)->function);
}

static void vote_in(const struct go_program *program, const struct gopclntab_function *f,
                    const struct go_reference *const *by_name, size_t n, struct go_vote *votes)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(by_name[middle]->function, f->name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    struct str code = {"", 0};
    for (; low < n && strcmp(by_name[low]->function, f->name) == 0; low++) {
        uint64_t variable;
        bool is_exact;
        if (code.len == 0)
            code = elf_loaded_data(program->elf, f->entry - program->bias);
        if (code.len > f->size)
            code.len = f->size;
        if (go_reference_follow(by_name[low], code, f->entry, &variable, &is_exact))
            go_vote_add(&votes[by_name[low]->global], variable, is_exact);
    }
}

static bool find_by_references(struct go_program *program, const struct go_version *version,
                               struct err *err)
{
    struct go_vote votes[GO_N_GLOBALS] = {0};
    struct gopclntab_function f;
    const struct go_reference **by_name = calloc(version->n_references + 1, sizeof *by_name);
    if (!by_name)
        return err_nomem(err);
    for (size_t i = 0; i < version->n_references; i++)
        by_name[i] = &version->references[i];
    qsort(by_name, version->n_references, sizeof *by_name, by_function);
    for (uint64_t i = 0; gopclntab_function(program->table, i, &f); i++)
        if (strncmp(f.name, RUNTIME, sizeof RUNTIME - 1) == 0)
            vote_in(program, &f, by_name, version->n_references, votes);
    free(by_name);
    for (size_t i = 0; i < GO_N_GLOBALS; i++)
        program->globals[i] = go_vote_winner(&votes[i], &program->sure[i]);
    return true;
}

/* --- what must hold --- */

static void forget(struct go_program *program, enum go_global global)
{
    program->globals[global] = 0;
    program->sure[global] = false;
}

/* allgptr and allglen are copies of allgs, set one after the other. */
#define TRIES 20
static bool allgs_agree(const struct go_program *program)
{
    const uint64_t *globals = program->globals;
    for (unsigned i = 0; i < TRIES; i++) {
        uint64_t slice[2], pointer, length;
        if (mem_read(program->mem, globals[GO_VAR_ALLGS], slice, sizeof slice, NULL) &&
            read_u64(program->mem, globals[GO_VAR_ALLGPTR], &pointer) &&
            read_u64(program->mem, globals[GO_VAR_ALLGLEN], &length) && slice[0] == pointer &&
            slice[1] == length)
            return true;
    }
    return false;
}

/* The first of a list of buckets is of the kind that the list is of, or there is none. */
static bool is_bucket_list(const struct go_program *program, enum go_global global, uint64_t kind)
{
    uint64_t first, type = 0;
    return read_u64(program->mem, program->globals[global], &first) &&
           (first == 0 ||
            (first % 8 == 0 &&
             mem_read(program->mem, first + program->layout.at[GO_BUCKET_TYP], &type, 1, NULL) &&
             type == kind));
}

static bool is_between(const struct go_program *program, enum go_global global, int64_t least,
                       int64_t most)
{
    uint64_t number;
    return read_u64(program->mem, program->globals[global], &number) && (int64_t)number >= least &&
           (int64_t)number <= most;
}

static void check_variables(struct go_program *program)
{
    static const struct {
        enum go_global global;
        uint64_t kind;
    } lists[] = {{GO_VAR_MBUCKETS, 1}, {GO_VAR_BBUCKETS, 2}, {GO_VAR_XBUCKETS, 3}};
    static const struct {
        enum go_global global;
        int64_t least, most;
    } numbers[] = {{GO_VAR_MEM_PROFILE_RATE, 0, INT64_MAX},
                   {GO_VAR_BLOCK_PROFILE_RATE, 0, INT64_MAX},
                   {GO_VAR_MUTEX_PROFILE_RATE, 0, INT64_MAX},
                   {GO_VAR_FORCE_GC_PERIOD, 1, INT64_MAX}};
    for (size_t i = 0; i < GO_N_GLOBALS; i++)
        if (!is_variable(program, program->globals[i]))
            forget(program, (enum go_global)i);
    if (!allgs_agree(program)) {
        forget(program, GO_VAR_ALLGS);
        forget(program, GO_VAR_ALLGPTR);
        forget(program, GO_VAR_ALLGLEN);
    }
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (!is_bucket_list(program, lists[i].global, lists[i].kind))
            forget(program, lists[i].global);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!is_between(program, numbers[i].global, numbers[i].least, numbers[i].most))
            forget(program, numbers[i].global);
}

static bool find_variables(struct go_program *program, const struct go_version *version,
                           struct err *err)
{
    program->has_symbols = find_by_symbols(program);
    if (!program->has_symbols && version && !find_by_references(program, version, err))
        return false;
    check_variables(program);
    program->globals[GO_VAR_FIRST_MODULE] = program->module;
    program->sure[GO_VAR_FIRST_MODULE] = true;
    return true;
}

/* --- opening --- */

struct go_program *go_program_open(struct mem *mem, struct err *err)
{
    struct go_program *program = calloc(1, sizeof *program);
    if (!program) {
        err_nomem(err);
        return NULL;
    }
    program->mem = mem;
    arena_init(&program->arena);
    if (!open_executable(program, err))
        goto fail;
    const struct go_version *version = go_version_find(program->minor);
    if (!find_layout(program, version, err) || !find_functions(program, err) ||
        !find_variables(program, version, err))
        goto fail;
    return program;
fail:
    go_program_free(program);
    return NULL;
}

void go_program_free(struct go_program *program)
{
    if (!program)
        return;
    gopclntab_free(program->table);
    elf_free(program->elf);
    arena_release(&program->arena);
    free(program);
}

bool go_program_global(const struct go_program *program, enum go_global global, uint64_t *address,
                       struct err *err)
{
    *address = program->globals[global];
    return *address || err_set(err, ERR_UNSUPPORTED, "%s: cannot find %s of %s in it",
                               mem_name(program->mem), go_global_symbols[global], program->version);
}

bool go_program_number(const struct go_program *program, uint64_t address, size_t n_bytes,
                       uint64_t *number, struct err *err)
{
    *number = 0;
    return mem_read(program->mem, address, number, n_bytes, err);
}
