/* The log of a chunk is varints, of which the lowest bits say what it is:
 *   OP_RUN     n steps as foreseen
 *   OP_ASIDE   the thread that is foreseen does not come; n - 1 steps later it does; n 0: when it
 *              is taken
 *   OP_TAKE    the thread n, which was aside, comes now
 *   OP_EVENT   an event as it is (timeline_pack.h); n: 1 it comes in place of the next step
 * A chunk ends where all its events were made. */
#include "timeline/timeline_store.h"

#include "timeline/timeline_pack.h"
#include "timeline/timeline_player.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { OP_RUN, OP_ASIDE, OP_TAKE, OP_EVENT };

#define DROP_CHUNKS 32 /* of so many, one lets go of the file's pages */
#define NO_FILE UINT32_MAX
#define NO_CURSOR UINT32_MAX

/* What only adding needs. */
struct adding {
    struct timeline_player player;
    struct trace_event expected[TIMELINE_STEP_MAX]; /* behind what a step became already */
    unsigned n_expected, next_expected;
    uint32_t step_cursor; /* that of them */
    uint32_t recent[256]; /* cursor by hash of its thread */
    uint32_t *last_mark;  /* of each cursor, its place in `at` */
    uint32_t last_mark_cap;
    uint32_t aside; /* that was put aside last, with nothing but a run since; else NO_CURSOR */
    struct map status_of; /* cursor that has this status next: by what, of whom */
};

void timeline_store_init(struct timeline_store *store)
{
    *store = (struct timeline_store){.chunk_events = TIMELINE_CHUNK_EVENTS};
    buf_init(&store->log);
}

static void free_adding(struct timeline_store *store)
{
    struct adding *a = store->adding;
    if (!a)
        return;
    timeline_player_release(&a->player);
    free(a->last_mark);
    map_release(&a->status_of);
    free(a);
    store->adding = NULL;
}

void timeline_store_release(struct timeline_store *store)
{
    free_adding(store);
    trace_marks_free(store->marks);
    file_release(&store->file);
    vec_release(&store->chunks);
    buf_release(&store->log);
    vec_release(&store->at);
    vec_release(&store->refs);
    vec_release(&store->contexts);
    map_release(&store->context_of);
}

bool timeline_store_file(struct timeline_store *store, const char *path, struct trace_marks *marks,
                         struct err *err)
{
    store->marks = marks;
    return file_map(&store->file, path, err);
}

/* ---- adding ---- */

static void put_op(struct timeline_store *store, unsigned op, uint64_t n)
{
    char *p = buf_reserve(&store->log, GOTRACE_VARINT_MAX);
    if (!p) {
        store->failed = true;
        return;
    }
    store->log.len += (size_t)(gotrace_put((uint8_t *)p, n << 2 | op) - (uint8_t *)p);
}

static void end_run(struct timeline_store *store)
{
    if (store->adding->aside != NO_CURSOR)
        put_op(store, OP_ASIDE, 0);
    store->adding->aside = NO_CURSOR;
    if (store->n_run)
        put_op(store, OP_RUN, store->n_run);
    store->n_run = 0;
}

static void add_literal(struct timeline_store *store, const struct trace_event *event,
                        bool in_place)
{
    end_run(store);
    put_op(store, OP_EVENT, in_place);
    char *p = buf_reserve(&store->log, TIMELINE_PACK_MAX);
    if (!p) {
        store->failed = true;
        return;
    }
    uint8_t *end = timeline_pack((uint8_t *)p, event, &store->literal, store->last_ns);
    store->log.len += (size_t)(end - (uint8_t *)p);
    store->literal = *event;
}

/* The file's pages need not stay: they are read again soon enough. */
static void drop_pages(const struct timeline_store *store)
{
    if (store->file.mapped && store->file.len)
        (void)madvise((void *)(uintptr_t)store->file.data, store->file.len, MADV_DONTNEED);
}

