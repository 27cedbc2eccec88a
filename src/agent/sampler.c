#include "agent/sampler.h"

#include "agent/labels.h"
#include "agent/memory.h"
#include "agent/modules.h"
#include "agent/raw.h"
#include "unwind/walk.h"

#define N_CONTEXTS 16 /* handlers at the same time */
#define CACHE_ROWS 8192
#define PAGES_KNOWN 8 /* power of two */
#define WAIT_TRIES 1000

struct cache_entry {
    uint64_t frame;
    struct ehtab_row row;
};

/* What one running handler needs; kept out of its stack, which may be small. */
struct context {
    int taken;
    struct store *store;
    uint64_t stack_lo, stack_size; /* what is known to be readable: the thread's own stack */
    uint64_t pages[PAGES_KNOWN];   /* numbers of pages found readable in this walk */
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

static bool read_word(void *arg, uint64_t address, uint64_t *value)
{
    struct context *c = arg;
    if (address - c->stack_lo < c->stack_size) {
        memcpy(value, (const void *)address, sizeof *value);
        return true;
    }
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

/* The stack from these registers on, in c->frames; `store` is told of its modules. */
static uint32_t unwind(struct context *c, struct walk_regs regs, struct store *store, bool *complete)
{
    static const struct walk_ops ops = {read_word, row_at};
    c->store = store;
    c->place = NULL;
    memset(c->pages, 0xff, sizeof c->pages);
    bool is_own = regs.sp >= own_stack.lo && regs.sp < own_stack.hi && own_stack.hi - regs.sp > 8;
    c->stack_lo = regs.sp;
    c->stack_size = is_own ? own_stack.hi - regs.sp - 7 : 0; /* of addresses of 8 bytes */
    return walk_stack(&ops, c, regs, c->frames, WIRE_STACK_MAX, complete);
}

/* The same, added to the store. */
static struct wire_stack *add_stack(struct store *store, enum wire_kind kind, uint64_t key,
                                    struct walk_regs regs, uint64_t weight)
{
    struct context *c = take_context();
    if (!c) {
        store_count(&store->header->counts[kind].n_dropped, weight);
        return NULL;
    }
    struct store_stack stack = {.kind = kind, .key = key, .frames = c->frames};
    if (kind == WIRE_CPU || kind == WIRE_HEAP)
        stack.labels = labels_in(labels_current, store);
    stack.n_frames = unwind(c, regs, store, &stack.complete);
    struct wire_stack *row = store_add(store, &stack, weight);
    __atomic_store_n(&c->taken, 0, __ATOMIC_RELEASE);
    return row;
}

uint32_t sampler_walk(const struct walk_regs *regs, uint64_t *frames, uint32_t max)
{
    struct walk_regs call = *regs;
    bool complete;
    struct context *c = take_context();
    if (!c)
        return 0;
    call.pc--; /* as walk_stack looks return addresses up */
    uint32_t n = unwind(c, call, NULL, &complete);
    n = n < max ? n : max;
    memcpy(frames, c->frames, n * sizeof *frames);
    __atomic_store_n(&c->taken, 0, __ATOMIC_RELEASE);
    return n;
}

void sampler_sample(struct store *store, const ucontext_t *uc, uint64_t weight)
{
    const greg_t *g = uc->uc_mcontext.gregs;
    struct walk_regs regs = {(uint64_t)g[REG_RIP], (uint64_t)g[REG_RSP], (uint64_t)g[REG_RBP],
                             (uint64_t)g[REG_RDI]};
    struct wire_stack *row = add_stack(store, WIRE_CPU, 0, regs, weight);
    if (row)
        store_count(&row->n[0], weight);
}

struct wire_stack *sampler_here(struct store *store, enum wire_kind kind, uint64_t key,
                                const struct walk_regs *regs)
{
    struct walk_regs call = *regs;
    call.pc--; /* as walk_stack looks return addresses up */
    return add_stack(store, kind, key, call, 1);
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
