#include "collect/attach_threads.h"

#include "base/vec.h"
#include "collect/gather.h"
#include "collect/goroutine.h"
#include "collect/space.h"
#include "os/core.h"
#include "os/ptrace.h"
#include "os/tasks.h"
#include "sym/resolve.h"
#include "unwind/lost_bp.h"
#include "unwind/walk.h"
#include "wire/calls.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FRAMES_MAX 512
#define LOOKS 4 /* at a thread that runs whenever it is looked at */
/* One that is about to wait, or comes from there, may not be stopped: its system call could
 * fail with EINTR.  So it is watched, longer than a tick of the kernel's clock. */
#define ROUNDS 8
#define ROUND_NS 2000000
#define BUSY_NS 1000000 /* of a processor without a wait: more than a thread needs to wait again   \
                         */
#define ROUNDS_EACH 2   /* more of them, where many wait for a processor */
#define ROUNDS_MAX 200
#define ROUNDS_STARVED 500 /* more of them, while none of them comes to a processor */
#define PAGE_BYTES 4096u
#define STATE_BYTES 40
#define COPY_BYTES (64u << 10)      /* of the stack of a stopped thread */
#define COPY_ALL_BYTES (192u << 20) /* of all: of many there is less of each */

/* Memory that was read. */
struct window {
    uint64_t lo, n;
    uint8_t bytes[2 * PAGE_BYTES];
};

struct taking {
    struct mem *mem;
    const struct proc *proc; /* NULL: a core file */
    struct gather *gather;
    struct images images;
    struct space space;
    struct window windows[2]; /* of the stack, from where it was first read; what was read last */
    uint64_t sp;
    const uint8_t *copy; /* of the stack, from sp on */
    size_t n_copy;
    uint32_t process;  /* of the gather */
    VEC(pid_t) order;  /* with each_thread: the thread of each sample */
    bool each_thread;  /* no two threads are one sample */
    uint64_t n_cut;    /* stacks whose root was not reached */
    uint64_t n_unseen; /* threads without a stack */
    char open_path[64];
};

/* --- stacks --- */

static bool in(const struct window *w, uint64_t address)
{
    return address >= w->lo && address - w->lo < w->n && w->n - (address - w->lo) >= 8;
}

/* To the end of the page, or of the next where that is near. */
static bool fill(struct taking *t, struct window *w, uint64_t from)
{
    uint64_t n = PAGE_BYTES - from % PAGE_BYTES;
    w->lo = from;
    w->n = n < 1024 ? n + PAGE_BYTES : n;
    if (!mem_read(t->mem, from, w->bytes, w->n, NULL)) {
        w->n = n;
        if (!mem_read(t->mem, from, w->bytes, w->n, NULL))
            w->n = 0;
    }
    return w->n != 0;
}

static bool read_word(void *arg, uint64_t address, uint64_t *value)
{
    struct taking *t = arg;
    struct window *w = &t->windows[0];
    uint64_t at = address - t->sp;
    if (at < t->n_copy && t->n_copy - at >= 8) {
        memcpy(value, t->copy + at, sizeof *value);
        return true;
    }
    if (!in(w, address)) {
        uint64_t from = address;
        if (w->n)
            w = &t->windows[1];
        else if (address - t->sp < PAGE_BYTES)
            from = t->sp;
        if (!in(w, address) && (!fill(t, w, from) || !in(w, address)))
            return false;
    }
    memcpy(value, w->bytes + (address - w->lo), sizeof *value);
    return true;
}

static bool is_code(void *arg, uint64_t address)
{
    return space_find(&((struct taking *)arg)->space, address) != NULL;
}

static bool function_start(void *arg, uint64_t pc, uint64_t *start)
{
    return space_function(&((struct taking *)arg)->space, pc, start);
}

static bool find_lost_bp(void *arg, uint64_t pc, uint64_t sp, uint64_t *bp)
{
    static const struct lost_bp_ops ops = {read_word, is_code, function_start};
    return lost_bp_find(&ops, arg, pc, sp, bp);
}

static struct ehtab_row find_row(void *arg, uint64_t pc, uint64_t *frame)
{
    struct taking *t = arg;
    *frame = pc;
    return space_row(&t->space, &t->images, pc);
}

struct stack {
    uint64_t frames[FRAMES_MAX];
    uint32_t n;
    bool is_whole;
};

