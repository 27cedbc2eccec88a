#include "sym/resolve.h"

#include "base/buf.h"
#include "base/map.h"
#include "base/pool.h"
#include "base/vec.h"
#include "model/builder.h"
#include "sym/debug_file.h"
#include "sym/demangle.h"
#include "sym/elf_base.h"
#include "sym/kernel_names.h"
#include "sym/object.h"
#include "sym/perfmap.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A mapping and where its object is. */
struct target {
    char *located;   /* path in pprof's store, or NULL: the mapping's own; owned */
    bool is_known;   /* located is where the caller has it, which is no name for it */
    char *fetched;   /* path in debuginfod's cache, or NULL; owned */
    uint32_t object; /* index of a batch, or BATCH_NONE: not to be symbolised */
    struct elf_mapping at;
    bool is_jit; /* generated code, which a perf map may name */
};
#define BATCH_NONE UINT32_MAX
#define KERNEL_HALF ((uint64_t)1 << 63) /* of the address space */

/* The wanted addresses of one object file. */
struct batch {
    const char *path; /* borrowed */
    struct object object;
    VEC(struct lookup) lookups; /* sorted, none twice */
    struct map name_of;         /* text of a frame -> string of the new profile */
    struct diag diag;
    struct err err;
    bool failed;
};

struct resolver {
    const struct profile *old;
    const struct resolve_options *options;
    struct diag *diag;
    struct builder *builder;
    struct target *targets; /* [n_mappings] */
    VEC(struct batch *) batches;
    uint32_t *order;       /* locations, by mapping */
    uint32_t *order_first; /* [n_mappings + 1] */
    uint32_t *new_first;   /* [n_locations] slice of new_lines */
    uint32_t *new_count;   /* 0: the location keeps what it has */
    VEC(struct profile_line) new_lines;
    VEC(struct profile_function) new_functions;
    struct map file_and_name, function_of;
    uint32_t n_pairs;
    bool *has_frames; /* [n_mappings] HasInlineFrames and the like changed */
    struct profile_mapping *mappings;
    bool missing_binaries;
    struct kernel_names *kernel; /* of the profile's kernel; NULL: not needed, or not there */
};

/* --- which mappings --- */

static const char *base_name(const char *file)
{
    const char *slash = strrchr(file, '/');
    return slash ? slash + 1 : file;
}

