#include "wire/trace_states.h"

#include <string.h>

#define NONE TRACE_STATES_NONE
#define REGION_NAMES_MAX (1u << 20) /* bytes */

static const char *const reasons[TRACE_RAW_N_REASONS] = {
    [TRACE_RAW_ELSE] = "wait",
    [TRACE_RAW_MUTEX] = "sync mutex lock",
    [TRACE_RAW_RWLOCK] = "sync rwlock lock",
    [TRACE_RAW_COND] = "sync cond wait",
    [TRACE_RAW_SEMAPHORE] = "sync semaphore",
    [TRACE_RAW_BARRIER] = "sync barrier",
    [TRACE_RAW_JOIN] = "sync thread join",
    [TRACE_RAW_ONCE] = "sync once",
    [TRACE_RAW_FUTEX] = "sync futex",
    [TRACE_RAW_SLEEP] = "sleep",
    [TRACE_RAW_NETWORK] = "network",
    [TRACE_RAW_SELECT] = "select",
    [TRACE_RAW_CHILD] = "wait for a child process",
    [TRACE_RAW_SIGNAL] = "wait for a signal",
    [TRACE_RAW_IO] = "IO wait",
};

static bool check(struct trace_states *s, bool ok)
{
    s->failed |= !ok;
    return ok;
}

static bool more(struct trace_states *s, void *array, size_t *max, size_t n, size_t item)
{
    void *p;
    memcpy(&p, array, sizeof p);
    bool ok = gotrace_grow(&s->memory, &p, max, n, item);
    memcpy(array, &p, sizeof p);
    return check(s, ok);
}

void trace_states_release(struct trace_states *s)
{
    const struct gotrace_memory *m = &s->memory;
    for (size_t i = 0; i < s->n_threads; i++)
        gotrace_release(m, &s->threads[i].batch);
    if (s->threads)
        m->release(s->threads, s->max_threads * sizeof *s->threads);
    if (s->unused)
        m->release(s->unused, s->max_unused * sizeof *s->unused);
    if (s->procs)
        m->release(s->procs, s->max_procs * sizeof *s->procs);
    if (s->idle)
        m->release(s->idle, s->max_idle * sizeof *s->idle);
    if (s->stack_used)
        m->release(s->stack_used, s->max_stack_used * sizeof *s->stack_used);
    if (s->stack_ids)
        m->release(s->stack_ids, s->max_stack_ids * sizeof *s->stack_ids);
    if (s->tasks)
        m->release(s->tasks, s->n_task_slots * sizeof *s->tasks);
    gotrace_texts_release(m, &s->texts);
    gotrace_texts_release(m, &s->region_names);
    gotrace_release(m, &s->samples);
}

/* Writing. */

static bool write_counted(void *arg, const void *bytes, size_t n)
{
    struct trace_states *s = arg;
    s->n_bytes += n;
    return !s->failed && check(s, s->sink.write(s->sink.arg, bytes, n));
}

static void flush(struct trace_states *s, struct trace_go_thread *t)
{
    const struct gotrace_sink sink = {write_counted, s};
    if (t->batch.n)
        check(s, gotrace_put_batch(&sink, s->generation, t->m, t->batch_ns - s->base_ns, t->batch.p,
                                   t->batch.n));
    t->batch.n = 0;
}

static void put(struct trace_states *s, struct trace_go_thread *t, uint64_t ns,
                enum gotrace_type type, size_t n, const uint64_t *args)
{
    if (s->failed ||
        !check(s, gotrace_room(&s->memory, &t->batch, 1 + GOTRACE_ARGS_MAX * GOTRACE_VARINT_MAX)))
        return;
    /* Each event has a time of its own, in the order of writing: Go's reader can be at a loss with
     * events of several threads at one time. */
    ns = ns > s->last_ns ? ns : s->last_ns + 1;
    s->last_ns = ns;
    if (!t->batch.n)
        t->last_ns = t->batch_ns = ns;
    uint8_t *p = t->batch.p + t->batch.n;
    *p++ = (uint8_t)type;
    p = gotrace_put(p, ns - t->last_ns);
    for (size_t i = 0; i < n; i++)
        p = gotrace_put(p, args[i]);
    t->batch.n = (size_t)(p - t->batch.p);
    t->last_ns = ns;
    s->n_events++;
    if (t->batch.n >= GOTRACE_BATCH_USUAL)
        flush(s, t);
}

