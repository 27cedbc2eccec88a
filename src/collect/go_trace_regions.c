#include "collect/go_trace_state.h"

/* --- those that are open --- */

static bool push(struct go_trace_model *t, uint32_t g, uint64_t task, uint32_t text)
{
    uint32_t i = t->free_region;
    if (!i) {
        if ((!t->regions.n && !vec_push(&t->regions, (struct region){0})) ||
            !vec_push(&t->regions, (struct region){0})) {
            t->failed = true;
            return false;
        }
        i = (uint32_t)t->regions.n - 1;
    } else {
        t->free_region = t->regions.items[i].outer;
    }
    t->regions.items[i] = (struct region){task, text, t->gs.items[g].region, t->n_gaps};
    t->gs.items[g].region = i;
    return true;
}

/* The innermost. */
static struct region pop(struct go_trace_model *t, uint32_t g)
{
    uint32_t i = t->gs.items[g].region;
    struct region it = t->regions.items[i];
    t->gs.items[g].region = it.outer;
    t->regions.items[i].outer = t->free_region;
    t->free_region = i;
    return it;
}

void go_trace_forget_regions(struct go_trace_model *t, uint32_t g)
{
    while (t->gs.items[g].region)
        pop(t, g);
}

/* --- events --- */

static void emit(struct go_trace_model *t, uint32_t g, enum gotrace_type type, uint64_t task,
                 uint32_t text, uint32_t stack)
{
    uint32_t m = t->gs.items[g].m;
    go_trace_tell_m(t, m);
    go_trace_emit(t, m, type, ARGS(task, text, stack));
}

void go_trace_begin_region(struct go_trace_model *t, uint32_t g, uint64_t task, uint32_t text,
                           uint32_t stack)
{
    if (push(t, g, task, text))
        emit(t, g, GOTRACE_USER_REGION_BEGIN, task, text, stack);
}

static void end_innermost(struct go_trace_model *t, uint32_t g, uint32_t stack)
{
    struct region it = pop(t, g);
    emit(t, g, GOTRACE_USER_REGION_END, it.task, it.text, stack);
}

bool go_trace_has_old_region(const struct go_trace_model *t, uint32_t g)
{
    uint32_t i = t->gs.items[g].region;
    return i && t->regions.items[i].gap != t->n_gaps;
}

bool go_trace_end_region(struct go_trace_model *t, uint32_t g, uint64_t task, uint32_t text,
                         uint32_t stack)
{
    uint32_t i = t->gs.items[g].region;
    while (i && (t->regions.items[i].task != task || t->regions.items[i].text != text))
        i = t->regions.items[i].outer;
    if (!i)
        return false;
    while (t->gs.items[g].region != i) {
        t->counts.n_repairs++;
        end_innermost(t, g, 0);
    }
    t->counts.n_long_regions += !task && go_trace_has_old_region(t, g);
    end_innermost(t, g, stack);
    return true;
}

void go_trace_keep_regions(struct go_trace_model *t, uint32_t g, size_t n)
{
    size_t depth = 0;
    for (uint32_t i = t->gs.items[g].region; i; i = t->regions.items[i].outer)
        depth++;
    for (; depth > n && go_trace_has_old_region(t, g); depth--) {
        t->counts.n_long_regions++;
        end_innermost(t, g, 0);
    }
}

/* --- threads off their processors --- */

void go_trace_begin_off(struct go_trace_model *t, uint32_t m, uint32_t text, uint64_t from_ns)
{
    struct thread *it = &t->ms.items[m];
    uint64_t now = t->now;
    /* It has done nothing since, and neither has its processor. */
    t->now = from_ns > t->began ? from_ns : t->began;
    if (it->g == NONE && it->found != NONE && t->gs.items[it->found].is_found)
        go_trace_tell_found(t, it->found);
    it->found = NONE;
    if (!it->off && it->g != NONE && t->gs.items[it->g].state == RUNNING &&
        go_trace_has_running_p(t, m)) {
        go_trace_begin_region(t, it->g, 0, text, 0);
        it->off = text;
    }
    t->now = now > t->now ? now : t->now;
}

void go_trace_end_off(struct go_trace_model *t, uint32_t m)
{
    struct thread *it = &t->ms.items[m];
    if (!it->off)
        return;
    uint32_t text = it->off;
    it->off = 0;
    if (it->g != NONE && t->gs.items[it->g].state == RUNNING && go_trace_need_p(t, m))
        go_trace_end_region(t, it->g, 0, text, 0);
}