static bool has_prefix(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* Parts of a process that have no file. */
static bool is_unsymbolizable(const char *file)
{
    const char *base = base_name(file);
    return base[0] == '[' || has_prefix(base, "linux-vdso") || has_prefix(file, "/dev/dri/") ||
           strcmp(file, "//anon") == 0 || has_prefix(file, "/memfd:");
}

/* "http://host/...", where the profile came from: no file. */
static bool is_url(const char *file)
{
    const char *colon = strchr(file, ':');
    if (!colon || !isalpha((unsigned char)file[0]))
        return false;
    for (const char *p = file; p + 4 <= colon; p++) {
        if (strncasecmp(p, "http", 4) == 0)
            return true;
    }
    return false;
}

static const char *mapping_text(const struct resolver *r, uint32_t string)
{
    return profile_cstr(r->old, string);
}

/* Sort the locations by mapping, keeping their order. */
static bool order_locations(struct resolver *r)
{
    const struct profile *p = r->old;
    for (uint32_t i = 0; i < p->n_locations; i++) {
        if (p->locations[i].mapping < p->n_mappings)
            r->order_first[p->locations[i].mapping + 1]++;
    }
    for (uint32_t i = 0; i < p->n_mappings; i++)
        r->order_first[i + 1] += r->order_first[i];
    uint32_t *next = malloc((p->n_mappings + 1) * sizeof *next);
    if (!next)
        return false;
    memcpy(next, r->order_first, (p->n_mappings + 1) * sizeof *next);
    for (uint32_t i = 0; i < p->n_locations; i++) {
        if (p->locations[i].mapping < p->n_mappings)
            r->order[next[p->locations[i].mapping]++] = i;
    }
    free(next);
    return true;
}

static bool init(struct resolver *r)
{
    const struct profile *p = r->old;
    r->targets = calloc(p->n_mappings + 1, sizeof *r->targets);
    r->mappings = malloc((p->n_mappings + 1) * sizeof *r->mappings);
    r->order = malloc((p->n_locations + 1) * sizeof *r->order);
    r->order_first = calloc(p->n_mappings + 2, sizeof *r->order_first);
    r->new_first = calloc(p->n_locations + 1, sizeof *r->new_first);
    r->new_count = calloc(p->n_locations + 1, sizeof *r->new_count);
    if (!r->targets || !r->mappings || !r->order || !r->order_first || !r->new_first ||
        !r->new_count)
        return false;
    if (p->n_mappings)
        memcpy(r->mappings, p->mappings, p->n_mappings * sizeof *r->mappings);
    for (uint32_t i = 0; i < p->n_mappings; i++)
        r->targets[i].object = BATCH_NONE;
    return order_locations(r);
}

static void batch_free(struct batch *batch)
{
    object_release(&batch->object);
    vec_release(&batch->lookups);
    map_release(&batch->name_of);
    diag_release(&batch->diag);
    free(batch);
}

static void free_target(struct target *target)
{
    free(target->located);
    free(target->fetched);
}

static void release(struct resolver *r)
{
    for (size_t i = 0; i < r->batches.n; i++)
        batch_free(r->batches.items[i]);
    for (uint32_t i = 0; r->targets && i < r->old->n_mappings; i++)
        free_target(&r->targets[i]);
    vec_release(&r->batches);
    free(r->targets);
    free(r->mappings);
    free(r->order);
    free(r->order_first);
    free(r->new_first);
    free(r->new_count);
    vec_release(&r->new_lines);
    vec_release(&r->new_functions);
    map_release(&r->file_and_name);
    map_release(&r->function_of);
    kernel_names_close(r->kernel);
    builder_free(r->builder);
}

/* pprof looks for every mapping's object in its own store first. */
static bool locate(struct resolver *r, uint32_t m, struct err *err)
{
    const struct profile_mapping *mapping = &r->old->mappings[m];
    struct err why = {0};
    const struct resolve_options *options = r->options;
    const char *known = options->locate
                            ? options->locate(options->locate_arg, mapping_text(r, mapping->file),
                                              mapping_text(r, mapping->build_id))
                            : NULL;
    r->targets[m].is_known = known != NULL;
    if (known)
        return (r->targets[m].located = strdup(known)) || err_nomem(err);
    r->targets[m].located = debug_file_locate(mapping_text(r, mapping->file),
                                              mapping_text(r, mapping->build_id), r->diag, &why);
    if (why.code == ERR_NONE)
        return true;
    *err = why;
    return false;
}

/* --- opening objects --- */

static struct batch *find_batch(const struct resolver *r, const char *path, uint32_t *index)
{
    for (size_t i = 0; i < r->batches.n; i++) {
        if (strcmp(r->batches.items[i]->path, path) == 0) {
            *index = (uint32_t)i;
            return r->batches.items[i];
        }
    }
    return NULL;
}

/* Open the object for a mapping, once a file.  NULL with *why for a bad file. */
static struct batch *open_batch(struct resolver *r, const char *path, uint32_t *index,
                                struct err *why)
{
    struct batch *batch = find_batch(r, path, index);
    if (batch)
        return batch;
    batch = calloc(1, sizeof *batch);
    if (!batch) {
        err_nomem(why);
        return NULL;
    }
    diag_init(&batch->diag);
    batch->path = path;
    *index = (uint32_t)r->batches.n;
    if (!object_open(&batch->object, path, why) ||
        (!vec_push(&r->batches, batch) && !err_nomem(why))) {
        batch_free(batch);
        return NULL;
    }
    return batch;
}

static void note_failure(struct resolver *r, const struct profile_mapping *mapping,
                         const char *path, const char *why)
{
    const char *id = mapping_text(r, mapping->build_id);
    if (*id)
        diag_add(r->diag, "Local symbolization failed for %s (build ID %s): %s", base_name(path),
                 id, why);
    else
        diag_add(r->diag, "Local symbolization failed for %s: %s", base_name(path), why);
}

/* A file that is not there any more may be had by its build ID. */
static struct batch *open_or_fetch(struct resolver *r, uint32_t m, uint32_t *index, struct err *why)
{
    const struct profile_mapping *mapping = &r->old->mappings[m];
    struct target *target = &r->targets[m];
    const char *id = mapping_text(r, mapping->build_id);
    const char *path = target->located ? target->located : mapping_text(r, mapping->file);
    struct batch *batch = open_batch(r, path, index, why);
    bool other = batch && *id && *elf_build_id(batch->object.elf) &&
                 strcmp(elf_build_id(batch->object.elf), id) != 0;
    if ((batch && !other) || why->code == ERR_NOMEM || !r->options->debuginfod || !*id ||
        target->located)
        return batch;
    char *fetched = debug_file_fetch_object(id, r->diag);
    struct batch *better = fetched ? open_batch(r, fetched, index, why) : NULL;
    if (!better || better->path != fetched) {
        free(fetched);
        return better ? better : batch;
    }
    target->fetched = fetched;
    return better;
}

/* Decide about one mapping; false only when memory runs out. */
static bool choose_target(struct resolver *r, uint32_t m, struct err *err)
{
    const struct profile_mapping *mapping = &r->old->mappings[m];
    struct target *target = &r->targets[m];
    struct err why = {0};
    uint32_t index;
    const char *path = target->located ? target->located : mapping_text(r, mapping->file);
    bool is_symbolised =
        mapping->has_functions || mapping->has_filenames || mapping->has_line_numbers;
    if (r->order_first[m] == r->order_first[m + 1] || (is_symbolised && !r->options->force))
        return true;
    if (!*path) {
        if (m == 0)
            diag_add(r->diag, "Main binary filename not available.");
        else
            r->missing_binaries = true;
        return true;
    }
    pid_t pid;
    if (perfmap_is_path(path, &pid)) {
        target->is_jit = true;
        return true;
    }
    if (is_unsymbolizable(path) || (!mapping->build_id && is_url(path)))
        return true;
    struct batch *batch = open_or_fetch(r, m, &index, &why);
    if (why.code == ERR_NOMEM)
        return err_nomem(err);
    const char *id = mapping_text(r, mapping->build_id);
    const char *file_id = batch ? elf_build_id(batch->object.elf) : "";
    const char *symbol = mapping_text(r, mapping->kernel_relocation_symbol);
    if (!batch || !elf_mapping_init(&target->at, batch->object.elf, mapping->start, mapping->limit,
                                    mapping->offset, symbol, &why)) {
        note_failure(r, mapping, path, why.msg);
        r->missing_binaries = true;
    } else if (*id && *file_id && strcmp(id, file_id) != 0) {
        note_failure(r, mapping, path, "build ID mismatch");
    } else {
        target->object = index;
    }
    return true;
}

/* --- looking up --- */

static bool object_address(const struct resolver *r, uint32_t m, uint32_t location,
                           uint64_t *address)
{
    const struct target *target = &r->targets[m];
    return target->object != BATCH_NONE &&
           elf_mapping_translate(&target->at, r->batches.items[target->object]->object.elf,
                                 r->old->locations[location].address, address);
}

static int by_address(const void *a, const void *b)
{
    const struct lookup *x = a, *y = b;
    return x->address < y->address ? -1 : x->address > y->address;
}

static bool gather_addresses(struct resolver *r)
{
    for (uint32_t m = 0; m < r->old->n_mappings; m++) {
        for (uint32_t i = r->order_first[m]; i < r->order_first[m + 1]; i++) {
            uint64_t address;
            if (object_address(r, m, r->order[i], &address) &&
                !vec_push(&r->batches.items[r->targets[m].object]->lookups,
                          (struct lookup){address, 0, 0}))
                return false;
        }
    }
    for (size_t b = 0; b < r->batches.n; b++) {
        struct batch *batch = r->batches.items[b];
        size_t n = 0;
        if (batch->lookups.n == 0)
            continue;
        qsort(batch->lookups.items, batch->lookups.n, sizeof *batch->lookups.items, by_address);
        for (size_t i = 0; i < batch->lookups.n; i++) {
            if (n == 0 || batch->lookups.items[n - 1].address != batch->lookups.items[i].address)
                batch->lookups.items[n++] = batch->lookups.items[i];
        }
        batch->lookups.n = n;
    }
    return true;
}

static void look_up_batch(void *arg, size_t i)
{
    struct resolver *r = arg;
    struct batch *batch = r->batches.items[i];
    batch->failed = !object_lookup(&batch->object, batch->lookups.items, batch->lookups.n,
                                   r->options->debuginfod, &batch->diag, &batch->err);
}

static bool look_up(struct resolver *r, struct err *err)
{
    pool_run(r->batches.n, 0, look_up_batch, r);
    for (size_t i = 0; i < r->batches.n; i++) {
        struct batch *batch = r->batches.items[i];
        if (batch->failed) {
            *err = batch->err;
            return false;
        }
        for (size_t k = 0; k < batch->diag.n; k++)
            diag_add(r->diag, "%s", batch->diag.texts[k]);
    }
    return true;
}

/* --- new functions and lines --- */

/* The string of a text that many frames share.  False when memory runs out. */
static bool string_of(struct resolver *r, struct batch *batch, const char *text, uint32_t *string)
{
    uint64_t key = (uint64_t)(uintptr_t)text;
    *string = map_get(&batch->name_of, key);
    if (*string != MAP_NONE)
        return true;
    *string = builder_string(r->builder, str_of(text));
    return map_put(&batch->name_of, key, *string);
}

/* The function of that name, file and start: one each, in order of appearance. */
static bool function_of(struct resolver *r, uint32_t name, uint32_t file, uint32_t start_line,
                        uint32_t *function)
{
    uint32_t pair = map_get_or_put(&r->file_and_name, (uint64_t)name << 32 | file, r->n_pairs);
    if (pair == MAP_NONE)
        return false;
    r->n_pairs += pair == r->n_pairs;
    uint32_t next = r->old->n_functions + (uint32_t)r->new_functions.n;
    *function = map_get_or_put(&r->function_of, (uint64_t)pair << 32 | start_line, next);
    if (*function != next)
        return *function != MAP_NONE;
    return vec_push(&r->new_functions,
                    (struct profile_function){(uint64_t)next + 1, name, name, file, start_line});
}

static bool add_line(struct resolver *r, struct batch *batch, struct profile_mapping *mapping,
                     const struct frame *frame)
{
    uint32_t name, file, function;
    if (!string_of(r, batch, frame->name, &name) || !string_of(r, batch, frame->file, &file) ||
        !function_of(r, name, file, frame->start_line, &function))
        return false;
    mapping->has_functions |= name != 0;
    mapping->has_filenames |= file != 0;
    mapping->has_line_numbers |= frame->line != 0;
    return vec_push(&r->new_lines, (struct profile_line){function, frame->line, frame->column});
}

static bool add_location_lines(struct resolver *r, uint32_t m, uint32_t location)
{
    uint64_t address;
    if (!object_address(r, m, location, &address))
        return true;
    struct batch *batch = r->batches.items[r->targets[m].object];
    size_t i = lookup_lower_bound(batch->lookups.items, batch->lookups.n, address);
    const struct lookup *lookup = &batch->lookups.items[i];
    r->new_first[location] = (uint32_t)r->new_lines.n;
    for (uint32_t k = 0; k < lookup->n_frames; k++) {
        if (!add_line(r, batch, &r->mappings[m],
                      &batch->object.table.frames.items[lookup->first_frame + k]))
            return false;
    }
    r->new_count[location] = lookup->n_frames;
    if (lookup->n_frames)
        r->mappings[m].has_inline_frames = true;
    return true;
}

static bool add_lines(struct resolver *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->batches.n; i++)
        n += r->batches.items[i]->object.table.frames.n;
    if (!vec_reserve(&r->new_lines, n))
        return false;
    for (uint32_t m = 0; m < r->old->n_mappings; m++) {
        if (r->targets[m].object == BATCH_NONE)
            continue;
        for (uint32_t i = r->order_first[m]; i < r->order_first[m + 1]; i++) {
            if (!add_location_lines(r, m, r->order[i]))
                return false;
        }
    }
    return true;
}