static void walk(struct taking *t, struct walk_regs regs, struct stack *stack)
{
    static const struct walk_ops ops = {read_word, find_row, find_lost_bp};
    t->windows[0].n = t->windows[1].n = 0;
    t->sp = regs.sp;
    stack->n = walk_stack(&ops, t, regs, stack->frames, FRAMES_MAX, &stack->is_whole);
    /* A last step that leads nowhere. */
    while (stack->n > 1 && !stack->is_whole && !is_code(t, stack->frames[stack->n - 1]))
        stack->n--;
}

/* --- samples --- */

/* `stack` NULL: it is not known. */
static bool add(struct taking *t, pid_t tid, const char *name, const char *state,
                const struct stack *stack, struct err *err)
{
    AUTO_BUF labels = {0};
    uint32_t locs[FRAMES_MAX];
    const int64_t one = 1;
    buf_printf(&labels, "state%c%s%cthread%c%s%c", 0, state, 0, 0, name, 0);
    for (uint32_t i = 0; stack && i < stack->n; i++)
        locs[i] = space_locate(&t->space, t->gather, t->process, stack->frames[i]);
    if (labels.failed || (t->each_thread && !vec_push(&t->order, tid)))
        return err_nomem(err);
    const struct gather_stack sample = {
        .process = t->process,
        .locations = locs,
        .n_locations = stack ? stack->n : 0,
        .labels = gather_labels(t->gather, (struct str){labels.data, labels.len}),
        .key = t->each_thread ? (uint64_t)tid : 0};
    gather_sample(t->gather, &sample, &one);
    t->n_cut += stack && !stack->is_whole;
    t->n_unseen += !stack;
    return true;
}

static const char *wait_state(int64_t call, char state, char other[CALLS_NAME_BYTES])
{
    if (state == 'T' || state == 't')
        return "stopped";
    return call < 0 ? "page fault" : calls_state((long)call, other);
}

/* --- a process --- */

struct runner {
    pid_t tid;
    char name[65];
    char state[STATE_BYTES];
    struct task_clock clock;
    uint64_t n_sleeps, woke_ns; /* its waits, and what it had run when they were last more */
    bool has_run;               /* between the last two looks */
    bool is_done;
    bool is_busy; /* it has run for a while, and did not wait */
};

struct runners {
    VEC(struct runner) items;
    VEC(pid_t) tids;
    VEC(uint64_t) n_sleeps; /* of each */
};

static bool same(const struct task_clock *a, const struct task_clock *b)
{
    return a->cpu_ns == b->cpu_ns && a->n_runs == b->n_runs;
}

enum outcome { GONE, ADDED, RUNS, FAILED };

/* A thread that waits, read while it does. */
static enum outcome take_waiting(struct taking *t, pid_t tid, struct task_look *look,
                                 struct err *err)
{
    struct stack stack;
    struct task_clock after;
    char other[CALLS_NAME_BYTES];
    for (int i = 0; i < LOOKS; i++) {
        int64_t call;
        uint64_t pc, sp;
        if (!tasks_look(t->proc, tid, look) || look->state == 'Z' || look->state == 'X')
            return GONE;
        enum task_state state = tasks_waits(t->proc, tid, &call, &pc, &sp);
        if (state == TASK_GONE)
            return GONE;
        if (state == TASK_RUNS)
            return RUNS;
        walk(t, (struct walk_regs){pc, sp, WALK_BP_LOST, 0}, &stack);
        if (tasks_clock(t->proc, tid, &after) && same(&look->clock, &after))
            return add(t, tid, look->name, wait_state(call, look->state, other), &stack, err)
                       ? ADDED
                       : FAILED;
    }
    return RUNS;
}

static bool push_runner(struct taking *t, struct runners *r, pid_t tid,
                        const struct task_look *look, const char *state, struct err *err)
{
    struct runner runner = {.tid = tid, .clock = look->clock, .woke_ns = look->clock.cpu_ns};
    snprintf(runner.name, sizeof runner.name, "%s", look->name);
    snprintf(runner.state, sizeof runner.state, "%s", state);
    if (t->proc)
        tasks_sleeps(t->proc, tid, &runner.n_sleeps);
    return vec_push(&r->items, runner) || err_nomem(err);
}

