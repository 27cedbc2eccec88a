#include "agent/sampler.h"

#include "agent/labels.h"
#include "agent/memory.h"
#include "agent/modules.h"
#include "agent/peek.h"
#include "agent/peer.h"
#include "agent/raw.h"
#include "agent/trace.h"
#include "unwind/lost_bp.h"
#include "unwind/walk.h"

#define N_CONTEXTS 16 /* handlers at the same time */
#define CACHE_ROWS 8192
#define PAGES_KNOWN 8 /* power of two */
#define WINDOW_BYTES 2048
#define NEAR (1u << 20)
#define WAIT_TRIES 1000

struct cache_entry {
    uint64_t frame;
    struct ehtab_row row;
};

/* Memory that was copied. */
struct window {
    uint64_t lo, n;
    uint8_t bytes[WINDOW_BYTES];
};

/* What one running handler needs; kept out of its stack, which may be small. */
struct context {
    int taken;
    struct store *store;
    struct peer *peer;             /* whose stack it is; NULL: the own */
    struct sampler_log *log;       /* of what is read; NULL: nobody asks */
    uint64_t stack_lo, stack_size; /* what is known to be readable: the thread's own stack */
    uint64_t pages[PAGES_KNOWN];   /* numbers of pages found readable in this walk */
    struct window windows[2];      /* near the stack pointer; elsewhere */
    const struct placement *place; /* of the frame before */
    uint64_t frames[WIRE_STACK_MAX];
    struct cache_entry cache[CACHE_ROWS];
    struct ehtab_scratch scratch;
};

static struct context contexts[N_CONTEXTS];
static struct store *active[WIRE_KINDS];
static int n_inside[2]; /* of WIRE_CPU, and of all others */
static __thread struct {
    uint64_t lo, hi;
} own_stack;

/* A copy of the kernel's: what is taken for a frame may be anything, also memory that
 * another thread gives back just now. */
static bool read_copy(struct context *c, uint64_t address, uint64_t *value)
{
    struct window *w = &c->windows[address - c->stack_lo >= NEAR];
    if (address < w->lo || address - w->lo + 8 > w->n) {
        w->lo = address;
        w->n = peek_some(w->bytes, address, WINDOW_BYTES);
        if (w->n < 8)
            return false;
    }
    memcpy(value, w->bytes + (address - w->lo), sizeof *value);
    return true;
}

static void log_word(struct sampler_log *log, uint64_t offset, uint64_t value)
{
    if (log->n >= SAMPLER_LOG_MAX || offset > UINT32_MAX) {
        log->n = SAMPLER_LOG_MAX + 1;
        return;
    }
    log->offsets[log->n] = (uint32_t)offset;
    log->values[log->n++] = value;
}

static bool read_word(void *arg, uint64_t address, uint64_t *value)
{
    struct context *c = arg;
    if (address - c->stack_lo < c->stack_size) {
        memcpy(value, (const void *)address, sizeof *value);
        if (c->log)
            log_word(c->log, address - c->stack_lo, *value);
        return true;
    }
    if (c->log)
        c->log->n = SAMPLER_LOG_MAX + 1;
    if (peek_may_ask())
        return read_copy(c, address, value);
    if (c->stack_size && address > c->stack_lo) /* no frame is above one's own stack */
        return false;
    uint64_t page = address >> 12, last = (address + 7) >> 12;
    if (c->pages[page % PAGES_KNOWN] != page) {
        if (!raw_readable(address))
            return false;
        c->pages[page % PAGES_KNOWN] = page;
    }
    if (last != page && !raw_readable(address))
        return false;
    memcpy(value, (const void *)address, sizeof *value);
    return true;
}

static struct ehtab_row find_row(struct context *c, uint64_t offset)
{
    struct module *m = c->place->module;
    if (modules_torn(c->place))
        return (struct ehtab_row){.kind = EHTAB_NONE, .rbp = EHTAB_RBP_SAME};
    struct ehtab_image image = modules_image(c->place);
    return ehtab_find(&m->table, &image, offset, memory_for_ehtab(), &c->scratch);
}

static struct ehtab_row row_at(void *arg, uint64_t pc, uint64_t *frame)
{
    struct context *c = arg;
    if (!c->place || pc < c->place->start || pc >= c->place->limit) {
        c->place = modules_find(pc, c->store);
        if (!c->place) {
            *frame = WIRE_FRAME(0, WIRE_FRAME_OFFSET(pc));
            return (struct ehtab_row){.kind = EHTAB_NONE, .rbp = EHTAB_RBP_SAME};
        }
    }
    uint64_t offset = pc - c->place->start;
    *frame = WIRE_FRAME(c->place->module->number, offset);
    struct cache_entry *e = &c->cache[(*frame ^ *frame >> 12 ^ *frame >> 45) % CACHE_ROWS];
    if (e->frame != *frame)
        *e = (struct cache_entry){*frame, find_row(c, offset)};
    return e->row;
}

