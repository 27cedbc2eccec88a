#include "go/go_goroutines.h"

#include "base/vec.h"
#include "go/go_g.h"
#include "go/go_running.h"
#include "os/ptrace.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BATCH 4096u
#define STACK_MAX (4ull << 30)  /* Go's own limit is 1 GB */
#define FIRST_BYTES (32u << 10) /* of a stack: enough for most */
#define SOME_BYTES (4u << 20)   /* for frames up to options.max_frames */
#define WHOLE_BYTES (256u << 20)
#define FRAMES_MAX (8u << 20)
#define TRIES 20
#define ROUNDS 4 /* for those that run */
/* With everything stopped, copies are kept: the more there are, the less of each. */
#define COPY_WHOLE_BYTES (128u << 20)
#define COPY_LESS_BYTES (512u << 20)
#define LITTLE_BYTES 4096u
#define POOL_EACH (sizeof(struct go_goroutine) + 512u) /* of a goroutine, with its stack */
#define POOL_MAX (256u << 20)

struct copy { /* of a batch */
    struct go_goroutine *gs;
    size_t n;
    uint8_t *bytes; /* of its stacks */
};

struct reader {
    struct go_program *program;
    struct go_code *code;
    struct go_labels *labels;
    const struct go_goroutines_options *options;
    bool (*each)(void *arg, const struct go_goroutine *g);
    void *arg;
    struct go_goroutines_stats *stats;
    size_t g_bytes;
    uint64_t *all; /* addresses of all g's */
    size_t n_all;
    uint8_t *raw; /* BATCH g's */
    struct mem_piece *pieces;
    uint64_t *label_addresses;
    VEC(struct go_goroutine) gs;
    uint8_t *bytes; /* of the batch's stacks */
    size_t bytes_cap;
    VEC(struct go_frame) frames;
    VEC(uint64_t) running;
    uint8_t *one; /* a stack by itself */
    size_t one_cap;
    const struct ptrace_stop *stop; /* options.consistent */
    struct task_list tasks;
    VEC(struct copy) copies;
    size_t copied;
    uint8_t *pool; /* memory for copies that is there before the program stands still */
    size_t pool_bytes, pool_used;
};

/* --- one g --- */

static bool is_dead(const struct go_goroutine *g)
{
    return g->status == GO_STATUS_IDLE || g->status == GO_STATUS_DEAD ||
           g->status == GO_STATUS_DEADEXTRA;
}

static bool is_running(const struct go_goroutine *g)
{
    return g->status == GO_STATUS_RUNNING && !g->stack.is_syscall;
}

static enum go_role start_role(struct reader *r, const struct go_goroutine *g)
{
    const struct go_function *start = go_code_at(r->code, g->start)->function;
    return start ? start->role : GO_ROLE_NONE;
}

/* The runtime's own.  Those that call finalizers and cleanups count while they do. */
static bool is_system(struct reader *r, const struct go_goroutine *g)
{
    const struct go_function *start = go_code_at(r->code, g->start)->function;
    return start && start->is_runtime && start->role != GO_ROLE_START &&
           start->role != GO_ROLE_FINALIZERS && start->role != GO_ROLE_CLEANUPS;
}

static bool is_wanted(struct reader *r, const struct go_goroutine *g)
{
    return !is_dead(g) && !is_system(r, g);
}

static bool has_stack(const struct go_goroutine *g)
{
    return g->low < g->high && g->high - g->low <= STACK_MAX && g->stack.sp >= g->low &&
           g->stack.sp < g->high && g->stack.sp % 8 == 0;
}

static uint32_t bytes_wanted(const struct go_goroutine *g, size_t most)
{
    uint64_t n = has_stack(g) ? g->high - g->stack.sp : 0;
    return (uint32_t)(n < most ? n : most);
}

/* --- frames --- */