#define PUT(s, t, ns, type, ...)                                                                   \
    put(s, t, ns, type, sizeof((uint64_t[]){__VA_ARGS__}) / 8, (uint64_t[]){__VA_ARGS__})
#define PUT0(s, t, ns, type) put(s, t, ns, type, 0, NULL)

/* Notes that the generation uses it. */
static uint32_t use_stack(struct trace_states *s, uint32_t stack)
{
    if (!stack || !more(s, &s->stack_used, &s->max_stack_used, (size_t)stack + 1, 8))
        return 0;
    if (s->stack_used[stack] != s->generation) {
        if (!more(s, &s->stack_ids, &s->max_stack_ids, s->n_stack_ids + 1, 4))
            return 0;
        s->stack_used[stack] = s->generation;
        s->stack_ids[s->n_stack_ids++] = stack;
    }
    return stack;
}

static uint64_t use_text(struct trace_states *s, struct trace_states_text text)
{
    uint32_t number = gotrace_text(&s->memory, &s->texts, text.text, text.n);
    check(s, number != 0);
    return number;
}

static uint64_t use_reason(struct trace_states *s, enum trace_raw_reason reason)
{
    const char *text = reasons[reason < TRACE_RAW_N_REASONS ? reason : TRACE_RAW_ELSE];
    return use_text(s, (struct trace_states_text){text, strlen(text)});
}

/* Processors. */

static bool add_procs(struct trace_states *s, size_t n)
{
    if (!more(s, &s->procs, &s->max_procs, s->n_procs + n, sizeof *s->procs) ||
        !more(s, &s->idle, &s->max_idle, s->n_procs + n, sizeof *s->idle))
        return false;
    for (; n; n--)
        s->procs[s->n_procs++] = (struct trace_go_proc){.holder = NONE};
    return true;
}

static void tell_procs(struct trace_states *s, struct trace_go_thread *t, uint64_t ns)
{
    if (s->n_procs_told != s->n_procs)
        PUT(s, t, ns, GOTRACE_PROCS_CHANGE, s->n_procs, 0);
    s->n_procs_told = s->n_procs;
}

/* Nobody else is on the thread's processor.  False: no memory. */
static bool choose_proc(struct trace_states *s, struct trace_go_thread *t, uint64_t ns)
{
    if (t->cpu != NONE) {
        uint32_t holder = s->procs[t->cpu].holder;
        if (holder != NONE) { /* that it left was not told */
            s->n_repairs++;
            trace_states_leave(s, holder, ns, s->threads[holder].doing == TRACE_DOES_RUN);
        }
        t->p = t->cpu;
        s->procs[t->p].holder = (uint32_t)(t - s->threads);
        return true;
    }
    if (!s->n_idle) {
        if (!add_procs(s, 1))
            return false;
        s->idle[s->n_idle++] = (uint32_t)s->n_procs - 1;
    }
    t->p = s->idle[--s->n_idle];
    return true;
}

static void start_proc(struct trace_states *s, struct trace_go_thread *t, uint64_t ns)
{
    if (!choose_proc(s, t, ns))
        return;
    struct trace_go_proc *p = &s->procs[t->p];
    if (p->generation != s->generation) {
        p->seq = 0;
        p->generation = s->generation;
        PUT(s, t, ns, GOTRACE_PROC_STATUS, t->p, GOTRACE_PROC_IDLE);
    }
    PUT(s, t, ns, GOTRACE_PROC_START, t->p, ++p->seq);
}