static bool is_status(uint8_t type)
{
    return type == GOTRACE_GO_STATUS || type == GOTRACE_GO_STATUS_STACK ||
           type == GOTRACE_PROC_STATUS;
}

static uint64_t status_key(uint8_t type, uint64_t id)
{
    return (uint64_t)type << 56 ^ id;
}

/* The cursor has another event next; a status may be told by another thread. */
static inline void note_status(struct timeline_store *store, uint32_t cursor)
{
    struct adding *a = store->adding;
    const struct timeline_cursor *c = &a->player.cursors[cursor];
    if (c->is_there && is_status(c->type) &&
        !map_put(&a->status_of, status_key(c->type, c->args[1]), cursor))
        store->failed = true;
}

/* What the threads were doing goes from one generation to the next. */
static void keep_contexts(struct timeline_store *store)
{
    struct timeline_player *player = &store->adding->player;
    for (uint32_t i = 0; i < player->n; i++) {
        const struct timeline_cursor *c = &player->cursors[i];
        uint32_t new = (uint32_t)store->contexts.n;
        uint32_t at = map_get_or_put(&store->context_of, (uint64_t)c->m, new);
        struct timeline_context context = {c->g, c->proc};
        if (at == MAP_NONE || (at == new && !vec_push(&store->contexts, context)))
            store->failed = true;
        else
            store->contexts.items[at] = context;
    }
}

static void begin_generation(struct timeline_store *store)
{
    struct adding *a = store->adding;
    const struct trace_mark_generation *gen =
        store->marks ? trace_marks_get(store->marks, store->n_generations++) : NULL;
    keep_contexts(store);
    drop_pages(store);
    a->player.n = a->player.n_heap = 0;
    a->n_expected = a->next_expected = 0;
    map_release(&a->status_of);
    memset(a->recent, 0xff, sizeof a->recent);
    if (!gen)
        return;
    if (gen->n_threads > a->last_mark_cap) {
        free(a->last_mark);
        a->last_mark = malloc(gen->n_threads * sizeof *a->last_mark);
        a->last_mark_cap = a->last_mark ? gen->n_threads : 0;
    }
    if ((gen->n_threads && !a->last_mark) ||
        !timeline_player_begin(&a->player, gen, store->file.data, store->file.len)) {
        a->player.n = 0;
        store->failed = true;
        return;
    }
    for (uint32_t i = 0; i < a->player.n; i++) {
        struct timeline_cursor *c = &a->player.cursors[i];
        uint32_t at = map_get(&store->context_of, (uint64_t)c->m);
        a->last_mark[i] = UINT32_MAX;
        if (at != MAP_NONE) {
            c->g = store->contexts.items[at].g;
            c->proc = store->contexts.items[at].p;
        }
        note_status(store, i);
    }
    timeline_player_heap(&a->player);
}

static void begin_chunk(struct timeline_store *store, const struct trace_event *event)
{
    struct adding *a = store->adding;
    end_run(store);
    if (event->type == TRACE_SYNC)
        begin_generation(store);
    store->literal = (struct trace_event){0};
    store->cut = false;
    bool has_file = a->player.n > 0;
    struct timeline_chunk chunk = {
        .begin_ns = event->time_ns,
        .before_ns = store->last_ns,
        .first_event = store->n_events,
        .log = store->log.len,
        .refs = store->refs.n,
        .generation = has_file ? (uint32_t)store->n_generations - 1 : NO_FILE,
    };
    if (!vec_push(&store->chunks, chunk))
        store->failed = true;
    for (uint32_t i = 0; i < a->player.n; i++) {
        const struct timeline_cursor *c = &a->player.cursors[i];
        struct timeline_mark_at mark = {
            .batch = c->is_there ? c->batch : UINT32_MAX,
            .g = c->g,
            .p = c->proc,
            .is_aside = c->is_aside,
        };
        if (c->is_there) {
            mark.at = (uint32_t)(c->begin -
                                 (store->file.data + a->player.generation->batches[c->batch].at));
            mark.last_ns = c->begin_ns;
        }
        const struct timeline_mark_at *last =
            a->last_mark[i] == UINT32_MAX ? NULL : &store->at.items[a->last_mark[i]];
        if (!last || last->batch != mark.batch || last->at != mark.at || last->g != mark.g ||
            last->p != mark.p || last->is_aside != mark.is_aside) {
            a->last_mark[i] = (uint32_t)store->at.n;
            if (!vec_push(&store->at, mark))
                store->failed = true;
        }
        if (!vec_push(&store->refs, a->last_mark[i]))
            store->failed = true;
    }
}