/* False: memory has run out. */
static bool walk(struct reader *r, struct go_goroutine *g)
{
    g->frames = NULL;
    g->n_frames = 0;
    g->end = GO_STACK_TORN;
    if (g->stack.n_bytes == 0)
        return true;
    size_t most = r->options->whole ? FRAMES_MAX : r->options->max_frames;
    size_t cap = most < 1024 ? most : 1024;
    for (;;) {
        if (!vec_reserve(&r->frames, cap))
            return false;
        g->end = go_stack_walk(r->code, &g->stack, r->frames.items, cap, &g->n_frames);
        if (g->end != GO_STACK_FULL || cap == most)
            break;
        cap = cap < most / 8 ? 8 * cap : most;
    }
    g->frames = r->frames.items;
    return go_code_ok(r->code);
}

/* Does a finalizer or cleanup run?  Then there is a function of the program's. */
static bool calls_program(const struct go_goroutine *g)
{
    for (size_t i = 0; i < g->n_frames; i++)
        if (!g->frames[i].function->is_runtime)
            return true;
    return false;
}

static bool deliver(struct reader *r, const struct go_goroutine *g)
{
    enum go_role role = start_role(r, g);
    if ((role == GO_ROLE_FINALIZERS || role == GO_ROLE_CLEANUPS) && !calls_program(g))
        return true;
    r->stats->n++;
    return r->each(r->arg, g);
}

static bool deliver_without_stack(struct reader *r, struct go_goroutine *g)
{
    g->frames = NULL;
    g->n_frames = 0;
    g->stack.n_bytes = 0;
    return deliver(r, g);
}

/* --- one by one --- */

static bool read_g(struct reader *r, uint64_t address, struct go_goroutine *g)
{
    uint8_t raw[GO_G_BYTES_MAX];
    if (!mem_read(r->program->mem, address, raw, r->g_bytes, NULL))
        return false;
    go_g_parse(r->program, raw, address, g);
    return true;
}

/* Copy a stack and walk it: more of it while that leads on.  False: memory has run out. */
static bool read_stack(struct reader *r, struct go_goroutine *g)
{
    size_t most = r->options->whole ? WHOLE_BYTES : SOME_BYTES;
    for (size_t n = FIRST_BYTES;; n = n < most / 8 ? 8 * n : most) {
        uint32_t wanted = bytes_wanted(g, n);
        if (wanted > r->one_cap) {
            uint8_t *bytes = realloc(r->one, wanted);
            if (!bytes)
                return false;
            r->one = bytes;
            r->one_cap = wanted;
        }
        g->stack.low = g->stack.sp;
        g->stack.bytes = r->one;
        g->stack.n_bytes = wanted;
        if (wanted == 0 || !mem_read(r->program->mem, g->stack.sp, r->one, wanted, NULL)) {
            g->stack.n_bytes = 0;
            g->end = GO_STACK_TORN;
            return true;
        }
        if (!walk(r, g))
            return false;
        if (g->end != GO_STACK_BYTES || n == most || wanted == g->high - g->stack.sp)
            return true;
    }
}

static bool is_whole(const struct go_goroutine *g)
{
    return g->stack.n_bytes > 0 && g->end != GO_STACK_TORN &&
           (g->end != GO_STACK_BYTES || g->stack.sp + g->stack.n_bytes < g->high);
}

/* A goroutine until it is the same before and after. */
static bool read_again(struct reader *r, uint64_t address)
{
    struct go_goroutine g, after;
    for (unsigned n = 0; n < TRIES; n++) {
        if (!read_g(r, address, &g) || !is_wanted(r, &g))
            return true;
        if (is_running(&g))
            return vec_push(&r->running, address);
        if (!read_stack(r, &g) || !go_labels_read(r->labels, &g.labels, 1, NULL))
            return false;
        if (!read_g(r, address, &after))
            return true;
        if (go_g_is_same(&g, &after) && is_whole(&g))
            break;
        if (n == TRIES - 1) {
            r->stats->n_torn++;
            if (!go_g_is_same(&g, &after))
                g.n_frames = 0;
        }
    }
    return deliver(r, &g);
}

/* --- those that run --- */

/* Its thread waits in the kernel, on its own (without the runtime's knowledge).  False:
 * memory has run out; *done: it was found there. */