static void stop_proc(struct trace_states *s, struct trace_go_thread *t, uint64_t ns)
{
    PUT0(s, t, ns, GOTRACE_PROC_STOP);
    if (t->p != NONE && t->p < s->n_cpus)
        s->procs[t->p].holder = NONE;
    else if (t->p != NONE)
        s->idle[s->n_idle++] = t->p;
    t->p = NONE;
}

/* Threads. */

static struct trace_go_thread *get(struct trace_states *s, uint32_t thread)
{
    return thread < s->n_threads ? &s->threads[thread] : NULL;
}

static uint32_t make_thread(struct trace_states *s, uint64_t m)
{
    uint32_t i;
    if (s->n_unused) {
        i = s->unused[--s->n_unused];
    } else {
        if (s->n_threads == NONE ||
            !more(s, &s->threads, &s->max_threads, s->n_threads + 1, sizeof *s->threads) ||
            !more(s, &s->unused, &s->max_unused, s->n_threads + 1, sizeof *s->unused))
            return NONE;
        i = (uint32_t)s->n_threads++;
        s->threads[i] = (struct trace_go_thread){0};
    }
    struct gotrace_bytes batch = s->threads[i].batch;
    s->threads[i] =
        (struct trace_go_thread){.m = m, .p = NONE, .cpu = NONE, .waker = NONE, .batch = batch};
    return i;
}

/* From ready to running. */
static void start(struct trace_states *s, struct trace_go_thread *t, uint64_t ns)
{
    start_proc(s, t, ns);
    PUT(s, t, ns, GOTRACE_GO_START, t->g, ++t->g_seq);
    t->state = TRACE_GO_RUNS;
    tell_procs(s, t, ns);
}

/* From waiting, or a call that has cost it its processor, to ready. */
static void make_ready(struct trace_states *s, struct trace_go_thread *t, uint64_t ns)
{
    struct trace_go_thread *waker = t->waker == NONE ? NULL : &s->threads[t->waker];
    bool is_there = waker && waker->state != TRACE_GO_GONE && waker->g == t->waker_g;
    if (t->state == TRACE_GO_CALLS)
        PUT0(s, t, ns, GOTRACE_GO_SYSCALL_END_BLOCKED);
    else if (is_there)
        PUT(s, waker, ns, GOTRACE_GO_UNBLOCK, t->g, ++t->g_seq, use_stack(s, t->waker_stack));
    else
        PUT(s, t, ns, GOTRACE_GO_UNBLOCK, t->g, ++t->g_seq, 0);
    t->waker = NONE;
    t->state = TRACE_GO_READY;
}

/* What an event of a running thread needs.  False: it is not there. */
static bool run(struct trace_states *s, struct trace_go_thread *t, uint64_t ns)
{
    if (!t || s->failed)
        return false;
    if (t->is_away && t->state != TRACE_GO_GONE) {
        s->n_repairs++;
        t->is_away = false;
    }
    switch (t->state) {
    case TRACE_GO_GONE:
        return false;
    case TRACE_GO_WAITS:
        make_ready(s, t, ns);
        start(s, t, ns);
        break;
    case TRACE_GO_CREATED:
    case TRACE_GO_READY:
        start(s, t, ns);
        break;
    case TRACE_GO_CALLS:
        if (t->p == NONE) {
            make_ready(s, t, ns);
            start(s, t, ns);
            break;
        }
        PUT0(s, t, ns, GOTRACE_GO_SYSCALL_END);
        t->state = TRACE_GO_RUNS;
        break;
    case TRACE_GO_RUNS:
        break;
    }
    return !s->failed;
}

uint32_t trace_states_create(struct trace_states *s, uint32_t by, uint64_t ns, uint32_t new_stack,
                             uint32_t stack)
{
    if (!run(s, get(s, by), ns))
        return NONE;
    uint32_t thread = make_thread(s, GOTRACE_NO_THREAD);
    if (thread == NONE)
        return NONE;
    struct trace_go_thread *t = get(s, by), *made = get(s, thread);
    made->g = ++s->next_g;
    made->state = TRACE_GO_CREATED;
    PUT(s, t, ns, GOTRACE_GO_CREATE, made->g, use_stack(s, new_stack), use_stack(s, stack));
    return thread;
}

