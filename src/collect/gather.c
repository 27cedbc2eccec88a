#include "collect/gather.h"

#include "base/arena.h"
#include "base/intern.h"
#include "base/map.h"
#include "base/vec.h"
#include "model/builder.h"
#include "sym/perfmap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Locations are looked up by mapping << 48 | offset. */
#define MAPPINGS_MAX 0xffff
#define LABELS_MAX (3 + WIRE_STACK_MAX * 8 / 3) /* a label has 3 bytes or more */
#define OFFSET_MASK 0xffffffffffffu
#define JIT_FILE "//anon" /* what perf calls it; pprof knows that it has no file */

struct process {
    pid_t pid;
    uint32_t comm;        /* string */
    uint32_t jit_mapping; /* PROFILE_NONE before the first such location */
};

struct mapping {
    uint32_t file, build_id; /* strings */
    uint64_t start, limit, offset;
    uint32_t jit_process; /* PROFILE_NONE unless it is a process's code without a file */
    bool named;           /* its locations have their functions */
};

struct location {
    uint32_t mapping;
    uint32_t function; /* string: its name, 0 = to be found out */
    uint64_t at;
};

struct sample {
    int64_t values[COLLECT_TYPES_MAX];
    uint64_t key;
    uint64_t first_loc;
    uint32_t n_locs, process;
    uint32_t labels; /* string: the texts of a set */
};

struct gather {
    const struct collect_ops *kind;
    struct arena arena; /* texts */
    struct intern strings;
    VEC(struct process) processes;
    VEC(struct mapping) mappings;
    VEC(struct location) locations;
    VEC(struct sample) samples;
    VEC(uint32_t) sample_locs;
    struct map location_map, sample_map;
    bool failed;
};

struct gather *gather_new(const struct collect_ops *kind, struct err *err)
{
    struct gather *g = calloc(1, sizeof *g);
    if (!g) {
        err_nomem(err);
        return NULL;
    }
    g->kind = kind;
    arena_init(&g->arena);
    map_init(&g->location_map);
    map_init(&g->sample_map);
    if (!intern_init(&g->strings, &g->arena)) {
        gather_free(g);
        err_nomem(err);
        return NULL;
    }
    return g;
}

void gather_free(struct gather *g)
{
    if (!g)
        return;
    vec_release(&g->processes);
    vec_release(&g->mappings);
    vec_release(&g->locations);
    vec_release(&g->samples);
    vec_release(&g->sample_locs);
    map_release(&g->location_map);
    map_release(&g->sample_map);
    intern_release(&g->strings);
    arena_release(&g->arena);
    free(g);
}

static uint32_t fail(struct gather *g)
{
    g->failed = true;
    return 0;
}

static uint32_t add_string(struct gather *g, struct str s)
{
    uint32_t id = intern_add(&g->strings, s);
    return id == INTERN_NONE ? fail(g) : id;
}

uint32_t gather_process(struct gather *g, pid_t pid, struct str comm)
{
    uint32_t name = add_string(g, comm);
    if (g->failed)
        return 0;
    /* The newest is the likeliest: processes are added one after another. */
    for (size_t i = g->processes.n; i-- > 0;)
        if (g->processes.items[i].pid == pid && g->processes.items[i].comm == name)
            return (uint32_t)i;
    if (!vec_push(&g->processes, (struct process){pid, name, PROFILE_NONE}))
        return fail(g);
    return (uint32_t)(g->processes.n - 1);
}

static uint32_t push_mapping(struct gather *g, struct mapping mapping)
{
    if (g->failed || g->mappings.n == MAPPINGS_MAX || !vec_push(&g->mappings, mapping))
        return fail(g);
    return (uint32_t)(g->mappings.n - 1);
}

uint32_t gather_mapping(struct gather *g, const struct gather_map *map)
{
    struct mapping new = {.file = add_string(g, map->file),
                          .build_id = add_string(g, map->build_id),
                          .start = map->start,
                          .limit = map->limit,
                          .offset = map->offset,
                          .jit_process = PROFILE_NONE};
    if (g->failed)
        return 0;
    uint64_t size = map->limit - map->start;
    for (size_t i = 0; i < g->mappings.n; i++) {
        struct mapping *m = &g->mappings.items[i];
        if (m->file == new.file && m->build_id == new.build_id && m->offset == new.offset &&
            m->jit_process == PROFILE_NONE) {
            if (size > m->limit - m->start)
                m->limit = m->start + size;
            return (uint32_t)i;
        }
    }
    return push_mapping(g, new);
}