static bool read_blocked(struct reader *r, struct go_goroutine *g, pid_t tid, bool *done)
{
    uint64_t pc, sp, pc2, sp2;
    struct go_goroutine after, at = *g;
    const struct proc *proc = mem_process(r->program->mem);
    *done = false;
    if (!tasks_blocked(proc, tid, &pc, &sp) || !go_running_place(r->program, &at, pc, sp))
        return true;
    if (!read_stack(r, &at))
        return false;
    if (!is_whole(&at) || !tasks_blocked(proc, tid, &pc2, &sp2) || pc != pc2 || sp != sp2 ||
        !read_g(r, g->address, &after) || !go_g_is_same(&after, g))
        return true;
    *done = true;
    return go_labels_read(r->labels, &at.labels, 1, NULL) && deliver(r, &at);
}

struct runner {
    uint64_t address;
    pid_t tid;
};

struct runner_list {
    struct runner *items;
    size_t n, cap;
};

/* A goroutine that stands still with its thread (NULL: it does not), copied.  its bytes are the
 * caller's.  False: memory has run out. */
static bool copy_runner(struct reader *r, const struct runner *runner,
                        const struct ptrace_thread *thread, struct go_goroutine *g)
{
    g->stack.n_bytes = 0;
    if (!thread || go_running_thread(r->program, &r->tasks, g) != runner->tid ||
        !go_running_place(r->program, g, thread->pc, thread->sp))
        return true;
    uint32_t wanted = bytes_wanted(g, SOME_BYTES);
    uint8_t *bytes = malloc(wanted + 1);
    if (!bytes)
        return false;
    if (wanted == 0 || !mem_read(r->program->mem, g->stack.sp, bytes, wanted, NULL)) {
        free(bytes);
        return true;
    }
    g->stack.low = g->stack.sp;
    g->stack.bytes = bytes;
    g->stack.n_bytes = wanted;
    return true;
}

struct stopped {
    struct reader *r;
    const struct runner *runners;
    size_t n;
    VEC(struct go_goroutine) found;
    bool is_last, ok;
};

/* With the threads standing still (none, where `now` is NULL). */
static void copy_runners(void *arg, const struct ptrace_stop *now)
{
    struct stopped *s = arg;
    struct reader *r = s->r;
    for (size_t i = 0; s->ok && i < s->n; i++) {
        struct go_goroutine g;
        const struct ptrace_thread *thread = NULL;
        for (size_t k = 0; now && k < now->n_threads; k++)
            if (now->threads[k].task.tid == s->runners[i].tid)
                thread = &now->threads[k];
        if (!read_g(r, s->runners[i].address, &g) || !is_wanted(r, &g))
            continue;
        if (is_running(&g))
            s->ok = copy_runner(r, &s->runners[i], thread, &g);
        if (s->ok && is_running(&g) && (g.stack.n_bytes || s->is_last || !now)) {
            s->ok = vec_push(&s->found, g);
            if (!s->ok && g.stack.n_bytes)
                free((void *)g.stack.bytes);
        } else if (s->ok) {
            s->ok = vec_push(&r->running, g.address);
        }
    }
    if (now)
        r->stats->n_stopped += now->n_threads;
}

/* Stop the threads of these goroutines for a moment, and read them.  What has gone on, or
 * cannot be seen, is left to another round (in r->running), unless this is the last. */
static bool read_stopped(struct reader *r, const struct runner *runners, size_t n, bool is_last)
{
    struct err err = {0};
    uint64_t pause_ns = 0;
    struct stopped s = {.r = r, .runners = runners, .n = n, .is_last = is_last, .ok = true};
    pid_t *tids = calloc(n, sizeof *tids);
    if (!tids)
        return false;
    for (size_t i = 0; i < n; i++)
        tids[i] = runners[i].tid;
    if (ptrace_while(mem_process(r->program->mem), tids, n, copy_runners, &s, &pause_ns, &err)) {
        r->stats->pause_ns += pause_ns;
    } else if (err.code == ERR_PERM || is_last) {
        r->stats->not_stopped = err;
        copy_runners(&s, NULL);
    } else {
        for (size_t i = 0; s.ok && i < n; i++)
            s.ok = vec_push(&r->running, runners[i].address);
    }
    for (size_t i = 0; i < s.found.n; i++) {
        struct go_goroutine *g = &s.found.items[i];
        s.ok = s.ok && go_labels_read(r->labels, &g->labels, 1, NULL) && walk(r, g);
        r->stats->n_unknown += g->n_frames == 0;
        s.ok = s.ok && deliver(r, g);
        if (g->stack.n_bytes)
            free((void *)g->stack.bytes);
    }
    vec_release(&s.found);
    free(tids);
    return s.ok;
}

