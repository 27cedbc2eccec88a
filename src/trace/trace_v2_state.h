/* trace_v2_state: what goroutines, processors and threads are doing at a point of the trace, as
 * far as the order of its events depends on it.
 *
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_TRACE_TRACE_V2_STATE_H
#define SONDE_TRACE_TRACE_V2_STATE_H

#include "base/map.h"
#include "base/vec.h"
#include "trace/trace_event.h"

/* A range that has begun, as its begin names it; `kind` is that of a stop-the-world. */
struct trace_v2_range {
    uint8_t type;
    uint32_t kind;
};
/* A user's region: regions of one name and task are the same. */
struct trace_v2_region {
    uint64_t task;
    uint32_t name;
};
struct trace_v2_held {
    VEC(struct trace_v2_range) ranges;
    VEC(struct trace_v2_region) regions;
};

/* Lives until the state is released; when the goroutine has ended it is another's. */
struct trace_v2_go {
    int64_t id;
    uint64_t gen, seq;          /* of the last event that is numbered */
    struct trace_v2_held *held; /* NULL: nothing yet */
    struct trace_v2_go *next_free;
    uint8_t status; /* enum gotrace_go_status; BAD: it has ended */
};

struct trace_v2_proc {
    int32_t id;
    uint8_t status; /* enum gotrace_proc_status */
    uint64_t gen, seq;
    struct trace_v2_held *held;
    struct trace_v2_m *m; /* a thread that has it; NULL: none */
};

struct trace_v2_m {
    int64_t id;
    int64_t g;                                    /* what runs there, or TRACE_NONE */
    int32_t p;                                    /* trace_v2_state_set_p */
    struct trace_v2_m *next_of_p, *previous_of_p; /* others that have p: a trace may say so */
    bool is_seen;                                 /* an event was of it, or said what it does */
    struct trace_v2_go *go; /* perhaps that of g: look with trace_v2_state_current */
};

struct trace_v2_task {
    uint64_t parent;
    uint32_t name;
};

/* From a 64-bit id to a pointer: open addressing. */
struct trace_v2_table {
    struct trace_v2_table_slot {
        uint64_t id;
        void *value; /* NULL: empty */
    } * slots;
    size_t n, n_slots;
};

struct trace_v2_state {
    struct trace_v2_table goes, ms; /* what exists */
    VEC(struct trace_v2_m *) all_ms;
    VEC(struct trace_v2_go *) go_blocks; /* each GO_BLOCK of them */
    size_t n_in_block;
    struct trace_v2_go *free;
    VEC(struct trace_v2_proc) procs;
    uint32_t proc_of[256]; /* place in procs, of small numbers */
    struct map far_proc_of;
    struct trace_v2_table tasks; /* that have begun */
};

bool trace_v2_state_init(struct trace_v2_state *state); /* false: no memory; release it anyway */
void trace_v2_state_release(struct trace_v2_state *state);

static inline size_t trace_v2_table_home(const struct trace_v2_table *t, uint64_t id)
{
    return ((id * 0x9e3779b97f4a7c15u) >> 32) & (t->n_slots - 1);
}

/* The place of an id, which is empty (value NULL) if it is not there.  n_slots is not 0. */
static inline struct trace_v2_table_slot *trace_v2_table_at(const struct trace_v2_table *t,
                                                            uint64_t id)
{
    for (size_t at = trace_v2_table_home(t, id);; at++) {
        struct trace_v2_table_slot *slot = &t->slots[at & (t->n_slots - 1)];
        if (!slot->value || slot->id == id)
            return slot;
    }
}

/* NULL: it does not exist (now). */
static inline struct trace_v2_go *trace_v2_state_go(const struct trace_v2_state *state, int64_t g)
{
    return trace_v2_table_at(&state->goes, (uint64_t)g)->value;
}
/* What runs on the thread; NULL: none that is known. */
static inline struct trace_v2_go *trace_v2_state_current(const struct trace_v2_state *state,
                                                         struct trace_v2_m *m)
{
    if (!m->go || m->go->id != m->g || m->go->status == GOTRACE_GO_BAD)
        m->go = trace_v2_state_go(state, m->g);
    return m->go;
}
static inline struct trace_v2_proc *trace_v2_state_proc(const struct trace_v2_state *state,
                                                        uint64_t p)
{
    uint32_t at = p < 256 ? state->proc_of[p] : map_get(&state->far_proc_of, p);
    return at == UINT32_MAX ? NULL : &state->procs.items[at];
}

/* New ones; NULL: no memory.  They must not be there. */
struct trace_v2_go *trace_v2_state_add_go(struct trace_v2_state *state, int64_t g);
struct trace_v2_proc *trace_v2_state_add_proc(struct trace_v2_state *state, int32_t p);
void trace_v2_state_remove_go(struct trace_v2_state *state, struct trace_v2_go *go);

/* NULL: never seen; with `make`, then it is new, or there is no memory. */
struct trace_v2_m *trace_v2_state_m(struct trace_v2_state *state, int64_t m, bool make);

/* The thread has the processor, which exists, from now on; TRACE_NONE: none.  O(1). */
void trace_v2_state_set_p(struct trace_v2_state *state, struct trace_v2_m *m, int32_t p);

struct trace_v2_held *trace_v2_state_hold(struct trace_v2_held **held); /* NULL: no memory */
bool trace_v2_held_has(const struct trace_v2_held *held, struct trace_v2_range range);

/* Room for one more, before trace_v2_table_put; false: no memory. */
bool trace_v2_table_reserve(struct trace_v2_table *table);
void trace_v2_table_put(struct trace_v2_table *table, uint64_t id, void *value); /* not there */
void trace_v2_table_remove(struct trace_v2_table *table, struct trace_v2_table_slot *slot);

#endif