/* --- JIT code --- */

static bool add_jit_lines(struct resolver *r, uint32_t m, const struct perfmap *map)
{
    for (uint32_t k = r->order_first[m]; map && k < r->order_first[m + 1]; k++) {
        uint32_t i = r->order[k], function;
        struct str name = perfmap_find(map, r->old->locations[i].address);
        if (r->old->locations[i].n_lines > 0 || name.len == 0)
            continue;
        if (!function_of(r, builder_string(r->builder, name), 0, 0, &function))
            return false;
        r->new_first[i] = (uint32_t)r->new_lines.n;
        r->new_count[i] = 1;
        if (!vec_push(&r->new_lines, (struct profile_line){function, 0, 0}))
            return false;
        r->mappings[m].has_functions = true;
    }
    return true;
}

/* A map that is not there is no fault. */
static bool resolve_jit(struct resolver *r)
{
    uint64_t since = r->old->time_nanos > 0 ? (uint64_t)r->old->time_nanos : 0;
    bool ok = true;
    for (uint32_t first = 0; ok && first < r->old->n_mappings; first++) {
        uint32_t file = r->old->mappings[first].file;
        pid_t pid;
        if (!r->targets[first].is_jit || !perfmap_is_path(mapping_text(r, file), &pid))
            continue;
        struct perfmap *map = perfmap_of_process(pid, since, r->diag);
        for (uint32_t m = first; ok && m < r->old->n_mappings; m++) {
            if (r->targets[m].is_jit && r->old->mappings[m].file == file) {
                ok = add_jit_lines(r, m, map);
                r->targets[m].is_jit = false;
            }
        }
        perfmap_free(map);
    }
    return ok;
}