/* Once more: does it wait by now, or is it busy? */
static bool watch_runner(struct taking *t, struct runner *runner, struct err *err)
{
    struct task_look look;
    uint64_t n_sleeps;
    enum outcome outcome = take_waiting(t, runner->tid, &look, err);
    runner->is_done = outcome != RUNS;
    runner->has_run = true;
    if (outcome != RUNS || !tasks_sleeps(t->proc, runner->tid, &n_sleeps))
        return outcome != FAILED;
    runner->has_run = !same(&look.clock, &runner->clock);
    if (n_sleeps != runner->n_sleeps)
        runner->woke_ns = look.clock.cpu_ns;
    runner->is_busy = look.clock.cpu_ns - runner->woke_ns >= BUSY_NS;
    runner->n_sleeps = n_sleeps;
    runner->clock = look.clock;
    return true;
}

/* Until each waits or is busy, if it does not take too long; on a loaded machine it may be long
 * until one comes to a processor at all.  r->tids: those that are busy. */
static bool watch_runners(struct taking *t, struct runners *r, struct err *err)
{
    bool ok = true;
    size_t most = ROUNDS + ROUNDS_EACH * r->items.n, left = r->items.n, n_starved = 0;
    most = most < ROUNDS_MAX ? most : ROUNDS_MAX;
    for (size_t round = 0; ok && left && round < most;) {
        bool has_run = false;
        nanosleep(&(struct timespec){0, ROUND_NS}, NULL);
        left = 0;
        for (size_t i = 0; ok && i < r->items.n; i++) {
            struct runner *runner = &r->items.items[i];
            if (!runner->is_done && !runner->is_busy)
                ok = watch_runner(t, runner, err);
            left += !runner->is_done && !runner->is_busy;
            has_run |= !runner->is_done && !runner->is_busy && runner->has_run;
        }
        round += has_run || n_starved++ >= ROUNDS_STARVED;
    }
    for (size_t i = 0; ok && i < r->items.n; i++) {
        struct runner *runner = &r->items.items[i];
        if (runner->is_busy)
            ok = (vec_push(&r->tids, runner->tid) && vec_push(&r->n_sleeps, runner->n_sleeps)) ||
                 err_nomem(err);
    }
    return ok;
}

/* What is copied while threads stand still; it is walked when they go on again. */
struct copy {
    struct ptrace_thread thread;
    uint8_t *stack;
    size_t n;
};

struct copies {
    struct taking *t;
    VEC(struct copy) items;
    size_t n_missing;
    bool failed;
};

static void copy_stacks(void *arg, const struct ptrace_stop *stop)
{
    struct copies *c = arg;
    size_t most = COPY_BYTES;
    c->n_missing = stop->n_missing;
    while (most > 2 * PAGE_BYTES && most * stop->n_threads > COPY_ALL_BYTES)
        most /= 2;
    for (size_t i = 0; i < stop->n_threads; i++) {
        struct copy copy = {.thread = stop->threads[i]};
        size_t n = most - copy.thread.sp % PAGE_BYTES;
        copy.stack = malloc(n);
        /* To the end of the stack, if that is nearer. */
        const struct mem_map *map = mem_map_at(c->t->mem, copy.thread.sp);
        if (map && map->limit - copy.thread.sp < n)
            n = map->limit - copy.thread.sp;
        if (copy.stack && mem_read(c->t->mem, copy.thread.sp, copy.stack, n, NULL))
            copy.n = n;
        if (!vec_push(&c->items, copy)) {
            free(copy.stack);
            c->failed = true;
        }
    }
}

static void release_copies(struct copies *c)
{
    for (size_t i = 0; i < c->items.n; i++)
        free(c->items.items[i].stack);
    vec_release(&c->items);
}

static bool take_copies(struct taking *t, struct runners *r, const struct copies *c,
                        struct err *err)
{
    struct stack stack;
    bool ok = !c->failed || err_nomem(err);
    for (size_t i = 0; i < c->items.n && ok; i++) {
        const struct copy *copy = &c->items.items[i];
        const struct ptrace_thread *thread = &copy->thread;
        struct runner *runner = NULL;
        for (size_t k = 0; k < r->items.n && !runner; k++) /* nearly the same order */
            if (r->items.items[(i + k) % r->items.n].tid == thread->task.tid)
                runner = &r->items.items[(i + k) % r->items.n];
        struct task_look look;
        if (!runner && !tasks_look(t->proc, thread->task.tid, &look))
            continue;
        t->copy = copy->stack;
        t->n_copy = copy->n;
        walk(t, (struct walk_regs){thread->pc, thread->sp, thread->bp, 0}, &stack);
        t->n_copy = 0;
        ok = add(t, thread->task.tid, runner ? runner->name : look.name,
                 runner ? runner->state : "running", &stack, err);
        if (runner)
            runner->is_done = true;
    }
    return ok;
}

