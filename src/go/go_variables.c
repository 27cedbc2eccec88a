#include "go/go_variables.h"

#include "go/go_dwarf.h"
#include "go/go_recipe.h"

#include <stdlib.h>
#include <string.h>

#define RUNTIME "runtime."

static bool read_u64(const struct mem *mem, uint64_t address, uint64_t *number)
{
    return mem_read(mem, address, number, sizeof *number, NULL);
}

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

/* How the names of the references' functions begin, so that nearly all others are passed over
 * quickly: "runtime." and some that the runtime has under other names ("sync.event"). */
#define PREFIX_BYTES 8
#define PREFIXES_MAX 16
struct prefixes {
    char texts[PREFIXES_MAX][PREFIX_BYTES];
    size_t n;
};

static bool has_prefix(const struct prefixes *prefixes, const char *name)
{
    for (size_t i = 0; i < prefixes->n; i++)
        if (strncmp(name, prefixes->texts[i], PREFIX_BYTES) == 0)
            return true;
    return false;
}

static void add_prefix(struct prefixes *prefixes, const char *name)
{
    if (!has_prefix(prefixes, name) && prefixes->n < PREFIXES_MAX)
        memcpy(prefixes->texts[prefixes->n++], name, strnlen(name, PREFIX_BYTES));
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
    struct prefixes prefixes = {.n = 0};
    struct gopclntab_function f;
    const struct go_reference **by_name = calloc(version->n_references + 1, sizeof *by_name);
    if (!by_name)
        return err_nomem(err);
    for (size_t i = 0; i < version->n_references; i++) {
        by_name[i] = &version->references[i];
        add_prefix(&prefixes, version->references[i].function);
    }
    qsort(by_name, version->n_references, sizeof *by_name, by_function);
    for (uint64_t i = 0; gopclntab_function(program->table, i, &f); i++)
        if (has_prefix(&prefixes, f.name))
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

bool go_variables_find(struct go_program *program, const struct go_version *version,
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

/* --- the layout --- */

#define MANY_GOROUTINES 64
#define STATUS_SCAN 0x1000 /* Gscan: added to the others while a stack is looked at */
#define STATUS_MOST 15     /* 11 in Go 1.27: room for others */
#define STACK_MOST ((uint64_t)1 << 40)
#define GOID_MOST ((uint64_t)1 << 48)
#define THREADS_MOST 1000

/* A thread whose g0 says that it is this thread's; those that are just made have none yet. */
static bool threads_fit(const struct go_program *program)
{
    const uint16_t *at = program->layout.at;
    uint64_t m = 0, g0, of;
    if (!program->globals[GO_VAR_ALLM] ||
        !read_u64(program->mem, program->globals[GO_VAR_ALLM], &m) || m == 0)
        return true; /* there is nothing to look at: it has not started yet */
    for (unsigned i = 0; i < THREADS_MOST && m; i++) {
        if (read_u64(program->mem, m + at[GO_M_G0], &g0) && g0 != 0 &&
            read_u64(program->mem, g0 + at[GO_G_M], &of) && of == m)
            return true;
        if (!read_u64(program->mem, m + at[GO_M_ALLLINK], &m))
            break;
    }
    return false;
}

static bool goroutine_fits(const struct go_program *program, uint64_t g)
{
    const uint16_t *at = program->layout.at;
    uint64_t low, high, goid;
    uint32_t status;
    return read_u64(program->mem, g + at[GO_G_STACK_LO], &low) &&
           read_u64(program->mem, g + at[GO_G_STACK_HI], &high) &&
           read_u64(program->mem, g + at[GO_G_GOID], &goid) &&
           mem_read(program->mem, g + at[GO_G_ATOMICSTATUS], &status, sizeof status, NULL) &&
           low <= high && high - low < STACK_MOST && goid < GOID_MOST &&
           (status & ~(uint32_t)STATUS_SCAN) <= STATUS_MOST;
}

/* Goroutines change while they are looked at: most have to fit. */
static bool goroutines_fit(const struct go_program *program)
{
    uint64_t slice[2];
    size_t n = 0, n_fit = 0;
    if (!program->globals[GO_VAR_ALLGS] ||
        !mem_read(program->mem, program->globals[GO_VAR_ALLGS], slice, sizeof slice, NULL))
        return true;
    for (; n < slice[1] && n < MANY_GOROUTINES; n++) {
        uint64_t g;
        n_fit += read_u64(program->mem, slice[0] + n * sizeof g, &g) && goroutine_fits(program, g);
    }
    return n == 0 || 2 * n_fit > n;
}

bool go_variables_fit_layout(const struct go_program *program, struct err *err)
{
    return (threads_fit(program) && goroutines_fit(program)) ||
           err_set(err, ERR_UNSUPPORTED,
                   "cannot read %s: its goroutines do not lie in memory as %s has them",
                   mem_name(program->mem), program->version);
}