/* A processor that is the thread's since before; false: that cannot be. */
static bool has_proc(struct trace_states *s, struct trace_go_thread *t)
{
    if (t->cpu != NONE) {
        struct trace_go_proc *p = &s->procs[t->cpu];
        if (p->generation || p->holder != NONE)
            return false;
        t->p = t->cpu;
        p->holder = (uint32_t)(t - s->threads);
    } else {
        if (!add_procs(s, 1))
            return false;
        t->p = (uint32_t)s->n_procs - 1;
    }
    s->procs[t->p].generation = s->generation;
    return true;
}

uint32_t trace_states_begin(struct trace_states *s, uint32_t thread, uint64_t m, uint64_t ns,
                            bool was_there, uint32_t cpu)
{
    if (thread == NONE)
        thread = make_thread(s, m);
    struct trace_go_thread *t = get(s, thread);
    if (!t)
        return NONE;
    t->cpu = cpu < s->n_cpus ? cpu : NONE;
    if (t->state == TRACE_GO_CREATED) {
        flush(s, t); /* its status, as nobody's */
        t->m = m;
        start(s, t, ns);
        return thread;
    }
    t->g = ++s->next_g;
    if (was_there && s->generation == 1 && has_proc(s, t)) {
        PUT(s, t, ns, GOTRACE_PROC_STATUS, t->p, GOTRACE_PROC_RUNNING);
        PUT(s, t, ns, GOTRACE_GO_STATUS, t->g, t->m, GOTRACE_GO_RUNNING);
        t->state = TRACE_GO_RUNS;
        tell_procs(s, t, ns);
    } else {
        PUT(s, t, ns, GOTRACE_GO_CREATE_SYSCALL, t->g);
        PUT0(s, t, ns, GOTRACE_GO_SYSCALL_END_BLOCKED);
        t->state = TRACE_GO_READY;
        start(s, t, ns);
    }
    return thread;
}

void trace_states_exit(struct trace_states *s, uint32_t thread, uint64_t ns)
{
    struct trace_go_thread *t = get(s, thread);
    if (run(s, t, ns)) {
        PUT0(s, t, ns, GOTRACE_GO_DESTROY);
        stop_proc(s, t, ns);
        flush(s, t);
        t->state = TRACE_GO_GONE;
        s->unused[s->n_unused++] = thread;
    }
}

/* From running to waiting. */
static void wait(struct trace_states *s, struct trace_go_thread *t, uint64_t ns,
                 enum trace_raw_reason reason, uint32_t stack)
{
    PUT(s, t, ns, GOTRACE_GO_BLOCK, use_reason(s, reason), use_stack(s, stack));
    stop_proc(s, t, ns);
    s->n_waits++;
    t->block_stack = stack;
    t->state = TRACE_GO_WAITS;
}

static void begin_call(struct trace_states *s, struct trace_go_thread *t, uint64_t ns)
{
    PUT(s, t, ns, GOTRACE_GO_SYSCALL_BEGIN, ++s->procs[t->p].seq, use_stack(s, t->block_stack));
    t->state = TRACE_GO_CALLS;
}

void trace_states_block(struct trace_states *s, uint32_t thread, uint64_t ns,
                        enum trace_raw_reason reason, uint32_t stack)
{
    struct trace_go_thread *t = get(s, thread);
    if (!run(s, t, ns))
        return;
    t->doing = TRACE_DOES_WAIT;
    t->reason = reason;
    t->block_stack = t->here_stack = stack;
    t->here_until_ns = UINT64_MAX;
    t->waker = NONE;
    if (t->cpu == NONE)
        wait(s, t, ns, reason, stack);
}

bool trace_states_unblock(struct trace_states *s, uint32_t thread, uint32_t by, uint64_t ns,
                          uint32_t stack)
{
    struct trace_go_thread *t = get(s, thread), *waker = get(s, by);
    if (!t || thread == by || !waker || waker->state == TRACE_GO_GONE)
        return false;
    bool may_wait = t->state == TRACE_GO_RUNS && t->doing == TRACE_DOES_WAIT;
    if (t->state != TRACE_GO_WAITS && !may_wait)
        return false;
    t->waker = by;
    t->waker_g = waker->g;
    t->waker_stack = stack;
    if (t->state == TRACE_GO_WAITS)
        make_ready(s, t, ns);
    return true;
}