/* Of a core file: by the registers that are in it. */
static bool read_core_runner(struct reader *r, uint64_t address)
{
    struct go_goroutine g;
    uint64_t pc, sp;
    if (!read_g(r, address, &g) || !is_wanted(r, &g))
        return true;
    if (go_running_registers(r->program, &g, &pc, &sp) &&
        go_running_place(r->program, &g, pc, sp)) {
        if (!read_stack(r, &g))
            return false;
    } else {
        g.n_frames = 0;
    }
    r->stats->n_unknown += g.n_frames == 0;
    return go_labels_read(r->labels, &g.labels, 1, NULL) && deliver(r, &g);
}

/* It has gone on each time that we looked. */
static bool give_unknown(struct reader *r, uint64_t address)
{
    struct go_goroutine g;
    if (!read_g(r, address, &g) || !is_wanted(r, &g))
        return true;
    r->stats->n_unknown++;
    return go_labels_read(r->labels, &g.labels, 1, NULL) && deliver_without_stack(r, &g);
}

/* One by one those that were running; *runners: those that still do. */
static bool read_round(struct reader *r, struct runner_list *runners)
{
    const struct proc *proc = mem_process(r->program->mem);
    size_t n = r->running.n;
    bool ok = true;
    runners->n = 0;
    if (!tasks_read(proc, &r->tasks, NULL))
        r->tasks.n = 0;
    for (size_t i = 0; ok && i < n; i++) {
        struct go_goroutine g;
        bool done = false;
        uint64_t address = r->running.items[i];
        if (!read_g(r, address, &g) || !is_wanted(r, &g))
            continue;
        if (!is_running(&g)) {
            ok = read_again(r, address); /* it may be added to r->running once more */
            continue;
        }
        pid_t tid = go_running_thread(r->program, &r->tasks, &g);
        ok = tid == 0 || read_blocked(r, &g, tid, &done);
        if (ok && !done)
            ok = vec_push(runners, (struct runner){address, tid});
    }
    if (ok && n > 0) {
        memmove(r->running.items, r->running.items + n,
                (r->running.n - n) * sizeof *r->running.items);
        r->running.n -= n;
    }
    return ok;
}

static bool read_running(struct reader *r)
{
    struct runner_list runners = {0};
    bool ok = true;
    if (!mem_process(r->program->mem)) {
        for (size_t i = 0; ok && i < r->running.n; i++)
            ok = read_core_runner(r, r->running.items[i]);
        return ok;
    }
    for (unsigned round = 0; ok && r->running.n > 0 && round < ROUNDS; round++) {
        ok = read_round(r, &runners);
        if (ok && runners.n > 0)
            ok = read_stopped(r, runners.items, runners.n, round == ROUNDS - 1);
    }
    for (size_t i = 0; ok && i < r->running.n; i++)
        ok = give_unknown(r, r->running.items[i]);
    vec_release(&runners);
    return ok;
}

/* --- many at a time --- */