static inline bool equal(const struct trace_event *a, const struct trace_event *b)
{
    return a->time_ns == b->time_ns && a->type == b->type && a->g == b->g && a->m == b->m &&
           a->p == b->p && memcmp(a->args, b->args, sizeof a->args) == 0;
}

/* Could the event be what the cursor's next became? */
static bool fits(const struct adding *a, uint32_t cursor, const struct trace_event *event)
{
    const struct timeline_cursor *c = &a->player.cursors[cursor];
    if (!c->is_there)
        return false;
    if (c->type == event->type)
        return c->time_ns <= event->time_ns &&
               (c->args[1] == event->args[0] || gotrace_specs[c->type].string_args[0] == 1 ||
                gotrace_specs[c->type].stack_args[0] == 1 || event->type == GOTRACE_STW_END);
    return c->type == GOTRACE_GO_DESTROY_SYSCALL && event->type == GOTRACE_PROC_STEAL;
}

/* Whose next event it is; NO_CURSOR: nobody's. */
static uint32_t find_cursor(struct adding *a, const struct trace_event *event)
{
    uint32_t *recent = &a->recent[hash_u64((uint64_t)event->m) & 255];
    uint32_t i = *recent;
    if (i >= a->player.n || a->player.cursors[i].m != event->m) {
        i = timeline_player_of(&a->player, event->m);
        if (i != MAP_NONE)
            *recent = i;
    }
    if (i != MAP_NONE && fits(a, i, event))
        return i;
    /* It may be told by one thread and be of another. */
    if (is_status(event->type)) {
        if (a->player.n_heap && fits(a, a->player.heap[0], event))
            return a->player.heap[0];
        i = map_get(&a->status_of, status_key(event->type, event->args[0]));
        if (i != MAP_NONE && fits(a, i, event))
            return i;
    }
    return NO_CURSOR;
}

/* The log leads to this cursor. */
static void choose(struct timeline_store *store, uint32_t cursor)
{
    struct timeline_player *player = &store->adding->player;
    struct adding *a = store->adding;
    if (a->aside == cursor) {
        put_op(store, OP_ASIDE, store->n_run + 1);
        store->n_run = 0;
        a->aside = NO_CURSOR;
        return;
    }
    if (player->cursors[cursor].is_aside) {
        end_run(store);
        put_op(store, OP_TAKE, cursor);
        return;
    }
    while (player->heap[0] != cursor) {
        end_run(store);
        a->aside = player->heap[0];
        timeline_player_aside(player);
    }
}

static void add_step(struct timeline_store *store, uint32_t cursor, const struct trace_event *event)
{
    struct adding *a = store->adding;
    choose(store, cursor);
    a->player.last_ns = store->last_ns;
    unsigned n = timeline_player_foresee(&a->player, cursor, a->expected);
    timeline_player_step(&a->player, cursor);
    note_status(store, cursor);
    a->n_expected = a->next_expected = 0;
    if (equal(&a->expected[0], event)) {
        store->n_run++;
        a->n_expected = n;
        a->next_expected = 1;
        a->step_cursor = cursor;
    } else {
        add_literal(store, event, true);
    }
    timeline_player_apply(&a->player, cursor, event);
}