/* --- the kernel --- */

/* Code of the kernel or its modules, without a name. */
static bool is_kernel_code(const struct resolver *r, const struct profile_location *location)
{
    if (location->n_lines > 0 || location->mapping >= r->old->n_mappings)
        return false;
    const struct profile_mapping *m = &r->old->mappings[location->mapping];
    return m->start >= KERNEL_HALF && !has_prefix(mapping_text(r, m->file), "[guest");
}

/* Is this the running kernel, at its place? */
static bool is_running_kernel(const struct resolver *r, const struct kernel_names *names)
{
    char running[KERNEL_BUILD_ID_MAX];
    kernel_build_id(running);
    for (uint32_t i = 0; i < r->old->n_mappings; i++) {
        const struct profile_mapping *m = &r->old->mappings[i];
        const char *id = mapping_text(r, m->build_id);
        if (m->start >= KERNEL_HALF && m->kernel_relocation_symbol)
            return kernel_names_address(names, profile_str(r->old, m->kernel_relocation_symbol)) ==
                       m->start &&
                   (!*id || !*running || !strcmp(id, running));
    }
    return false;
}

static void open_kernel(struct resolver *r)
{
    bool is_wanted = false;
    for (uint32_t i = 0; i < r->old->n_locations && !is_wanted; i++)
        is_wanted = is_kernel_code(r, &r->old->locations[i]);
    r->kernel = is_wanted ? kernel_names_open() : NULL;
    if (r->kernel && !is_running_kernel(r, r->kernel)) {
        kernel_names_close(r->kernel);
        r->kernel = NULL;
    }
}