static uint32_t find_location(struct gather *g, uint32_t mapping, uint64_t at, uint32_t function)
{
    if (g->failed)
        return 0;
    uint32_t next = (uint32_t)g->locations.n;
    uint64_t key = (uint64_t)mapping << 48 | (at & OFFSET_MASK);
    uint32_t found = map_get_or_put(&g->location_map, key, next);
    if (found == MAP_NONE)
        return fail(g);
    if (found == next && !vec_push(&g->locations, (struct location){mapping, function, at}))
        return fail(g);
    return found;
}

uint32_t gather_location(struct gather *g, uint32_t mapping, uint64_t at)
{
    return find_location(g, mapping, at, 0);
}

uint32_t gather_named_location(struct gather *g, uint32_t mapping, uint64_t at, struct str function)
{
    uint32_t name = add_string(g, function);
    if (g->failed)
        return 0;
    g->mappings.items[mapping].named = true;
    return find_location(g, mapping, at, name);
}

void gather_name_location(struct gather *g, uint32_t location, struct str function)
{
    uint32_t name = add_string(g, function);
    if (g->failed)
        return;
    struct location *loc = &g->locations.items[location];
    loc->function = name;
    g->mappings.items[loc->mapping].named = true;
}

uint32_t gather_jit_location(struct gather *g, uint32_t process, uint64_t address)
{
    if (g->failed)
        return 0;
    struct process *p = &g->processes.items[process];
    if (p->jit_mapping == PROFILE_NONE) {
        uint32_t file = add_string(g, STR(JIT_FILE));
        p->jit_mapping = push_mapping(
            g, (struct mapping){.file = file, .limit = OFFSET_MASK, .jit_process = process});
    }
    return find_location(g, p->jit_mapping, address, 0);
}

static void add_values(const struct gather *g, struct sample *s, const int64_t *values)
{
    for (unsigned i = 0; i < g->kind->n_types; i++)
        s->values[i] = (int64_t)((uint64_t)s->values[i] + (uint64_t)values[i]);
}

uint32_t gather_labels(struct gather *g, struct str texts)
{
    return g->failed ? 0 : add_string(g, texts);
}

uint32_t gather_sample(struct gather *g, const struct gather_stack *stack, const int64_t *values)
{
    uint32_t n_locations = stack->n_locations;
    if (g->failed)
        return PROFILE_NONE;
    uint64_t hash = hash_bytes(stack->locations, n_locations * sizeof *stack->locations);
    hash = hash_u64(hash_u64(hash_u64(hash + stack->process) + stack->key) + stack->labels);
    uint32_t next = (uint32_t)g->samples.n, found;
    for (;; hash++) { /* past other stacks with this hash */
        found = map_get_or_put(&g->sample_map, hash, next);
        if (found == MAP_NONE) {
            fail(g);
            return PROFILE_NONE;
        }
        if (found == next)
            break;
        struct sample *s = &g->samples.items[found];
        if (s->process == stack->process && s->key == stack->key && s->labels == stack->labels &&
            s->n_locs == n_locations &&
            memcmp(&g->sample_locs.items[s->first_loc], stack->locations,
                   n_locations * sizeof *stack->locations) == 0) {
            add_values(g, s, values);
            return found;
        }
    }
    struct sample new = {.key = stack->key,
                         .first_loc = g->sample_locs.n,
                         .n_locs = n_locations,
                         .process = stack->process,
                         .labels = stack->labels};
    add_values(g, &new, values);
    if (!vec_reserve(&g->sample_locs, g->sample_locs.n + n_locations + 1) ||
        !vec_push(&g->samples, new)) {
        fail(g);
        return PROFILE_NONE;
    }
    if (n_locations)
        memcpy(&g->sample_locs.items[g->sample_locs.n], stack->locations,
               n_locations * sizeof *stack->locations);
    g->sample_locs.n += n_locations;
    return found;
}