bool timeline_store_add(struct timeline_store *store, const struct trace_event *event)
{
    struct adding *a = store->adding;
    if (!a) {
        if (!(a = store->adding = calloc(1, sizeof *a))) {
            store->failed = true;
            return false;
        }
        memset(a->recent, 0xff, sizeof a->recent);
        a->aside = NO_CURSOR;
    }
    bool begins = false;
    if (a->next_expected < a->n_expected) {
        if (equal(&a->expected[a->next_expected], event)) {
            timeline_player_apply(&a->player, a->step_cursor, event);
            a->next_expected++;
            goto done;
        }
        store->failed = true; /* the ordering makes all of them or none */
    }
    if (!store->chunks.n || event->type == TRACE_SYNC || store->cut ||
        store->n_events - store->chunks.items[store->chunks.n - 1].first_event >=
            store->chunk_events) {
        begin_chunk(store, event);
        begins = true;
    }
    uint32_t cursor = NO_CURSOR;
    if (a->player.n && event->type != TRACE_SYNC && event->type != GOTRACE_CPU_SAMPLE)
        cursor = find_cursor(a, event);
    if (cursor == NO_CURSOR)
        add_literal(store, event, false);
    else
        add_step(store, cursor, event);
done:
    store->last_ns = event->time_ns;
    store->n_events++;
    return begins;
}

void timeline_store_cut(struct timeline_store *store)
{
    store->cut = true;
}

bool timeline_store_seal(struct timeline_store *store)
{
    if (store->adding)
        end_run(store);
    free_adding(store);
    char *log = realloc(store->log.data, store->log.len + 1); /* no more will come */
    if (log) {
        store->log.data = log;
        store->log.cap = store->log.len + 1;
    }
    drop_pages(store);
    vec_release(&store->contexts);
    map_release(&store->context_of);
    return !store->failed;
}

size_t timeline_store_bytes(const struct timeline_store *store)
{
    return store->chunks.cap * sizeof *store->chunks.items + store->log.cap +
           store->at.cap * sizeof *store->at.items + store->refs.cap * sizeof *store->refs.items +
           (store->marks ? trace_marks_bytes(store->marks) : 0);
}

uint32_t timeline_store_n(const struct timeline_store *store, size_t chunk)
{
    uint64_t end =
        chunk + 1 < store->chunks.n ? store->chunks.items[chunk + 1].first_event : store->n_events;
    return (uint32_t)(end - store->chunks.items[chunk].first_event);
}

/* ---- again ---- */

struct replay {
    struct trace_event block[TIMELINE_BLOCK_EVENTS + TIMELINE_STEP_MAX];
    uint32_t n;     /* in the block */
    uint32_t left;  /* that the chunk has still */
    uint32_t taken; /* the cursor that comes next in place of the first; NO_CURSOR */
    bool is_called_off;
    struct trace_event literal; /* the last event that was kept as it is */
    struct timeline_player player;
    bool (*events)(void *arg, const struct trace_event *events, size_t n);
    void *arg;
};

static bool begin_replay(const struct timeline_store *store, const struct timeline_chunk *chunk,
                         struct replay *r)
{
    const struct trace_mark_generation *gen = trace_marks_get(store->marks, chunk->generation);
    if (!gen || !timeline_player_begin(&r->player, gen, store->file.data, store->file.len))
        return false;
    for (uint32_t i = 0; i < r->player.n; i++) {
        const struct timeline_mark_at *mark = &store->at.items[store->refs.items[chunk->refs + i]];
        struct timeline_cursor *c = &r->player.cursors[i];
        c->g = mark->g;
        c->proc = mark->p;
        c->is_aside = mark->is_aside;
        timeline_player_at(&r->player, i, mark->batch, mark->at, mark->last_ns);
    }
    timeline_player_heap(&r->player);
    return true;
}

static void hand_out(struct replay *r)
{
    if (r->n && !r->is_called_off)
        r->is_called_off = !r->events(r->arg, r->block, r->n);
    r->n = 0;
}