static bool add_kernel_lines(struct resolver *r)
{
    for (uint32_t i = 0; r->kernel && i < r->old->n_locations; i++) {
        const struct profile_location *location = &r->old->locations[i];
        if (r->new_count[i] || !is_kernel_code(r, location))
            continue;
        struct str name = kernel_names_find(r->kernel, location->address);
        uint32_t function;
        if (!name.len)
            continue;
        r->new_first[i] = (uint32_t)r->new_lines.n;
        r->new_count[i] = 1;
        if (!function_of(r, builder_string(r->builder, name), 0, 0, &function) ||
            !vec_push(&r->new_lines, (struct profile_line){function, 0, 0}))
            return false;
        r->mappings[location->mapping].has_functions = true;
    }
    return true;
}

/* --- the new profile --- */

/* The function under pprof's name for it. */
static void name_function(struct resolver *r, struct profile_function *function, struct buf *buf)
{
    if (r->options->force && function->name != 0 && function->system_name != 0)
        function->name = function->system_name;
    if (r->options->demangle == DEMANGLE_NONE ||
        (function->name != 0 && function->name != function->system_name))
        return;
    demangle(builder_text(r->builder, function->system_name).p, r->options->demangle, buf);
    function->name = builder_string(r->builder, (struct str){buf_str(buf), buf->len});
}

