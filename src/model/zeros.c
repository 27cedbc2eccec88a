#include "model/zeros.h"

#include <stdlib.h>
#include <string.h>

/* From rows to new rows, PROFILE_NONE = not used yet; and the new tables. */
struct used {
    const struct profile *p;
    uint32_t *mapping_map, *function_map, *location_map;
    struct profile_mapping *mappings;
    struct profile_function *functions;
    struct profile_location *locations;
    struct profile_line *lines;
    uint32_t n_mappings, n_functions, n_locations, n_lines;
};

bool zeros_is(const struct profile *p, uint32_t sample)
{
    const int64_t *values = p->values + (size_t)sample * p->n_types;
    for (uint32_t i = 0; i < p->n_types; i++)
        if (values[i])
            return false;
    return true;
}

static uint32_t use_mapping(struct used *u, uint32_t row)
{
    if (row == PROFILE_NONE || u->mapping_map[row] != PROFILE_NONE)
        return row == PROFILE_NONE ? PROFILE_NONE : u->mapping_map[row];
    u->mappings[u->n_mappings] = u->p->mappings[row];
    u->mappings[u->n_mappings].id = u->n_mappings + 1;
    return u->mapping_map[row] = u->n_mappings++;
}

static uint32_t use_function(struct used *u, uint32_t row)
{
    if (row == PROFILE_NONE || u->function_map[row] != PROFILE_NONE)
        return row == PROFILE_NONE ? PROFILE_NONE : u->function_map[row];
    u->functions[u->n_functions] = u->p->functions[row];
    u->functions[u->n_functions].id = u->n_functions + 1;
    return u->function_map[row] = u->n_functions++;
}

static uint32_t use_location(struct used *u, uint32_t row)
{
    if (u->location_map[row] != PROFILE_NONE)
        return u->location_map[row];
    const struct profile_location *from = &u->p->locations[row];
    struct profile_location *location = &u->locations[u->n_locations];
    *location = *from;
    location->id = u->n_locations + 1;
    location->mapping = use_mapping(u, from->mapping);
    location->first_line = u->n_lines;
    for (uint32_t i = 0; i < from->n_lines; i++) {
        struct profile_line line = u->p->lines[from->first_line + i];
        line.function = use_function(u, line.function);
        u->lines[u->n_lines++] = line;
    }
    return u->location_map[row] = u->n_locations++;
}

/* Move what is left of the columns to their begin. */
static void keep_samples(struct used *u, struct profile *p)
{
    uint64_t *stack_first = (uint64_t *)p->stack_first, *label_first = (uint64_t *)p->label_first;
    uint32_t *stack_locs = (uint32_t *)p->stack_locs;
    int64_t *values = (int64_t *)p->values;
    struct profile_label *labels = (struct profile_label *)p->labels;
    uint64_t n_locs = 0, n_labels = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n_samples; i++) {
        uint64_t end = stack_first[i + 1];
        if (zeros_is(p, i))
            continue;
        uint64_t k = stack_first[i]; /* perhaps the same place as that of the new row */
        for (stack_first[n] = n_locs; k < end; k++)
            stack_locs[n_locs++] = use_location(u, stack_locs[k]);
        memmove(values + (size_t)n * p->n_types, values + (size_t)i * p->n_types,
                p->n_types * sizeof *values);
        if (label_first) {
            uint64_t first = label_first[i], n_own = label_first[i + 1] - first;
            memmove(labels + n_labels, labels + first, n_own * sizeof *labels);
            label_first[n] = n_labels;
            n_labels += n_own;
        }
        n++;
    }
    p->n_samples = n;
    stack_first[n] = n_locs;
    if (n_labels)
        label_first[n] = n_labels;
    else
        p->label_first = NULL;
}

static uint32_t *new_map(uint32_t n)
{
    uint32_t *map = malloc(((size_t)n + 1) * sizeof *map);
    if (map)
        memset(map, 0xff, n * sizeof *map); /* PROFILE_NONE */
    return map;
}

bool zeros_drop(struct profile *p)
{
    uint32_t i = 0;
    while (i < p->n_samples && !zeros_is(p, i))
        i++;
    if (i == p->n_samples)
        return true;
    struct used u = {
        .p = p,
        .mapping_map = new_map(p->n_mappings),
        .function_map = new_map(p->n_functions),
        .location_map = new_map(p->n_locations),
        .mappings = ARENA_ARRAY(&p->arena, struct profile_mapping, p->n_mappings),
        .functions = ARENA_ARRAY(&p->arena, struct profile_function, p->n_functions),
        .locations = ARENA_ARRAY(&p->arena, struct profile_location, p->n_locations),
        .lines = ARENA_ARRAY(&p->arena, struct profile_line, p->n_lines),
    };
    bool ok = u.mapping_map && u.function_map && u.location_map && u.mappings && u.functions &&
              u.locations && u.lines;
    if (ok) {
        if (p->n_mappings)
            use_mapping(&u, 0); /* the program itself */
        keep_samples(&u, p);
        p->mappings = u.mappings;
        p->functions = u.functions;
        p->locations = u.locations;
        p->lines = u.lines;
        p->n_mappings = u.n_mappings;
        p->n_functions = u.n_functions;
        p->n_locations = u.n_locations;
        p->n_lines = u.n_lines;
    }
    free(u.mapping_map);
    free(u.function_map);
    free(u.location_map);
    return ok;
}