/* So many steps as they are foreseen. */
static void replay_run(struct replay *r, uint64_t count)
{
    struct timeline_player *player = &r->player;
    for (; count && r->left && !r->is_called_off; count--) {
        uint32_t cursor = r->taken;
        if (cursor == NO_CURSOR) {
            if (!player->n_heap) {
                r->left = 0;
                break;
            }
            cursor = player->heap[0];
        }
        r->taken = NO_CURSOR;
        unsigned made = timeline_player_foresee(player, cursor, r->block + r->n);
        timeline_player_step(player, cursor);
        for (unsigned i = 0; i < made; i++)
            timeline_player_apply(player, cursor, &r->block[r->n + i]);
        if (made > r->left)
            made = r->left;
        r->n += made;
        r->left -= made;
        if (r->n >= TIMELINE_BLOCK_EVENTS)
            hand_out(r);
    }
}

/* An event that was kept; in_place: of a step.  The end of its bytes; NULL: they are cut off. */
static const uint8_t *replay_literal(struct replay *r, const uint8_t *p, const uint8_t *end,
                                     bool in_place)
{
    struct timeline_player *player = &r->player;
    struct trace_event *e = &r->block[r->n];
    if (!(p = timeline_unpack(p, end, e, &r->literal, player->last_ns)))
        return NULL;
    r->literal = *e;
    if (in_place && (r->taken != NO_CURSOR || player->n_heap)) {
        uint32_t cursor = r->taken != NO_CURSOR ? r->taken : player->heap[0];
        timeline_player_step(player, cursor);
        timeline_player_apply(player, cursor, e);
        r->taken = NO_CURSOR;
    }
    player->last_ns = e->time_ns;
    r->n++;
    r->left--;
    return p;
}

/* The first thread is put aside; with a count, it comes behind a run of one less. */
static void replay_aside(struct replay *r, uint64_t count)
{
    uint32_t aside = NO_CURSOR;
    if (r->player.n_heap) {
        aside = r->player.heap[0];
        timeline_player_aside(&r->player);
    }
    if (!count)
        return; /* it is taken back by an operation of its own */
    replay_run(r, aside == NO_CURSOR ? count : count - 1);
    if (aside != NO_CURSOR)
        r->taken = aside;
}

bool timeline_store_replay(const struct timeline_store *store, size_t number,
                           bool (*events)(void *arg, const struct trace_event *events, size_t n),
                           void *arg)
{
    const struct timeline_chunk *chunk = &store->chunks.items[number];
    const uint8_t *p = (const uint8_t *)store->log.data + chunk->log;
    const uint8_t *end = (const uint8_t *)store->log.data + store->log.len;
    struct replay *r = malloc(sizeof *r);
    if (!r)
        return false;
    r->n = 0;
    r->left = timeline_store_n(store, number);
    r->taken = NO_CURSOR;
    r->is_called_off = false;
    r->literal = (struct trace_event){0};
    r->player = (struct timeline_player){0};
    r->events = events;
    r->arg = arg;
    bool good = chunk->generation == NO_FILE || begin_replay(store, chunk, r);
    r->player.last_ns = chunk->before_ns;
    while (good && r->left && !r->is_called_off) {
        uint64_t v;
        if (!(p = gotrace_get(p, end, &v)))
            break;
        uint64_t count = v >> 2;
        switch (v & 3) {
        case OP_RUN:
            replay_run(r, count);
            break;
        case OP_ASIDE:
            replay_aside(r, count);
            break;
        case OP_TAKE:
            r->taken = count < r->player.n ? (uint32_t)count : NO_CURSOR;
            break;
        case OP_EVENT:
            p = replay_literal(r, p, end, count);
            break;
        }
        if (!p)
            break;
        if (r->n >= TIMELINE_BLOCK_EVENTS)
            hand_out(r);
    }
    if (good)
        hand_out(r);
    timeline_player_release(&r->player);
    free(r);
    if (number % DROP_CHUNKS == 0)
        drop_pages(store);
    return good;
}
