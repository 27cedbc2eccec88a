#include "go/go_program.h"

#include "go/go_buildinfo.h"
#include "go/go_dwarf.h"
#include "go/go_variables.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES 4096
#define CHUNK_BYTES (1u << 20)

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

/* A program that is not moved: is it this one that lies there?  (A core file may not have the
 * headers.) */
static bool is_loaded(const struct go_program *program, const GElf_Phdr *segments, size_t n,
                      struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t start = segments[i].p_vaddr - segments[i].p_offset;
        uint8_t byte;
        if (segments[i].p_type == PT_LOAD && segments[i].p_offset < PAGE_BYTES &&
            mem_read(program->mem, start, &byte, 1, NULL) &&
            !has_headers(program->mem, program->elf, start))
            return err_set(err, ERR_INPUT, "%s: '%s' is not the program that it runs",
                           mem_name(program->mem), elf_path(program->elf));
    }
    return true;
}

static bool find_bias(struct go_program *program, struct err *err)
{
    const GElf_Phdr *segments;
    size_t n_segments = elf_segments(program->elf, &segments), n_maps;
    const struct mem_map *maps = mem_maps(program->mem, &n_maps);
    if (elf_header(program->elf)->e_type == ET_EXEC)
        return is_loaded(program, segments, n_segments, err);
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

/* Between releases, and with experiments ("go1.24.4 X:spinbitmutex"), types may differ. */
static bool is_special(const char *version)
{
    return strstr(version, "devel") || strstr(version, " X:");
}

static bool find_layout(struct go_program *program, const struct go_version *version,
                        struct err *err)
{
    unsigned first, last;
    if ((!version || is_special(program->version)) &&
        go_dwarf_read(program->elf, &program->layout, NULL) && has_basics(&program->layout))
        return true;
    if (version) {
        go_version_layout(version, go_buildinfo_patch(program->version), &program->layout);
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
                    __builtin_add_overflow(start, segments[k].p_filesz, &limit))
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
        !go_variables_find(program, version, err) || !go_variables_fit_layout(program, err))
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