static struct context *take_context(void)
{
    for (int i = 0; i < N_CONTEXTS; i++)
        if (!__atomic_exchange_n(&contexts[i].taken, 1, __ATOMIC_ACQUIRE))
            return &contexts[i];
    return NULL;
}

static bool read_peer(void *arg, uint64_t address, uint64_t *value)
{
    return peer_read(((struct context *)arg)->peer, address, value);
}

static bool is_code(void *arg, uint64_t address)
{
    return modules_find(address, ((struct context *)arg)->store) != NULL;
}

static bool function_start(void *arg, uint64_t pc, uint64_t *start)
{
    const struct placement *place = modules_find(pc, ((struct context *)arg)->store);
    uint64_t offset;
    if (!place || modules_torn(place))
        return false;
    struct ehtab_image image = modules_image(place);
    if (!ehtab_function(&place->module->table, &image, pc - place->start, &offset))
        return false;
    *start = place->start + offset;
    return true;
}

static bool find_lost_bp(void *arg, uint64_t pc, uint64_t sp, uint64_t *bp)
{
    static const struct lost_bp_ops ops = {read_peer, is_code, function_start};
    return lost_bp_find(&ops, arg, pc, sp, bp);
}

static void begin_walk(struct context *c, struct store *store)
{
    c->store = store;
    c->place = NULL;
    c->log = NULL;
    memset(c->pages, 0xff, sizeof c->pages);
    c->windows[0].n = c->windows[1].n = 0;
}

/* The stack from these registers on, in c->frames; `store` is told of its modules. */
static uint32_t unwind_logged(struct context *c, struct walk_regs regs, struct store *store,
                              bool *complete, struct sampler_log *log)
{
    static const struct walk_ops ops = {read_word, row_at, NULL};
    begin_walk(c, store);
    c->log = log;
    bool is_own = regs.sp >= own_stack.lo && regs.sp < own_stack.hi && own_stack.hi - regs.sp > 8;
    c->stack_lo = regs.sp;
    c->stack_size = is_own ? own_stack.hi - regs.sp - 7 : 0; /* of addresses of 8 bytes */
    return walk_stack(&ops, c, regs, c->frames, WIRE_STACK_MAX, complete);
}

static uint32_t unwind(struct context *c, struct walk_regs regs, struct store *store,
                       bool *complete)
{
    return unwind_logged(c, regs, store, complete, NULL);
}

/* The same of another thread. */
static uint32_t unwind_peer(struct context *c, struct peer *peer, struct store *store,
                            bool *complete)
{
    static const struct walk_ops ops = {read_peer, row_at, find_lost_bp};
    struct walk_regs regs = {peer->pc, peer->sp, peer->bp, 0};
    begin_walk(c, store);
    c->peer = peer;
    return walk_stack(&ops, c, regs, c->frames, WIRE_STACK_MAX, complete);
}

static struct context *need_context(struct store *store, const struct store_stack *stack,
                                    uint64_t weight)
{
    struct context *c = take_context();
    if (!c)
        store_count(&store->header->counts[stack->kind].n_dropped, weight);
    return c;
}

static void give_context(struct context *c)
{
    __atomic_store_n(&c->taken, 0, __ATOMIC_RELEASE);
}

/* The stack from these registers on, added to the store. */
static struct wire_stack *add_stack(struct store *store, struct store_stack *stack,
                                    struct walk_regs regs, uint64_t weight)
{
    struct context *c = need_context(store, stack, weight);
    if (!c)
        return NULL;
    stack->frames = c->frames;
    stack->n_frames = unwind(c, regs, store, &stack->complete);
    struct wire_stack *row = store_add(store, stack, weight);
    struct store *traced = stack->kind == WIRE_CPU && trace_on()
                               ? __atomic_load_n(&active[WIRE_TRACE], __ATOMIC_SEQ_CST)
                               : NULL;
    if (traced) {
        struct store_stack same = {.kind = WIRE_TRACE,
                                   .frames = c->frames,
                                   .n_frames = stack->n_frames,
                                   .complete = stack->complete};
        trace_sample(trace_row(traced, store_add(traced, &same, 1)));
    }
    give_context(c);
    return row;
}

static struct walk_regs interrupted(const ucontext_t *uc)
{
    const greg_t *g = uc->uc_mcontext.gregs;
    return (struct walk_regs){(uint64_t)g[REG_RIP], (uint64_t)g[REG_RSP], (uint64_t)g[REG_RBP],
                              (uint64_t)g[REG_RDI]};
}

/* As walk_stack looks return addresses up. */
static struct walk_regs called(const struct walk_regs *regs)
{
    struct walk_regs call = *regs;
    call.pc--;
    return call;
}

uint32_t sampler_walk(const struct walk_regs *regs, uint64_t *frames, uint32_t max)
{
    bool complete;
    struct context *c = take_context();
    if (!c)
        return 0;
    uint32_t n = unwind(c, called(regs), NULL, &complete);
    n = n < max ? n : max;
    memcpy(frames, c->frames, n * sizeof *frames);
    give_context(c);
    return n;
}