/* The g's at addresses[0..n) that are wanted, into r->gs; those that run are set aside. */
static bool read_gs(struct reader *r, const uint64_t *addresses, size_t n)
{
    vec_clear(&r->gs);
    for (size_t i = 0; i < n; i++)
        r->pieces[i] =
            (struct mem_piece){addresses[i], r->raw + i * r->g_bytes, (uint32_t)r->g_bytes, false};
    mem_read_pieces(r->program->mem, r->pieces, n);
    for (size_t i = 0; i < n; i++) {
        struct go_goroutine g;
        if (!r->pieces[i].ok)
            continue;
        go_g_parse(r->program, r->raw + i * r->g_bytes, addresses[i], &g);
        if (!is_wanted(r, &g))
            continue;
        if (is_running(&g) && !r->options->consistent) {
            if (!vec_push(&r->running, g.address))
                return false;
        } else if (!vec_push(&r->gs, g)) {
            return false;
        }
    }
    return true;
}

/* How many bytes copies of their stacks take, at most `most` each. */
static size_t stacks_bytes(const struct reader *r, size_t most)
{
    size_t total = 0;
    for (size_t i = 0; i < r->gs.n; i++)
        total += bytes_wanted(&r->gs.items[i], most);
    return total;
}

/* Copy them, one after the other. */
static void read_stacks(struct reader *r, size_t most, uint8_t *bytes)
{
    size_t at = 0;
    for (size_t i = 0; i < r->gs.n; i++) {
        struct go_goroutine *g = &r->gs.items[i];
        uint32_t n = bytes_wanted(g, most);
        r->pieces[i] = (struct mem_piece){n ? g->stack.sp : 0, bytes + at, n, false};
        g->stack.low = g->stack.sp;
        g->stack.bytes = bytes + at;
        g->stack.n_bytes = n;
        at += n;
    }
    mem_read_pieces(r->program->mem, r->pieces, r->gs.n);
    for (size_t i = 0; i < r->gs.n; i++)
        if (!r->pieces[i].ok)
            r->gs.items[i].stack.n_bytes = 0;
    r->copied += at;
}

static bool read_labels(struct reader *r, const struct go_goroutine *gs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        r->label_addresses[i] = gs[i].labels;
    return go_labels_read(r->labels, r->label_addresses, n, NULL);
}

/* Without a stop: what has not changed meanwhile is given out. */
static bool read_batch(struct reader *r, const uint64_t *addresses, size_t n)
{
    /* Labels that nothing refers to are freed, and others may come to lie there. */
    go_labels_forget(r->labels);
    if (!read_gs(r, addresses, n))
        return false;
    size_t n_bytes = stacks_bytes(r, FIRST_BYTES);
    if (n_bytes > r->bytes_cap) {
        free(r->bytes);
        r->bytes = malloc(n_bytes);
        r->bytes_cap = r->bytes ? n_bytes : 0;
        if (!r->bytes)
            return false;
    }
    read_stacks(r, FIRST_BYTES, r->bytes);
    if (!read_labels(r, r->gs.items, r->gs.n))
        return false;
    for (size_t i = 0; i < r->gs.n; i++)
        r->pieces[i] = (struct mem_piece){r->gs.items[i].address, r->raw + i * r->g_bytes,
                                          (uint32_t)r->g_bytes, false};
    mem_read_pieces(r->program->mem, r->pieces, r->gs.n);
    for (size_t i = 0; i < r->gs.n; i++) {
        struct go_goroutine *g = &r->gs.items[i], after = {0};
        if (r->pieces[i].ok)
            go_g_parse(r->program, r->raw + i * r->g_bytes, g->address, &after);
        bool changed = !go_g_is_same(g, &after);
        if (!changed && !walk(r, g))
            return false;
        if (changed || !is_whole(g) || g->end == GO_STACK_BYTES) {
            r->stats->n_changed += changed || !is_whole(g);
            if (!read_again(r, g->address))
                return false;
        } else if (!deliver(r, g)) {
            return false;
        }
    }
    return true;
}

/* --- with everything stopped --- */

static void place_runner(struct reader *r, struct go_goroutine *g)
{
    const struct ptrace_thread *threads = r->stop->threads;
    size_t n = r->stop->n_threads;
    pid_t tid = go_running_thread(r->program, &r->tasks, g);
    for (size_t i = 0; tid && i < n; i++)
        if (threads[i].task.tid == tid &&
            go_running_place(r->program, g, threads[i].pc, threads[i].sp))
            return;
    g->high = 0; /* has_stack: no */
}