void trace_states_run(struct trace_states *s, uint32_t thread, uint64_t ns)
{
    struct trace_go_thread *t = get(s, thread);
    if (!run(s, t, ns))
        return;
    t->doing = TRACE_DOES_RUN;
    t->here_stack = 0;
    t->waker = NONE;
}

void trace_states_is_at(struct trace_states *s, uint32_t thread, uint32_t stack, uint64_t until_ns)
{
    struct trace_go_thread *t = get(s, thread);
    if (!t)
        return;
    t->here_stack = stack;
    t->here_until_ns = until_ns;
}

void trace_states_call(struct trace_states *s, uint32_t thread, uint64_t ns, uint32_t stack)
{
    struct trace_go_thread *t = get(s, thread);
    if (!run(s, t, ns))
        return;
    t->doing = TRACE_DOES_CALL;
    t->block_stack = t->here_stack = stack;
    t->here_until_ns = UINT64_MAX;
    begin_call(s, t, ns);
}

/* The kernel's. */

void trace_states_come(struct trace_states *s, uint32_t thread, uint64_t ns, uint32_t cpu)
{
    struct trace_go_thread *t = get(s, thread);
    if (!t || t->state == TRACE_GO_GONE || s->failed || cpu >= s->n_cpus || t->cpu == cpu)
        return;
    if (!t->is_away) { /* that it left was not told */
        s->n_repairs++;
        trace_states_leave(s, thread, ns, t->doing == TRACE_DOES_RUN);
    }
    t->is_away = false;
    t->cpu = cpu;
    if (t->state == TRACE_GO_WAITS || (t->state == TRACE_GO_CALLS && t->p == NONE)) {
        s->n_unwoken += s->has_wakes;
        make_ready(s, t, ns);
    }
    if (t->state == TRACE_GO_READY)
        start(s, t, ns);
}

void trace_states_leave(struct trace_states *s, uint32_t thread, uint64_t ns, bool is_ready)
{
    static const char preempted[] = "preempted";
    struct trace_go_thread *t = get(s, thread);
    if (!t || t->state == TRACE_GO_GONE || s->failed)
        return;
    t->cpu = NONE;
    t->is_away = true;
    if (t->p == NONE)
        return;
    if (is_ready) {
        if (t->state == TRACE_GO_CALLS)
            PUT0(s, t, ns, GOTRACE_GO_SYSCALL_END);
        PUT(s, t, ns, GOTRACE_GO_STOP,
            use_text(s, (struct trace_states_text){preempted, sizeof preempted - 1}), 0);
        stop_proc(s, t, ns);
        t->state = TRACE_GO_READY;
    } else if (t->doing == TRACE_DOES_CALL && s->has_wakes) {
        /* Go has no word for who lets it go on in a system call. */
        if (t->state == TRACE_GO_CALLS)
            PUT0(s, t, ns, GOTRACE_GO_SYSCALL_END);
        wait(s, t, ns, TRACE_RAW_IO, t->block_stack);
    } else if (t->doing == TRACE_DOES_CALL) {
        if (t->state == TRACE_GO_RUNS)
            begin_call(s, t, ns);
        stop_proc(s, t, ns);
    } else {
        wait(s, t, ns, t->doing == TRACE_DOES_WAIT ? t->reason : TRACE_RAW_ELSE,
             t->doing == TRACE_DOES_WAIT ? t->block_stack : 0);
    }
}