struct wire_stack *sampler_trace(const struct walk_regs *regs, struct sampler_log *log)
{
    struct store_stack what = {.kind = WIRE_TRACE};
    struct store *store = sampler_enter(WIRE_TRACE);
    struct context *c = store ? need_context(store, &what, 1) : NULL;
    struct wire_stack *row = NULL;
    log->n = 0;
    if (c) {
        what.frames = c->frames;
        what.n_frames = unwind_logged(c, called(regs), store, &what.complete, log);
        bool is_own = c->stack_size != 0;
        if (!is_own)
            log->n = SAMPLER_LOG_MAX + 1;
        row = store_add(store, &what, 1);
        give_context(c);
    }
    sampler_leave(WIRE_TRACE);
    return row;
}

struct wire_stack *sampler_function(uint64_t address)
{
    struct store *store = sampler_enter(WIRE_TRACE);
    const struct placement *place = store ? modules_find(address, store) : NULL;
    uint64_t frame = place ? WIRE_FRAME(place->module->number, address - place->start)
                           : WIRE_FRAME(0, WIRE_FRAME_OFFSET(address));
    const struct store_stack what = {
        .kind = WIRE_TRACE, .frames = &frame, .n_frames = 1, .complete = true};
    struct wire_stack *row = store ? store_add(store, &what, 1) : NULL;
    sampler_leave(WIRE_TRACE);
    return row;
}

bool sampler_peer(struct store *store, struct store_stack what, struct peer *peer,
                  struct wire_stack **row)
{
    struct context *c = need_context(store, &what, 1);
    *row = NULL;
    if (!c)
        return true;
    what.frames = c->frames;
    what.n_frames = unwind_peer(c, peer, store, &what.complete);
    bool is_still = peer_is_still(peer);
    if (is_still)
        *row = store_add(store, &what, 1);
    give_context(c);
    return is_still;
}

struct wire_stack *sampler_interrupted(struct store *store, struct store_stack what,
                                       const ucontext_t *uc)
{
    return add_stack(store, &what, interrupted(uc), 1);
}

struct wire_stack *sampler_self(struct store *store, struct store_stack what,
                                const struct walk_regs *regs)
{
    return add_stack(store, &what, called(regs), 1);
}

void sampler_sample(struct store *store, const ucontext_t *uc, uint64_t weight)
{
    struct store_stack what = {.kind = WIRE_CPU, .labels = labels_in(labels_current, store)};
    struct wire_stack *row = add_stack(store, &what, interrupted(uc), weight);
    if (row)
        store_count(&row->n[0], weight);
}

struct wire_stack *sampler_here(struct store *store, enum wire_kind kind, uint64_t key,
                                const struct walk_regs *regs)
{
    struct store_stack what = {.kind = kind, .key = key};
    if (kind == WIRE_HEAP)
        what.labels = labels_in(labels_current, store);
    return sampler_self(store, what, regs);
}

/* Counted first, read second: sampler_stop clears first and waits second. */
struct store *sampler_enter(enum wire_kind kind)
{
    __atomic_fetch_add(&n_inside[kind != WIRE_CPU], 1, __ATOMIC_SEQ_CST);
    return __atomic_load_n(&active[kind], __ATOMIC_SEQ_CST);
}

void sampler_leave(enum wire_kind kind)
{
    __atomic_fetch_sub(&n_inside[kind != WIRE_CPU], 1, __ATOMIC_SEQ_CST);
}

static void set_active(uint32_t kinds, struct store *store)
{
    for (uint32_t kind = 0; kind < WIRE_KINDS; kind++)
        if (kinds & 1u << kind)
            __atomic_store_n(&active[kind], store, __ATOMIC_SEQ_CST);
}

void sampler_start(uint32_t kinds, struct store *store)
{
    set_active(kinds, store);
}

void sampler_own_stack(uint64_t lo, uint64_t hi)
{
    own_stack.lo = lo;
    own_stack.hi = hi;
}

static int inside(void)
{
    return __atomic_load_n(&n_inside[0], __ATOMIC_SEQ_CST) +
           __atomic_load_n(&n_inside[1], __ATOMIC_SEQ_CST);
}

void sampler_wait(void)
{
    for (int i = 0; i < WAIT_TRIES && inside() != 0; i++)
        raw_yield();
}

void sampler_stop(uint32_t kinds)
{
    set_active(kinds, NULL);
    while ((kinds & 1u << WIRE_CPU) && __atomic_load_n(&n_inside[0], __ATOMIC_SEQ_CST) != 0)
        raw_yield();
}

void sampler_reset(void)
{
    set_active(~0u, NULL);
    n_inside[0] = n_inside[1] = 0;
    for (int i = 0; i < N_CONTEXTS; i++)
        contexts[i].taken = 0;
}