void gather_add(struct gather *g, uint32_t sample, const int64_t *values)
{
    if (!g->failed && sample < g->samples.n)
        add_values(g, &g->samples.items[sample], values);
}

void gather_relabel(struct gather *g, uint32_t (*labels)(void *arg, uint32_t set), void *arg)
{
    struct sample *samples = g->samples.items;
    uint32_t *locs = g->sample_locs.items;
    size_t n = g->samples.n;
    g->samples.items = NULL;
    g->samples.n = g->samples.cap = 0;
    g->sample_locs.items = NULL;
    g->sample_locs.n = g->sample_locs.cap = 0;
    map_release(&g->sample_map);
    map_init(&g->sample_map);
    for (size_t i = 0; i < n; i++) {
        const struct gather_stack stack = {.process = samples[i].process,
                                           .locations = locs + samples[i].first_loc,
                                           .n_locations = samples[i].n_locs,
                                           .labels = labels(arg, samples[i].labels),
                                           .key = samples[i].key};
        gather_sample(g, &stack, samples[i].values);
    }
    free(samples);
    free(locs);
}

/* Sealing. */

static struct str text(const struct gather *g, uint32_t string)
{
    return g->strings.strings[string];
}

static void name_jit_code(struct gather *g, uint64_t since_unix_ns, struct diag *diag)
{
    for (uint32_t i = 0; i < g->processes.n; i++) {
        struct process *p = &g->processes.items[i];
        if (p->jit_mapping == PROFILE_NONE)
            continue;
        struct mapping *m = &g->mappings.items[p->jit_mapping];
        struct perfmap *names = perfmap_of_process(p->pid, since_unix_ns, diag);
        m->start = UINT64_MAX;
        m->limit = 0;
        for (size_t j = 0; j < g->locations.n; j++) {
            struct location *loc = &g->locations.items[j];
            if (loc->mapping != p->jit_mapping)
                continue;
            m->start = loc->at < m->start ? loc->at : m->start;
            m->limit = loc->at >= m->limit ? loc->at + 1 : m->limit;
            struct str name = names ? perfmap_find(names, loc->at) : STR("");
            loc->function = name.len ? add_string(g, name) : 0;
            m->named |= name.len > 0;
        }
        perfmap_free(names);
    }
}

/* The program's own mapping first, then code from files, then JIT and the
 * kernel, each in the order of appearance. */
static uint32_t mapping_rank(const struct gather *g, const struct mapping *m, struct str main_file)
{
    struct str file = text(g, m->file);
    if (str_eq(file, main_file))
        return 0;
    return m->jit_process != PROFILE_NONE || (file.len && file.p[0] == '[') ? 2 : 1;
}

static uint32_t *build_mappings(struct gather *g, struct builder *b, struct str main_file)
{
    uint32_t *rows = calloc(g->mappings.n + 1, sizeof *rows);
    bool has_main = main_file.len == 0;
    for (size_t i = 0; i < g->mappings.n; i++)
        has_main |= mapping_rank(g, &g->mappings.items[i], main_file) == 0;
    /* A program that only starts others (a shell, a compiler driver) still gives the
     * profile its title. */
    if (!has_main)
        builder_mapping(b, &(struct profile_mapping){.file = builder_string(b, main_file),
                                                     .has_functions = true});
    for (uint32_t rank = 0; rows && rank < 3; rank++)
        for (size_t i = 0; i < g->mappings.n; i++) {
            const struct mapping *m = &g->mappings.items[i];
            if (mapping_rank(g, m, main_file) != rank)
                continue;
            rows[i] = builder_mapping(
                b, &(struct profile_mapping){.start = m->start,
                                             .limit = m->limit,
                                             .offset = m->offset,
                                             .file = builder_string(b, text(g, m->file)),
                                             .build_id = builder_string(b, text(g, m->build_id)),
                                             .has_functions = m->named});
        }
    return rows;
}

