#include "analysis/analysis_profile.h"

#include "model/builder.h"
#include "wire/gotrace.h"

#include <string.h>

const struct analysis_types analysis_delays = {.type = {"contentions", "delay"},
                                               .unit = {"count", "nanoseconds"},
                                               .period_type = "trace",
                                               .period_unit = "count",
                                               .period = 1};

void analysis_profile_init(struct analysis_profile *profile, const struct trace *trace)
{
    *profile = (struct analysis_profile){.trace = trace};
}

static uint32_t get_pcs(const struct trace *trace, uint32_t number,
                        uint64_t pcs[GOTRACE_FRAMES_MAX])
{
    struct trace_stack stack = trace_stack(trace, number);
    uint32_t n = stack.n_frames < GOTRACE_FRAMES_MAX ? stack.n_frames : GOTRACE_FRAMES_MAX;
    for (uint32_t i = 0; i < n; i++)
        pcs[i] = trace_frame(trace, stack.frames[i])->pc;
    while (n && !pcs[n - 1])
        n--;
    return n;
}

/* The first stack with the same pcs. */
static uint32_t first_same(struct analysis_profile *profile, uint32_t stack)
{
    uint64_t pcs[GOTRACE_FRAMES_MAX], others[GOTRACE_FRAMES_MAX];
    uint32_t n = get_pcs(profile->trace, stack, pcs);
    if (!n)
        return 0;
    uint64_t hash = hash_bytes(pcs, n * sizeof *pcs);
    for (;; hash = hash_u64(hash + 1)) {
        uint32_t first = map_get_or_put(&profile->by_pcs, hash, stack);
        if (first == MAP_NONE) {
            profile->failed = true;
            return stack;
        }
        if (first == stack ||
            (get_pcs(profile->trace, first, others) == n && !memcmp(pcs, others, n * sizeof *pcs)))
            return first;
    }
}

static uint32_t canonical(struct analysis_profile *profile, uint32_t stack)
{
    while (profile->same.n <= stack)
        if (!vec_push(&profile->same, 0)) {
            profile->failed = true;
            return stack;
        }
    if (!profile->same.items[stack])
        profile->same.items[stack] = first_same(profile, stack) + 1;
    return profile->same.items[stack] - 1;
}

uint32_t analysis_profile_label(struct analysis_profile *profile, const char *text)
{
    if (!profile->labels.arena) {
        arena_init(&profile->arena);
        if (!intern_init(&profile->labels, &profile->arena)) {
            profile->failed = true;
            return 0;
        }
    }
    uint32_t label = intern_add(&profile->labels, str_of(text));
    profile->failed |= label == INTERN_NONE;
    return label == INTERN_NONE ? 0 : label;
}

void analysis_profile_add(struct analysis_profile *profile, uint32_t stack, uint32_t label,
                          int64_t value0, int64_t value1)
{
    uint32_t next = (uint32_t)profile->rows.n;
    stack = canonical(profile, stack);
    uint32_t row = map_get_or_put(&profile->index, (uint64_t)label << 32 | stack, next);
    if (row == MAP_NONE ||
        (row == next && !vec_push(&profile->rows, (struct analysis_row){stack, label, {0}}))) {
        profile->failed = true;
        return;
    }
    profile->rows.items[row].values[0] += value0;
    profile->rows.items[row].values[1] += value1;
}

/* Rows of the trace and their rows in the profile. */
struct sealing {
    const struct trace *trace;
    struct builder *b;
    struct map locations, functions; /* by pc; by file << 32 | function */
};

static uint32_t add_string(struct sealing *s, uint32_t string)
{
    struct str text;
    text.p = trace_string(s->trace, string, &text.len);
    return builder_string(s->b, text);
}

static uint32_t add_function(struct sealing *s, const struct trace_frame *frame)
{
    uint64_t key = (uint64_t)frame->file << 32 | frame->func;
    uint32_t row = map_get(&s->functions, key);
    if (row != MAP_NONE)
        return row;
    struct profile_function function = {.name = add_string(s, frame->func),
                                        .system_name = add_string(s, frame->func),
                                        .filename = add_string(s, frame->file)};
    row = builder_function(s->b, &function);
    map_put(&s->functions, key, row);
    return row;
}

static uint32_t add_location(struct sealing *s, const struct trace_frame *frame)
{
    uint32_t row = map_get(&s->locations, frame->pc);
    if (row != MAP_NONE)
        return row;
    struct profile_line line = {.function = add_function(s, frame), .line = (int64_t)frame->line};
    struct profile_location location = {.address = frame->pc, .mapping = PROFILE_NONE};
    /* A trace of Go 1.5 has no names. */
    row = builder_location(s->b, &location, &line, frame->func || frame->file);
    map_put(&s->locations, frame->pc, row);
    return row;
}

static void add_row(struct sealing *s, const struct analysis_profile *profile,
                    const struct analysis_row *row, uint32_t key)
{
    uint32_t locs[GOTRACE_FRAMES_MAX];
    struct trace_stack stack = trace_stack(s->trace, row->stack);
    uint32_t n = stack.n_frames < GOTRACE_FRAMES_MAX ? stack.n_frames : GOTRACE_FRAMES_MAX;
    for (uint32_t i = 0; i < n; i++)
        locs[i] = add_location(s, trace_frame(s->trace, stack.frames[i]));
    struct profile_label label = {.key = key};
    if (row->label)
        label.str = builder_string(s->b, profile->labels.strings[row->label]);
    builder_sample(s->b, locs, n, row->values, row->label ? &label : NULL, row->label != 0);
}

struct profile *analysis_profile_seal(const struct analysis_profile *profile,
                                      const struct analysis_types *types, struct err *err)
{
    struct sealing s = {.trace = profile->trace, .b = builder_new(err)};
    if (!s.b)
        return NULL;
    if (profile->failed) {
        builder_free(s.b);
        err_nomem(err);
        return NULL;
    }
    for (unsigned i = 0; i < 2; i++)
        builder_type(s.b, builder_string(s.b, str_of(types->type[i])),
                     builder_string(s.b, str_of(types->unit[i])));
    struct profile *header = builder_header(s.b);
    header->period_type.type = builder_string(s.b, str_of(types->period_type));
    header->period_type.unit = builder_string(s.b, str_of(types->period_unit));
    header->has_period_type = true;
    header->period = types->period;
    uint32_t key = types->label ? builder_string(s.b, str_of(types->label)) : 0;
    for (size_t i = 0; i < profile->rows.n; i++)
        add_row(&s, profile, &profile->rows.items[i], key);
    map_release(&s.locations);
    map_release(&s.functions);
    return builder_seal(s.b, err);
}

void analysis_profile_release(struct analysis_profile *profile)
{
    map_release(&profile->index);
    map_release(&profile->by_pcs);
    vec_release(&profile->same);
    vec_release(&profile->rows);
    intern_release(&profile->labels);
    arena_release(&profile->arena);
}