void trace_states_wake(struct trace_states *s, uint32_t thread, uint32_t by, uint64_t ns,
                       uint32_t stack)
{
    struct trace_go_thread *t = get(s, thread);
    const struct trace_go_thread *waker = by == thread ? NULL : get(s, by);
    if (!t || t->state != TRACE_GO_WAITS || s->failed)
        return;
    t->waker = waker ? by : NONE;
    t->waker_g = waker ? waker->g : 0;
    t->waker_stack = stack;
    if (!stack && waker && ns <= waker->here_until_ns)
        t->waker_stack = waker->here_stack;
    make_ready(s, t, ns);
}

void trace_states_sample(struct trace_states *s, uint32_t thread, uint64_t ns, uint32_t stack)
{
    const struct gotrace_sink sink = {write_counted, s};
    const struct trace_go_thread *t = get(s, thread);
    if (!t || t->state == TRACE_GO_GONE || s->failed ||
        !check(s, gotrace_room(&s->memory, &s->samples, 2 + 5 * GOTRACE_VARINT_MAX)))
        return;
    if (!s->samples.n)
        s->samples.p[s->samples.n++] = GOTRACE_CPU_SAMPLES;
    uint8_t *p = s->samples.p + s->samples.n;
    *p++ = GOTRACE_CPU_SAMPLE;
    p = gotrace_put(p, ns > s->base_ns ? ns - s->base_ns : 1);
    p = gotrace_put(p, t->m);
    p = gotrace_put(p, t->p == NONE ? UINT64_MAX : t->p);
    p = gotrace_put(p, t->g);
    p = gotrace_put(p, use_stack(s, stack));
    s->samples.n = (size_t)(p - s->samples.p);
    if (s->samples.n >= GOTRACE_BATCH_USUAL) {
        check(s, gotrace_put_batch(&sink, s->generation, GOTRACE_NO_THREAD, s->begin_ns,
                                   s->samples.p, s->samples.n));
        s->samples.n = 0;
    }
}

/* Tasks that have begun: Go takes no second begin. */

#define NO_TASK 0
#define ENDED_TASK UINT64_MAX

static uint64_t *task_slot(const struct trace_states *s, uint64_t task)
{
    for (uint64_t i = task * 0x9e3779b97f4a7c15u >> 20;; i++) {
        uint64_t *slot = &s->tasks[i & (s->n_task_slots - 1)];
        if (*slot == task || *slot == NO_TASK)
            return slot;
    }
}

static bool widen_tasks(struct trace_states *s)
{
    uint64_t *old = s->tasks;
    size_t n_old = s->n_task_slots, n = 64, n_live = 0;
    for (size_t i = 0; i < n_old; i++)
        n_live += old[i] != NO_TASK && old[i] != ENDED_TASK;
    while (n < 4 * n_live)
        n *= 2;
    uint64_t *tasks = s->memory.grow(NULL, 0, n * sizeof *tasks);
    if (!check(s, tasks != NULL))
        return false;
    s->tasks = tasks;
    s->n_task_slots = n;
    s->n_tasks = 0;
    for (size_t i = 0; i < n_old; i++)
        if (old[i] != NO_TASK && old[i] != ENDED_TASK) {
            *task_slot(s, old[i]) = old[i];
            s->n_tasks++;
        }
    if (old)
        s->memory.release(old, n_old * sizeof *old);
    return true;
}

/* False: it has begun already, or cannot. */
static bool begin_task(struct trace_states *s, uint64_t task)
{
    if (task == NO_TASK || task == ENDED_TASK)
        return false;
    if (2 * (s->n_tasks + 1) > s->n_task_slots && !widen_tasks(s))
        return false;
    uint64_t *slot = task_slot(s, task);
    if (*slot == task)
        return false;
    *slot = task;
    s->n_tasks++;
    return true;
}

static void end_task(struct trace_states *s, uint64_t task)
{
    uint64_t *slot = s->n_task_slots && task != ENDED_TASK ? task_slot(s, task) : NULL;
    if (slot && *slot == task && task != NO_TASK)
        *slot = ENDED_TASK;
}

/* The user's. */