static bool build_locations(struct gather *g, struct builder *b, const uint32_t *mapping_rows)
{
    struct map functions; /* string of ours -> function row */
    map_init(&functions);
    bool ok = true;
    for (size_t i = 0; ok && i < g->locations.n; i++) {
        const struct location *loc = &g->locations.items[i];
        struct profile_location row = {.address = g->mappings.items[loc->mapping].start + loc->at,
                                       .mapping = mapping_rows[loc->mapping]};
        struct profile_line line = {0};
        if (g->mappings.items[loc->mapping].jit_process != PROFILE_NONE)
            row.address = loc->at;
        if (loc->function) {
            uint32_t known = map_get(&functions, loc->function);
            if (known == MAP_NONE) {
                uint32_t name = builder_string(b, text(g, loc->function));
                known = builder_function(
                    b, &(struct profile_function){.name = name, .system_name = name});
                ok = map_put(&functions, loc->function, known);
            }
            line.function = known;
        }
        builder_location(b, &row, &line, loc->function != 0);
    }
    map_release(&functions);
    return ok;
}

/* The labels of a set, after those that are there already; at most LABELS_MAX. */
static uint32_t build_labels(const struct gather *g, struct builder *b, uint32_t set,
                             struct profile_label *labels, uint32_t n_labels)
{
    struct str texts = text(g, set);
    const char *end = texts.p + texts.len;
    for (const char *p = texts.p; p < end && n_labels < LABELS_MAX; n_labels++) {
        struct str key = str_of(p), value = str_of(key.p + key.len + 1);
        labels[n_labels] =
            (struct profile_label){.key = builder_string(b, key), .str = builder_string(b, value)};
        p = value.p + value.len + 1;
    }
    return n_labels;
}

static void build_samples(const struct gather *g, struct builder *b)
{
    /* Both labels are texts: as a number, pprof shows a pid with a made-up unit
     * ("4711pid") and puts pids that lie near each other into ranges. */
    struct profile_label labels[LABELS_MAX] = {{.key = builder_string(b, STR("process"))},
                                               {.key = builder_string(b, STR("pid"))}};
    uint32_t n_labels = 2;
    if (g->kind->key_label) {
        labels[2].key = builder_string(b, str_of(g->kind->key_label));
        labels[2].unit = builder_string(b, STR("bytes"));
        labels[2].is_num = true;
        n_labels = 3;
    }
    uint32_t of_process = PROFILE_NONE;
    for (size_t i = 0; i < g->samples.n; i++) {
        const struct sample *s = &g->samples.items[i];
        if (s->process != of_process) {
            const struct process *p = &g->processes.items[s->process];
            char pid[16];
            snprintf(pid, sizeof pid, "%d", (int)p->pid);
            labels[0].str = builder_string(b, text(g, p->comm));
            labels[1].str = builder_string(b, str_of(pid));
            of_process = s->process;
        }
        labels[2].num = (int64_t)s->key;
        builder_sample(b, &g->sample_locs.items[s->first_loc], s->n_locs, s->values, labels,
                       build_labels(g, b, s->labels, labels, n_labels));
    }
}

struct profile *gather_seal(struct gather *g, const struct gather_header *header, struct diag *diag,
                            struct err *err)
{
    if (!g->failed)
        name_jit_code(g, header->time_unix_ns, diag);
    struct builder *b = g->failed ? NULL : builder_new(err);
    if (!b) {
        err_nomem(err);
        return NULL;
    }
    const struct collect_ops *kind = g->kind;
    for (unsigned i = 0; i < kind->n_types; i++)
        builder_type(b, builder_string(b, str_of(kind->types[i].type)),
                     builder_string(b, str_of(kind->types[i].unit)));
    struct profile *h = builder_header(b);
    if (kind->default_type)
        h->default_type = builder_string(b, str_of(kind->default_type));
    h->period_type = (struct profile_value_type){builder_string(b, str_of(kind->period_type.type)),
                                                 builder_string(b, str_of(kind->period_type.unit))};
    h->has_period_type = true;
    if (kind->drop_frames)
        h->drop_frames = builder_string(b, str_of(kind->drop_frames));
    h->period = (int64_t)header->period;
    h->time_nanos = (int64_t)header->time_unix_ns;
    h->duration_nanos = (int64_t)header->duration_ns;

    uint32_t *mapping_rows = build_mappings(g, b, header->main_file);
    if (!mapping_rows || !build_locations(g, b, mapping_rows)) {
        free(mapping_rows);
        builder_free(b);
        err_nomem(err);
        return NULL;
    }
    free(mapping_rows);
    build_samples(g, b);
    return builder_seal(b, err);
}