/* Those that run, stopped for a moment; of those that cannot be no more than this is known. */
static bool take_running(struct taking *t, struct runners *r, struct diag *diag, struct err *err)
{
    struct err why = {0};
    if (!watch_runners(t, r, err))
        return false;
    struct copies copies = {.t = t};
    if (r->tids.n &&
        !ptrace_while_busy(t->proc, r->tids.items, r->n_sleeps.items, r->tids.n, copy_stacks,
                           &copies, NULL, &why) &&
        why.code == ERR_PERM)
        diag_add(diag, "threads that run are without their stacks: %s", why.msg);
    bool ok = take_copies(t, r, &copies, err);
    release_copies(&copies);
    for (size_t i = 0; i < r->items.n && ok; i++) {
        struct runner *runner = &r->items.items[i];
        struct task_look look;
        enum outcome outcome = runner->is_done ? ADDED : take_waiting(t, runner->tid, &look, err);
        ok = outcome != FAILED;
        if (outcome == RUNS)
            ok = add(t, runner->tid, runner->name, runner->state, NULL, err);
    }
    return ok;
}

/* What each thread does, before all are stopped. */
static bool look_at_all(struct taking *t, const struct task_list *tasks, struct runners *r,
                        struct err *err)
{
    bool ok = true;
    for (size_t i = 0; i < tasks->n && ok; i++) {
        struct task_look look;
        int64_t call;
        uint64_t pc, sp;
        char other[CALLS_NAME_BYTES];
        pid_t tid = tasks->items[i].tid;
        if (!tasks_look(t->proc, tid, &look))
            continue;
        enum task_state state = tasks_waits(t->proc, tid, &call, &pc, &sp);
        if (state != TASK_GONE)
            ok = push_runner(t, r, tid, &look,
                             state == TASK_WAITS ? wait_state(call, look.state, other) : "running",
                             err);
    }
    return ok;
}

static bool take_consistent(struct taking *t, const struct task_list *tasks, struct diag *diag,
                            struct err *err)
{
    struct runners r = {0};
    bool ok = look_at_all(t, tasks, &r, err);
    struct copies copies = {.t = t};
    ok = ok && ptrace_while(t->proc, NULL, 0, copy_stacks, &copies, NULL, err) &&
         take_copies(t, &r, &copies, err);
    size_t n = copies.n_missing;
    if (n)
        diag_add(diag, "%zu thread%s did not stop, and %s left out", n, n == 1 ? "" : "s",
                 n == 1 ? "is" : "are");
    release_copies(&copies);
    vec_release(&r.items);
    vec_release(&r.tids);
    vec_release(&r.n_sleeps);
    return ok;
}

static bool take_each(struct taking *t, const struct task_list *tasks, struct diag *diag,
                      struct err *err)
{
    struct runners r = {0};
    bool ok = true;
    for (size_t i = 0; i < tasks->n && ok; i++) {
        struct task_look look;
        struct task_clock now;
        pid_t tid = tasks->items[i].tid;
        enum outcome outcome = take_waiting(t, tid, &look, err);
        ok = outcome != FAILED;
        if (outcome == RUNS)
            ok = push_runner(t, &r, tid, &look,
                             tasks_clock(t->proc, tid, &now) && !same(&now, &look.clock)
                                 ? "running"
                                 : "runnable",
                             err);
    }
    ok = ok && take_running(t, &r, diag, err);
    vec_release(&r.items);
    vec_release(&r.tids);
    vec_release(&r.n_sleeps);
    return ok;
}

static bool take_process(struct taking *t, bool consistent, struct diag *diag, struct err *err)
{
    struct task_list tasks = {0};
    if (!tasks_read(t->proc, &tasks, err))
        return false;
    bool ok = consistent ? take_consistent(t, &tasks, diag, err) : take_each(t, &tasks, diag, err);
    vec_release(&tasks);
    return ok;
}

/* --- a core file --- */