void trace_states_task_begin(struct trace_states *s, uint32_t thread, uint64_t ns, uint64_t task,
                             uint64_t parent, struct trace_states_text name, uint32_t stack)
{
    struct trace_go_thread *t = get(s, thread);
    if (t && t->state != TRACE_GO_GONE && begin_task(s, task) && run(s, t, ns))
        PUT(s, t, ns, GOTRACE_USER_TASK_BEGIN, task, parent, use_text(s, name),
            use_stack(s, stack));
}

void trace_states_task_end(struct trace_states *s, uint32_t thread, uint64_t ns, uint64_t task,
                           uint32_t stack)
{
    struct trace_go_thread *t = get(s, thread);
    if (run(s, t, ns)) {
        PUT(s, t, ns, GOTRACE_USER_TASK_END, task, use_stack(s, stack));
        end_task(s, task);
    }
}

static void put_region_end(struct trace_states *s, struct trace_go_thread *t, uint64_t ns,
                           uint32_t stack)
{
    const struct trace_go_region *r = &t->regions[--t->n_regions];
    const struct gotrace_text *name = &s->region_names.items[r->name - 1];
    const struct trace_states_text text = {(const char *)s->region_names.bytes.p + name->offset,
                                           name->n_bytes};
    PUT(s, t, ns, GOTRACE_USER_REGION_END, r->task, use_text(s, text), use_stack(s, stack));
}

/* Go takes no end but that of the innermost region. */
static void end_region(struct trace_states *s, struct trace_go_thread *t, uint64_t ns,
                       uint64_t task, uint32_t name, uint32_t stack)
{
    uint32_t at = t->n_regions;
    while (at > 0 && (t->regions[at - 1].task != task || t->regions[at - 1].name != name))
        at--;
    while (at > 0 && t->n_regions >= at)
        put_region_end(s, t, ns, stack);
}

void trace_states_region(struct trace_states *s, uint32_t thread, uint64_t ns, bool begins,
                         uint64_t task, struct trace_states_text name, uint32_t stack)
{
    struct trace_go_thread *t = get(s, thread);
    bool is_full = s->region_names.bytes.n > REGION_NAMES_MAX;
    uint32_t known = is_full ? 0 : gotrace_text(&s->memory, &s->region_names, name.text, name.n);
    if (!known || !run(s, t, ns))
        return;
    if (!begins) {
        end_region(s, t, ns, task, known, stack);
        return;
    }
    if (t->n_regions == TRACE_REGIONS_MAX)
        return;
    t->regions[t->n_regions++] = (struct trace_go_region){task, known};
    PUT(s, t, ns, GOTRACE_USER_REGION_BEGIN, task, use_text(s, name), use_stack(s, stack));
}

void trace_states_log(struct trace_states *s, uint32_t thread, uint64_t ns, uint64_t task,
                      struct trace_states_text category, struct trace_states_text message,
                      uint32_t stack)
{
    struct trace_go_thread *t = get(s, thread);
    if (run(s, t, ns))
        PUT(s, t, ns, GOTRACE_USER_LOG, task, use_text(s, category), use_text(s, message),
            use_stack(s, stack));
}

/* Generations. */

/* What a thread is at the beginning. */
static void put_status(struct trace_states *s, struct trace_go_thread *t, uint64_t ns)
{
    static const uint64_t status[] = {
        [TRACE_GO_GONE] = GOTRACE_GO_BAD,      [TRACE_GO_CREATED] = GOTRACE_GO_RUNNABLE,
        [TRACE_GO_WAITS] = GOTRACE_GO_WAITING, [TRACE_GO_READY] = GOTRACE_GO_RUNNABLE,
        [TRACE_GO_RUNS] = GOTRACE_GO_RUNNING,  [TRACE_GO_CALLS] = GOTRACE_GO_SYSCALL};
    t->g_seq = 0;
    if (t->p != NONE) {
        s->procs[t->p].seq = 0;
        s->procs[t->p].generation = s->generation;
        PUT(s, t, ns, GOTRACE_PROC_STATUS, t->p,
            t->state == TRACE_GO_CALLS ? GOTRACE_PROC_SYSCALL : GOTRACE_PROC_RUNNING);
    }
    if (t->state == TRACE_GO_WAITS)
        PUT(s, t, ns, GOTRACE_GO_STATUS_STACK, t->g, t->m, status[t->state],
            use_stack(s, t->block_stack));
    else
        PUT(s, t, ns, GOTRACE_GO_STATUS, t->g, t->m, status[t->state]);
}