/* How much of each stack of the batch is copied. */
static size_t copy_most(const struct reader *r)
{
    return r->copied + stacks_bytes(r, SOME_BYTES) <= COPY_WHOLE_BYTES   ? SOME_BYTES
           : r->copied + stacks_bytes(r, FIRST_BYTES) <= COPY_LESS_BYTES ? FIRST_BYTES
                                                                         : LITTLE_BYTES;
}

static bool is_pooled(const struct reader *r, const void *p)
{
    return (const uint8_t *)p >= r->pool && (const uint8_t *)p < r->pool + r->pool_bytes;
}

static void *take(struct reader *r, size_t n)
{
    n = (n + 15) & ~(size_t)15;
    if (n == 0 || n > r->pool_bytes - r->pool_used)
        return malloc(n + 1);
    void *p = r->pool + r->pool_used;
    r->pool_used += n;
    return p;
}

static void give(struct reader *r, void *p)
{
    if (!is_pooled(r, p))
        free(p);
}

/* Memory is had, and filled in by the kernel, before the program stands still. */
static void make_pool(struct reader *r)
{
    uint64_t at, n;
    if (!go_program_global(r->program, GO_VAR_ALLGLEN, &at, NULL) ||
        !go_program_number(r->program, at, 8, &n, NULL))
        return;
    n = n < POOL_MAX / POOL_EACH ? n : POOL_MAX / POOL_EACH;
    r->pool_bytes = (size_t)n * POOL_EACH + (64u << 10);
    void *pool = mmap(NULL, r->pool_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    r->pool = pool == MAP_FAILED ? NULL : pool;
    r->pool_bytes = r->pool ? r->pool_bytes : 0;
}

static bool copy_batch(struct reader *r, const uint64_t *addresses, size_t n)
{
    if (!read_gs(r, addresses, n))
        return false;
    for (size_t i = 0; i < r->gs.n; i++)
        if (is_running(&r->gs.items[i]))
            place_runner(r, &r->gs.items[i]);
    size_t most = copy_most(r);
    struct copy copy = {.n = r->gs.n,
                        .gs = take(r, r->gs.n * sizeof *copy.gs),
                        .bytes = take(r, stacks_bytes(r, most))};
    if (copy.bytes)
        read_stacks(r, most, copy.bytes);
    if (!copy.gs || !copy.bytes || !read_labels(r, r->gs.items, r->gs.n) ||
        !vec_push(&r->copies, copy)) {
        give(r, copy.gs);
        give(r, copy.bytes);
        return false;
    }
    if (copy.n)
        memcpy(copy.gs, r->gs.items, copy.n * sizeof *copy.gs);
    return true;
}

static bool deliver_copies(struct reader *r)
{
    for (size_t i = 0; i < r->copies.n; i++) {
        struct copy *copy = &r->copies.items[i];
        for (size_t k = 0; k < copy->n; k++) {
            struct go_goroutine *g = &copy->gs[k];
            if (!walk(r, g))
                return false;
            if (is_running(g))
                r->stats->n_unknown += g->n_frames == 0;
            else
                r->stats->n_torn += g->end == GO_STACK_TORN || g->end == GO_STACK_BYTES;
            if (!deliver(r, g))
                return false;
        }
    }
    return true;
}

/* --- all --- */

/* The list of all g's.  As the runtime does: first its length. */
static bool read_all(struct reader *r, struct err *err)
{
    uint64_t at_n, at_first, n, first;
    const struct go_program *p = r->program;
    if (!go_program_global(p, GO_VAR_ALLGLEN, &at_n, err) ||
        !go_program_global(p, GO_VAR_ALLGPTR, &at_first, err) ||
        !go_program_number(p, at_n, 8, &n, err) || !go_program_number(p, at_first, 8, &first, err))
        return false;
    const struct mem_map *map = mem_map_at(p->mem, first);
    if (n > 0 && !map && mem_refresh(p->mem, err))
        map = mem_map_at(p->mem, first);
    if (n > 0 && (!map || first % 8 || n > (map->limit - first) / 8))
        return err_set(err, ERR_INPUT, "%s: its list of goroutines makes no sense (%llu at %#llx)",
                       mem_name(p->mem), (unsigned long long)n, (unsigned long long)first);
    r->all = malloc(n * sizeof *r->all + 1);
    if (!r->all)
        return err_nomem(err);
    r->n_all = n;
    return n == 0 || mem_read(p->mem, first, r->all, n * sizeof *r->all, err);
}

/* Is what we read still the program that it was? */
static bool is_there(const struct reader *r)
{
    uint64_t number;
    return proc_runs(mem_process(r->program->mem)) &&
           go_program_number(r->program, r->program->globals[GO_VAR_ALLGLEN], 8, &number, NULL);
}

static bool read_batches(struct reader *r, bool (*batch)(struct reader *, const uint64_t *, size_t),
                         struct err *err)
{
    const struct proc *proc = mem_process(r->program->mem);
    for (size_t i = 0; i < r->n_all; i += BATCH) {
        size_t n = r->n_all - i < BATCH ? r->n_all - i : BATCH;
        if (!batch(r, r->all + i, n))
            return err_nomem(err);
        if (proc && !is_there(r))
            return err_set(err, ERR_INPUT, "%s has ended, or has begun another program",
                           mem_name(r->program->mem));
    }
    return true;
}

struct consistent {
    struct reader *r;
    struct err *err;
    bool ok;
};

static void copy_all(void *arg, const struct ptrace_stop *now)
{
    struct consistent *c = arg;
    c->r->stop = now;
    c->r->stats->n_stopped = now->n_threads;
    c->ok = tasks_read(mem_process(c->r->program->mem), &c->r->tasks, c->err) &&
            read_all(c->r, c->err) && read_batches(c->r, copy_batch, c->err);
}

static bool read_consistent(struct reader *r, struct err *err)
{
    struct consistent c = {.r = r, .err = err};
    make_pool(r);
    return ptrace_while(mem_process(r->program->mem), NULL, 0, copy_all, &c, &r->stats->pause_ns,
                        err) &&
           c.ok && (deliver_copies(r) || err_nomem(err));
}

bool go_goroutines_read(struct go_program *program, struct go_code *code, struct go_labels *labels,
                        const struct go_goroutines_options *options,
                        bool (*each)(void *arg, const struct go_goroutine *g), void *arg,
                        struct go_goroutines_stats *stats, struct err *err)
{
    /* What does not run stands still. */
    struct go_goroutines_options how = *options;
    how.consistent = how.consistent && mem_process(program->mem);
    struct reader r = {.program = program,
                       .code = code,
                       .labels = labels,
                       .options = &how,
                       .each = each,
                       .arg = arg,
                       .stats = stats};
    *stats = (struct go_goroutines_stats){0};
    bool ok = go_g_check(program, err);
    r.g_bytes = program->layout.at[GO_G_SIZE];
    if (ok) {
        r.raw = malloc(BATCH * r.g_bytes);
        r.pieces = calloc(BATCH, sizeof *r.pieces);
        r.label_addresses = calloc(BATCH, sizeof *r.label_addresses);
        ok = (r.raw && r.pieces && r.label_addresses) || err_nomem(err);
    }
    if (ok && how.consistent)
        ok = read_consistent(&r, err);
    else if (ok)
        ok = read_all(&r, err) && read_batches(&r, read_batch, err) &&
             (read_running(&r) || err_nomem(err));
    free(r.all);
    free(r.raw);
    free(r.pieces);
    free(r.label_addresses);
    free(r.bytes);
    free(r.one);
    vec_release(&r.gs);
    vec_release(&r.frames);
    vec_release(&r.running);
    vec_release(&r.tasks);
    for (size_t i = 0; i < r.copies.n; i++) {
        give(&r, r.copies.items[i].gs);
        give(&r, r.copies.items[i].bytes);
    }
    if (r.pool)
        munmap(r.pool, r.pool_bytes);
    vec_release(&r.copies);
    return ok;
}