static bool take_core(struct taking *t, const struct core_info *info, struct err *err)
{
    if (!info->n_threads)
        return err_set(err, ERR_INPUT, "%s tells of no threads", mem_name(t->mem));
    for (size_t i = 0; i < info->n_threads; i++) {
        const struct core_thread *thread = &info->threads[i];
        struct stack stack;
        char other[CALLS_NAME_BYTES], crash[STATE_BYTES];
        const char *state = thread->call < 0 ? "running" : calls_state((long)thread->call, other);
        const char *signal = i == 0 && info->signo != SIGTRAP && info->signo != SIGSTOP
                                 ? sigabbrev_np(info->signo)
                                 : NULL;
        if (signal) {
            snprintf(crash, sizeof crash, "crashed (SIG%s)", signal);
            state = crash;
        }
        walk(t, (struct walk_regs){thread->pc, thread->sp, thread->bp, thread->di}, &stack);
        if (!add(t, thread->tid, info->name, state, &stack, err))
            return false;
    }
    return true;
}

/* --- the profile --- */

static const char *locate(void *arg, const char *file, const char *build_id)
{
    struct taking *t = arg;
    return images_locate(&t->images, file, build_id, t->open_path);
}

static struct profile *take(struct taking *t, struct mem *mem,
                            const struct attach_threads_options *options, struct diag *diag,
                            struct err *err)
{
    const struct core_info *core = core_info(mem);
    const struct mem_map *maps;
    struct timespec now;
    size_t n_maps;
    t->mem = mem;
    t->proc = mem_process(mem);
    images_init(&t->images);
    if (!mem_refresh(mem, err) || !(t->gather = gather_new(&collect_goroutine, err)))
        return NULL;
    maps = mem_maps(mem, &n_maps);
    pid_t pid = t->proc ? t->proc->pid : 0;
    if (!space_set(&t->space, &t->images, pid, maps, n_maps)) {
        err_nomem(err);
        return NULL;
    }
    t->process = t->proc ? gather_process(t->gather, pid, str_of(t->proc->comm))
                         : gather_process(t->gather, core->pid, str_of(core->name));
    clock_gettime(CLOCK_REALTIME, &now);
    if (!(t->proc ? take_process(t, options->consistent, diag, err) : take_core(t, core, err)))
        return NULL;
    if (t->n_unseen)
        diag_add(diag, "%llu thread%s without a stack", (unsigned long long)t->n_unseen,
                 t->n_unseen == 1 ? " is" : "s are");
    if (t->n_cut)
        diag_add(diag, "%llu stack%s cut off at the root", (unsigned long long)t->n_cut,
                 t->n_cut == 1 ? " is" : "s are");
    const struct gather_header header = {.period = 1,
                                         .time_unix_ns = (uint64_t)now.tv_sec * 1000000000u +
                                                         (uint64_t)now.tv_nsec,
                                         .main_file = t->space.exe};
    const struct resolve_options resolve = {
        .debuginfod = options->debuginfod, .locate = locate, .locate_arg = t};
    struct profile *profile = gather_seal(t->gather, &header, diag, err);
    return profile ? resolve_profile(profile, &resolve, diag, err) : NULL;
}

static void release(struct taking *t)
{
    gather_free(t->gather);
    space_release(&t->space);
    images_release(&t->images);
    vec_release(&t->order);
    free(t);
}

struct profile *attach_threads(struct mem *mem, const struct attach_threads_options *options,
                               struct diag *diag, struct err *err)
{
    struct taking *t = calloc(1, sizeof *t);
    if (!t) {
        err_nomem(err);
        return NULL;
    }
    struct profile *profile = take(t, mem, options, diag, err);
    release(t);
    return profile;
}

/* --- texts --- */