static void begin_generation(struct trace_states *s, uint64_t now_ns)
{
    s->generation++;
    now_ns = now_ns > s->last_ns ? now_ns : s->last_ns + 1;
    s->begin_ns = now_ns - s->base_ns;
    s->last_ns = now_ns;
    s->n_stack_ids = 0;
    gotrace_texts_clear(&s->texts);
    if (s->n_cpus)
        use_text(s, (struct trace_states_text){GOTRACE_TEXT_TURNS, sizeof GOTRACE_TEXT_TURNS - 1});
    if (s->has_wakes)
        use_text(s, (struct trace_states_text){GOTRACE_TEXT_WAKES, sizeof GOTRACE_TEXT_WAKES - 1});
    for (size_t i = 0; i < s->n_threads; i++)
        if (s->threads[i].state != TRACE_GO_GONE)
            put_status(s, &s->threads[i], now_ns);
}

void trace_states_start(struct trace_states *s, uint64_t now_ns)
{
    s->base_ns = now_ns - 1;
    write_counted(s, GOTRACE_HEADER, GOTRACE_HEADER_BYTES);
    if (s->n_cpus && !add_procs(s, s->n_cpus))
        s->n_cpus = 0;
    begin_generation(s, now_ns);
}

static void put_sync(struct trace_states *s, uint64_t mono_ns, uint64_t real_ns)
{
    const struct gotrace_sink sink = {write_counted, s};
    uint8_t bytes[4 + 5 * GOTRACE_VARINT_MAX], *p = bytes;
    *p++ = GOTRACE_SYNC;
    *p++ = GOTRACE_FREQUENCY;
    p = gotrace_put(p, GOTRACE_HZ);
    *p++ = GOTRACE_CLOCK_SNAPSHOT;
    p = gotrace_put(p, mono_ns > s->base_ns + s->begin_ns ? mono_ns - s->base_ns - s->begin_ns : 0);
    p = gotrace_put(p, mono_ns);
    p = gotrace_put(p, real_ns / 1000000000u);
    p = gotrace_put(p, real_ns % 1000000000u);
    check(s, gotrace_put_batch(&sink, s->generation, GOTRACE_NO_THREAD, s->begin_ns, bytes,
                               (size_t)(p - bytes)));
}

bool trace_states_put_end(const struct gotrace_sink *sink)
{
    const uint8_t end = GOTRACE_END_OF_GENERATION;
    return sink->write(sink->arg, &end, 1);
}

bool trace_states_has_threads(const struct trace_states *s)
{
    for (size_t i = 0; i < s->n_threads; i++)
        if (s->threads[i].state != TRACE_GO_GONE)
            return true;
    return false;
}

void trace_states_cut(struct trace_states *s, uint64_t now_ns, uint64_t mono_ns, uint64_t real_ns,
                      bool is_last)
{
    const struct gotrace_sink sink = {write_counted, s};
    for (size_t i = 0; i < s->n_threads; i++)
        flush(s, &s->threads[i]);
    if (s->samples.n)
        check(s, gotrace_put_batch(&sink, s->generation, GOTRACE_NO_THREAD, s->begin_ns,
                                   s->samples.p, s->samples.n));
    s->samples.n = 0;
    put_sync(s, mono_ns, real_ns);
    if (!s->failed && s->put_stacks)
        check(s, s->put_stacks(s->arg, s));
    check(s, s->failed ||
                 gotrace_put_texts(&s->memory, &sink, &s->texts, s->generation, s->begin_ns, 0));
    if (!s->failed && s->put_later)
        check(s, s->put_later(s->arg, s));
    else if (!s->failed)
        check(s, trace_states_put_end(&sink));
    if (!is_last && !s->failed)
        begin_generation(s, now_ns);
}