static bool copy_tables(struct resolver *r)
{
    const struct profile *p = r->old;
    AUTO_BUF buf = {0};
    for (uint32_t i = 0; i < p->n_mappings; i++) {
        if (r->targets[i].located && !r->targets[i].is_known)
            r->mappings[i].file = builder_string(r->builder, str_of(r->targets[i].located));
        builder_mapping(r->builder, &r->mappings[i]);
    }
    for (uint32_t i = 0; i < p->n_functions; i++) {
        struct profile_function function = p->functions[i];
        name_function(r, &function, &buf);
        builder_function(r->builder, &function);
    }
    for (size_t i = 0; i < r->new_functions.n; i++) {
        struct profile_function function = r->new_functions.items[i];
        name_function(r, &function, &buf);
        builder_function(r->builder, &function);
    }
    for (uint32_t i = 0; i < p->n_locations; i++) {
        struct profile_location location = p->locations[i];
        const struct profile_line *lines = p->lines + location.first_line;
        uint32_t n_lines = location.n_lines;
        if (r->new_count[i]) {
            lines = r->new_lines.items + r->new_first[i];
            n_lines = r->new_count[i];
            location.is_folded = false;
        }
        builder_location(r->builder, &location, lines, n_lines);
    }
    return !buf.failed;
}

/* Would the profile come out as it is? */
static bool is_final(const struct resolver *r)
{
    const struct profile *p = r->old;
    AUTO_BUF buf = {0};
    if (r->batches.n > 0 || r->kernel || r->options->force)
        return false;
    for (uint32_t i = 0; i < p->n_mappings; i++) {
        if (r->targets[i].located || r->targets[i].is_jit)
            return false;
    }
    for (uint32_t i = 0; i < p->n_functions; i++) {
        const struct profile_function *f = &p->functions[i];
        if (r->options->demangle == DEMANGLE_NONE || (f->name && f->name != f->system_name))
            continue;
        if (f->name == f->system_name && demangle_keeps(profile_cstr(p, f->name)))
            continue;
        demangle(profile_cstr(p, f->system_name), r->options->demangle, &buf);
        if (!str_eq(profile_str(p, f->name), (struct str){buf_str(&buf), buf.len}))
            return false;
    }
    return !buf.failed;
}

static bool choose_targets(struct resolver *r, struct err *err)
{
    if (!init(r))
        return err_nomem(err);
    if (r->options->names_only)
        return true;
    for (uint32_t m = 0; m < r->old->n_mappings; m++) {
        if (!locate(r, m, err))
            return false;
    }
    for (uint32_t m = 0; m < r->old->n_mappings; m++) {
        if (!choose_target(r, m, err))
            return false;
    }
    open_kernel(r);
    if (r->missing_binaries) {
        diag_add(r->diag, "Some binary filenames not available. Symbolization may be incomplete.");
        diag_add(r->diag, "Try setting PPROF_BINARY_PATH to the search path for local binaries.");
    }
    return true;
}

static bool symbolise(struct resolver *r, struct err *err)
{
    if (!gather_addresses(r))
        return err_nomem(err);
    if (!look_up(r, err))
        return false;
    if (!add_lines(r) || !add_kernel_lines(r) || !resolve_jit(r))
        return err_nomem(err);
    return copy_tables(r) || err_nomem(err);
}

struct profile *resolve_profile(struct profile *profile, const struct resolve_options *options,
                                struct diag *diag, struct err *err)
{
    struct resolver r = {.old = profile, .options = options, .diag = diag};
    struct profile *result = NULL;
    if (!choose_targets(&r, err))
        goto out;
    if (is_final(&r)) {
        result = profile;
        profile = NULL;
        goto out;
    }
    r.builder = builder_new_from(profile, err);
    if (!r.builder || !symbolise(&r, err))
        goto out;
    struct builder *builder = r.builder;
    r.builder = NULL;
    result = builder_seal_over(builder, profile, err);
    profile = NULL; /* owned by the result, or gone */
out:
    release(&r);
    profile_free(profile);
    return result;
}