static const char *label(const struct profile *p, size_t sample, const char *key)
{
    for (uint64_t i = p->label_first[sample]; i < p->label_first[sample + 1]; i++)
        if (strcmp(profile_cstr(p, p->labels[i].key), key) == 0)
            return profile_cstr(p, p->labels[i].str);
    return "";
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Where a line of a location is: "FILE:LINE", else the file that is mapped there. */
static void put_place(const struct profile *p, const struct profile_location *loc,
                      const struct profile_line *line, struct buf *out)
{
    const char *file = line ? profile_cstr(p, p->functions[line->function].filename) : "";
    if (*file)
        buf_printf(out, "%s:%lld", file, (long long)line->line);
    else if (loc->mapping != PROFILE_NONE)
        buf_printf(out, "%s", base_name(profile_cstr(p, p->mappings[loc->mapping].file)));
}

static const struct profile_line *line_of(const struct profile *p,
                                          const struct profile_location *loc, uint32_t i)
{
    const struct profile_line *line = loc->n_lines ? &p->lines[loc->first_line + i] : NULL;
    return line && line->function != PROFILE_NONE ? line : NULL;
}

static void put_name(const struct profile *p, const struct profile_location *loc,
                     const struct profile_line *line, struct buf *out)
{
    if (line)
        buf_puts(out, profile_cstr(p, p->functions[line->function].name));
    else
        buf_printf(out, "%#llx", (unsigned long long)loc->address);
}

/* Calls `put` for each frame, inlined ones too. */
static void each_frame(struct taking *t, const struct profile *p, size_t sample, struct buf *out,
                       void (*put)(struct taking *t, const struct profile *p,
                                   const struct profile_location *loc,
                                   const struct profile_line *line, struct buf *out))
{
    for (uint64_t i = p->stack_first[sample]; i < p->stack_first[sample + 1]; i++) {
        const struct profile_location *loc = &p->locations[p->stack_locs[i]];
        for (uint32_t k = 0; k < (loc->n_lines ? loc->n_lines : 1); k++)
            put(t, p, loc, line_of(p, loc, k), out);
    }
}

static void put_row(struct taking *t, const struct profile *p, const struct profile_location *loc,
                    const struct profile_line *line, struct buf *out)
{
    uint64_t start,
        offset = space_function(&t->space, loc->address, &start) ? loc->address - start : 0;
    buf_printf(out, "#\t%#llx\t", (unsigned long long)loc->address);
    put_name(p, loc, line, out);
    buf_printf(out, "+0x%llx\t", (unsigned long long)offset);
    put_place(p, loc, line, out);
    buf_putc(out, '\n');
}

static void put_call(struct taking *t, const struct profile *p, const struct profile_location *loc,
                     const struct profile_line *line, struct buf *out)
{
    put_name(p, loc, line, out);
    buf_puts(out, "(...)\n\t");
    put_place(p, loc, line, out);
    buf_putc(out, '\n');
}

/* As Go's %q has it, of what can be in a name. */
static void put_quoted(const char *text, struct buf *out)
{
    buf_putc(out, '"');
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == '\\')
            buf_putc(out, '\\');
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            buf_printf(out, "\\x%02x", (unsigned char)*p);
        else
            buf_putc(out, *p);
    }
    buf_putc(out, '"');
}

static void put_count(struct taking *t, const struct profile *p, size_t sample, struct buf *out)
{
    buf_printf(out, "%lld @", (long long)p->values[sample * p->n_types]);
    for (uint64_t i = p->stack_first[sample]; i < p->stack_first[sample + 1]; i++)
        buf_printf(out, " %#llx", (unsigned long long)p->locations[p->stack_locs[i]].address + 1);
    if (p->stack_first[sample] == p->stack_first[sample + 1])
        buf_puts(out, " 0x1"); /* no reader takes a line without an address */
    buf_puts(out, "\n# labels: {\"state\":");
    put_quoted(label(p, sample, "state"), out);
    buf_puts(out, ", \"thread\":");
    put_quoted(label(p, sample, "thread"), out);
    buf_puts(out, "}\n");
    each_frame(t, p, sample, out, put_row);
    buf_putc(out, '\n');
}

static void put_thread(struct taking *t, const struct profile *p, size_t sample, pid_t tid,
                       struct buf *out)
{
    buf_printf(out, "%sgoroutine %d [%s, %s]:\n", sample ? "\n" : "", (int)tid,
               label(p, sample, "state"), label(p, sample, "thread"));
    each_frame(t, p, sample, out, put_call);
    if (p->stack_first[sample] == p->stack_first[sample + 1])
        buf_puts(out, "\tstack unavailable\n");
}

bool attach_threads_text(struct mem *mem, const struct attach_threads_options *options,
                         unsigned debug, struct buf *out, struct diag *diag, struct err *err)
{
    struct taking *t = calloc(1, sizeof *t);
    if (!t)
        return err_nomem(err);
    t->each_thread = debug >= 2;
    struct profile *p = take(t, mem, options, diag, err);
    long long total = 0;
    for (size_t i = 0; p && i < p->n_samples; i++)
        total += p->values[i * p->n_types];
    if (p && debug < 2)
        buf_printf(out, "goroutine profile: total %lld\n", total);
    for (size_t i = 0; p && i < p->n_samples; i++) {
        if (debug < 2)
            put_count(t, p, i, out);
        else if (i < t->order.n)
            put_thread(t, p, i, t->order.items[i], out);
    }
    bool ok = p && (!out->failed || err_nomem(err));
    profile_free(p);
    release(t);
    return ok;
}
