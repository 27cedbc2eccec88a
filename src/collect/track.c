#include "collect/track.h"

#include "base/map.h"
#include "base/vec.h"
#include "collect/container.h"
#include "collect/go_frames.h"
#include "collect/space.h"
#include "os/maps.h"
#include "sym/kernel_names.h"
#include "unwind/walk.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_MAX 512
/* Kernel addresses count from here, so that any fits the 48 bits of a location. */
#define KERNEL_START 0xffff800000000000u

struct process {
    pid_t pid;
    char comm[16];   /* as long as the kernel's */
    int n_threads;   /* that have not ended */
    uint32_t number; /* of the gather, PROFILE_NONE before the first sample */
    uint32_t labels; /* of the gather */
    struct space space;
};

struct kernel_frame {
    uint64_t address;
    uint32_t location; /* of the gather */
};

struct track {
    struct gather *gather;
    struct track_options options;
    bool everything; /* records of processes that are not followed come too */
    struct images images;
    struct go_frames go;
    struct map by_pid; /* -> index in processes */
    VEC(struct process) processes;
    bool kernel_asked, kernel_shown; /* its addresses */
    uint32_t kernel_mapping;
    VEC(struct kernel_frame) kernel_frames; /* to be named */
    struct map kernel_known;                /* their locations */
    struct track_counts counts;
    unsigned n_unreadable;
    struct err unreadable; /* the first one's */
    char open_path[64];    /* of track_locate */
};

static void count(uint64_t *counter, uint64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static void count_process(struct track *t)
{
    __atomic_fetch_add(&t->counts.n_processes, 1, __ATOMIC_RELAXED);
}

static struct process *find_process(struct track *t, pid_t pid)
{
    uint32_t i = map_get(&t->by_pid, (uint64_t)pid);
    return i == MAP_NONE ? NULL : &t->processes.items[i];
}

/* A process that starts: an empty one, also where an earlier one had the pid. */
static struct process *add_process(struct track *t, pid_t pid)
{
    struct process new = {.pid = pid, .n_threads = 1, .number = PROFILE_NONE};
    struct process *old = find_process(t, pid);
    if (old) {
        space_release(&old->space);
        *old = new;
        return old;
    }
    if (!map_reserve(&t->by_pid, t->by_pid.n + 1) || !vec_push(&t->processes, new))
        return NULL;
    map_put(&t->by_pid, (uint64_t)pid, (uint32_t)(t->processes.n - 1));
    return &t->processes.items[t->processes.n - 1];
}

struct track *track_new(struct gather *gather, const struct track_options *options, struct err *err)
{
    struct track *t = calloc(1, sizeof *t);
    if (t) {
        t->gather = gather;
        t->options = *options;
        t->kernel_mapping = PROFILE_NONE;
        t->counts.n_processes = 1;
        images_init(&t->images);
        map_init(&t->kernel_known);
        if (options->scope == TRACK_SYSTEM || add_process(t, options->root))
            return t;
    }
    track_free(t);
    err_nomem(err);
    return NULL;
}

void track_free(struct track *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->processes.n; i++)
        space_release(&t->processes.items[i].space);
    vec_release(&t->processes);
    map_release(&t->by_pid);
    go_frames_release(&t->go);
    images_release(&t->images);
    vec_release(&t->kernel_frames);
    map_release(&t->kernel_known);
    free(t);
}

static bool take_map(struct track *t, const struct perf_record *record)
{
    struct process *p = find_process(t, record->pid);
    char build_id[41] = "", name[PATH_MAX], path[PATH_MAX];
    if (!p || record->limit <= record->start)
        return true;
    for (size_t i = 0; i < record->n_build_id; i++)
        snprintf(build_id + 2 * i, 3, "%02x", record->build_id[i]);
    bool known = false;
    if (space_is_file(record->name) && record->name.len < sizeof name) {
        snprintf(name, sizeof name, "%.*s", (int)record->name.len, record->name.p);
        known = maps_named_path(p->pid, name, path, sizeof path);
    }
    const struct space_map map = {.start = record->start,
                                  .limit = record->limit,
                                  .offset = record->offset,
                                  .name = record->name,
                                  .build_id = str_of(build_id),
                                  .open_path = known ? path : NULL};
    return space_add(&p->space, &t->images, &map);
}

/* A process that runs already, as /proc has it; what is known of it is forgotten. */
static struct process *adopt(struct track *t, pid_t pid, struct err *err)
{
    struct process *p = add_process(t, pid);
    struct proc proc = {0};
    const struct mem_map *maps;
    size_t n_maps = 0;
    if (!p) {
        err_nomem(err);
        return NULL;
    }
    AUTO_ARENA arena;
    arena_init(&arena);
    bool ok = proc_open(&proc, pid, err);
    if (ok) {
        snprintf(p->comm, sizeof p->comm, "%.15s", proc.comm);
        if (t->options.scope == TRACK_SYSTEM)
            p->labels = container_labels(t->gather, &proc);
        ok = maps_read(&proc, &arena, &maps, &n_maps, err);
    }
    if (ok)
        ok = space_set(&p->space, &t->images, pid, maps, n_maps) || err_nomem(err);
    proc_release(&proc);
    return ok ? p : NULL;
}

bool track_adopt_root(struct track *t, struct err *err)
{
    return adopt(t, t->options.root, err) != NULL;
}

bool track_is_pure_go(const struct track *t)
{
    const struct process *p = &t->processes.items[0];
    bool any = false;
    for (size_t i = 0; i < p->space.areas.n; i++) {
        const struct image *image = p->space.areas.items[i].image;
        if (!image || str_eq(image->path, STR("[vdso]")))
            continue;
        if (!image->is_go || image->table.n_entries)
            return false;
        any = true;
    }
    return any;
}

void track_set_events(struct track *t, uint64_t period_ns, bool everything)
{
    t->options.period_ns = period_ns;
    t->everything = everything;
}

/* The process of a record; NULL: it is not followed, or (*kept false) there is no memory. */
static struct process *process_of(struct track *t, pid_t pid, bool *kept)
{
    struct process *p = find_process(t, pid);
    struct err why = {0};
    if (p || (t->everything && t->options.scope != TRACK_SYSTEM))
        return p;
    if (t->options.scope == TRACK_COMMAND) {
        p = add_process(t, pid);
    } else if (!(p = adopt(t, pid, &why)) && why.code != ERR_NOMEM) {
        if (why.code == ERR_PERM && t->n_unreadable++ == 0)
            t->unreadable = why;
        p = find_process(t, pid);
    }
    if (p && t->options.scope == TRACK_SYSTEM)
        count_process(t);
    *kept = p != NULL;
    return p;
}

static bool take_fork(struct track *t, const struct perf_record *record)
{
    if (record->pid == record->parent_pid) { /* a thread */
        struct process *p = find_process(t, record->pid);
        if (p)
            p->n_threads++;
        return true;
    }
    /* Of a process that is not known, the child is found out about when it is met. */
    if (t->options.scope != TRACK_COMMAND &&
        (!find_process(t, record->parent_pid) ||
         (t->options.scope == TRACK_PROCESS && !t->options.children)))
        return true;
    struct process *child = add_process(t, record->pid);
    struct process *parent = find_process(t, record->parent_pid);
    if (!child || !parent)
        return child != NULL;
    count_process(t);
    child->labels = parent->labels;
    memcpy(child->comm, parent->comm, sizeof child->comm);
    return space_copy(&child->space, &parent->space);
}

/* Only exec names a process: threads rename themselves as they like. */
static bool take_exec(struct track *t, const struct perf_record *record)
{
    struct process *p = find_process(t, record->pid);
    if (!p && t->options.scope != TRACK_SYSTEM)
        return true;
    if (!p) {
        if (!(p = add_process(t, record->pid)))
            return false;
        count_process(t);
    }
    if (t->options.scope == TRACK_SYSTEM) {
        struct proc proc;
        if (proc_open(&proc, record->pid, NULL)) { /* runtimes exec inside a container at last */
            p->labels = container_labels(t->gather, &proc);
            proc_release(&proc);
        }
    }
    space_clear(&p->space);
    snprintf(p->comm, sizeof p->comm, "%.*s", (int)record->name.len, record->name.p);
    p->number = PROFILE_NONE;
    p->n_threads = 1;
    return true;
}

/* Stacks. */

struct walk {
    struct track *track;
    struct process *process;
    const struct perf_record *sample;
};

static bool read_stack(void *arg, uint64_t address, uint64_t *value)
{
    struct walk *w = arg;
    uint64_t at = address - w->sample->sp;
    if (address < w->sample->sp)
        return false;
    if (at > w->sample->n_stack || w->sample->n_stack - at < sizeof *value)
        return false;
    memcpy(value, w->sample->stack + at, sizeof *value);
    return true;
}

static struct ehtab_row find_row(void *arg, uint64_t pc, uint64_t *frame)
{
    struct walk *w = arg;
    *frame = pc;
    return space_row(&w->process->space, &w->track->images, pc);
}

/* The user's part of the kernel's own chain. */
static size_t user_chain(const struct perf_record *sample, const uint64_t **chain)
{
    for (size_t i = 0; i < sample->n_chain; i++)
        if (sample->chain[i] == (uint64_t)PERF_CONTEXT_USER) {
            *chain = sample->chain + i + 1;
            return sample->n_chain - i - 1;
        }
    return 0;
}

static uint64_t chain_frame(const uint64_t *chain, size_t i)
{
    return i ? chain[i] - 1 : chain[i];
}

static struct go_code *go_code_of(struct track *t, struct process *p, uint64_t pc,
                                  uint64_t *address)
{
    struct area *area = space_find(&p->space, pc);
    struct go_code *code = area && area->has_code ? go_frames_code(&t->go, area->image) : NULL;
    *address = code ? pc - area->bias : 0;
    return code;
}

/* A function of Go's that has no frame yet, or no more, or none at all: by frame pointers, its
 * caller is missing. */
static uint32_t add_go_caller(struct walk *w, uint64_t *frames, uint32_t n)
{
    uint64_t address, offset, back;
    struct go_code *code = go_code_of(w->track, w->process, frames[0], &address);
    if (!code || n == FRAMES_MAX || !w->sample->has_regs ||
        !go_frames_return(code, address, &offset) ||
        !read_stack(w, w->sample->sp + offset, &back) || (n > 1 && frames[1] == back - 1) ||
        !(code = go_code_of(w->track, w->process, back - 1, &address)) ||
        !go_code_at(code, address)->function)
        return n;
    memmove(frames + 2, frames + 1, (n - 1) * sizeof *frames);
    frames[1] = back - 1;
    return n + 1;
}

/* Frames of user code, leaf first. */
static uint32_t walk_user(struct track *t, struct process *p, const struct perf_record *sample,
                          uint64_t *frames, bool *complete)
{
    static const struct walk_ops ops = {read_stack, find_row};
    struct walk w = {t, p, sample};
    const uint64_t *chain = NULL;
    size_t n_chain = user_chain(sample, &chain);
    uint32_t n = 0, n_agree = 0;
    *complete = false;
    if (sample->has_regs)
        n = walk_stack(&ops, &w, (struct walk_regs){sample->pc, sample->sp, sample->fp, 0}, frames,
                       FRAMES_MAX, complete);
    /* The kernel's chain by frame pointers may reach beyond the copy of the stack, and
     * onto the other stack of a Go thread.  It is to be believed when it says the same
     * as far as we got; its last step may lead nowhere. */
    while (n_agree < n && n_agree < n_chain && frames[n_agree] == chain_frame(chain, n_agree))
        n_agree++;
    if (!*complete && n && n_agree == n && n < n_chain) {
        while (n < n_chain && n < FRAMES_MAX) {
            frames[n] = chain_frame(chain, n);
            n++;
        }
        uint32_t n_all = n;
        while (n > n_agree && !space_find(&p->space, frames[n - 1]))
            n--;
        /* Go keeps frame pointers up to the first frame, whose own is 0. */
        struct area *last = space_find(&p->space, frames[n - 1]);
        *complete = n == n_all && n < FRAMES_MAX && last && last->image && last->image->is_go;
    }
    return n ? add_go_caller(&w, frames, n) : 0;
}

/* The kernel's frames; one "[kernel]" for all of them where their names are hidden. */
static uint32_t locate_kernel(struct track *t, const struct perf_record *sample, uint32_t *locs)
{
    uint32_t n = 0;
    bool in_kernel = false;
    for (size_t i = 0; i < sample->n_chain && n < FRAMES_MAX; i++) {
        uint64_t address = sample->chain[i];
        if (address >= (uint64_t)PERF_CONTEXT_MAX) {
            in_kernel = address == (uint64_t)PERF_CONTEXT_KERNEL;
            continue;
        }
        if (!in_kernel || address < KERNEL_START)
            continue;
        if (!t->kernel_asked) {
            t->kernel_shown = kernel_names_shown();
            t->kernel_mapping =
                gather_mapping(t->gather, &(struct gather_map){.file = STR("[kernel.kallsyms]"),
                                                               .start = KERNEL_START,
                                                               .limit = UINT64_MAX});
            t->kernel_asked = true;
        }
        if (!t->kernel_shown) {
            locs[0] = gather_named_location(t->gather, t->kernel_mapping, 0, STR("[kernel]"));
            return 1;
        }
        address -= n > 0;
        locs[n] = gather_location(t->gather, t->kernel_mapping, address - KERNEL_START);
        uint32_t next = (uint32_t)t->kernel_frames.n;
        if (map_get_or_put(&t->kernel_known, locs[n], next) == next)
            (void)vec_push(&t->kernel_frames, (struct kernel_frame){address, locs[n]});
        n++;
    }
    return n;
}

bool track_sample(struct track *t, const struct perf_record *sample, const int64_t *values,
                  uint32_t labels, uint32_t *row)
{
    bool kept = true;
    struct process *p = process_of(t, sample->pid, &kept);
    if (row)
        *row = PROFILE_NONE;
    if (!p)
        return kept;
    if (p->number == PROFILE_NONE)
        p->number = gather_process(t->gather, p->pid, str_of(p->comm));
    uint64_t frames[FRAMES_MAX];
    uint32_t locs[2 * FRAMES_MAX];
    bool complete;
    uint32_t n = locate_kernel(t, sample, locs);
    uint32_t n_user = walk_user(t, p, sample, frames, &complete);
    if (n && n_user == 1 && !space_find(&p->space, frames[0])) {
        /* In exec: the old program is gone, the new one is not there yet. */
        n_user = 0;
        complete = true;
    }
    enum go_role callee = GO_ROLE_NONE;
    uint32_t n_kernel = n;
    for (uint32_t i = 0; i < n_user; i++) {
        uint64_t address;
        struct go_code *code = go_code_of(t, p, frames[i], &address);
        bool is_last = i + 1 == n_user && n == n_kernel; /* of all the only one */
        if (!code || !go_frames_hidden(code, address, &callee) || is_last)
            locs[n++] = space_locate(&p->space, t->gather, p->number, frames[i]);
    }
    const struct gather_stack stack = {.process = p->number,
                                       .locations = locs,
                                       .n_locations = n,
                                       .labels = labels ? labels : p->labels};
    uint32_t sample_row = gather_sample(t->gather, &stack, values);
    if (row)
        *row = sample_row;
    count(&t->counts.n_samples, 1);
    count(&t->counts.n_truncated, !complete);
    return true;
}

static bool take_sample(struct track *t, const struct perf_record *sample)
{
    return track_sample(t, sample, (const int64_t[]){1, (int64_t)t->options.period_ns}, 0, NULL);
}

void track_take(void *track, const struct perf_record *record)
{
    track_record(track, record);
}

void track_record(struct track *t, const struct perf_record *record)
{
    bool kept = true;
    struct process *p;
    switch (record->kind) {
    case PERF_SAMPLE:
        kept = take_sample(t, record);
        break;
    case PERF_MAP:
        kept = take_map(t, record);
        break;
    case PERF_FORK:
        kept = take_fork(t, record);
        break;
    case PERF_COMM:
        if (record->exec)
            kept = take_exec(t, record);
        break;
    case PERF_EXIT:
        p = find_process(t, record->pid);
        if (p)
            p->n_threads--;
        break;
    case PERF_LOST:
        count(&t->counts.n_lost, record->n_lost);
        break;
    case PERF_SWITCH:
    case PERF_NONE:
        break;
    }
    count(&t->counts.n_lost, !kept);
}

/* Not on the way: reading all of the kernel's symbols takes a while. */
void track_finish(struct track *t)
{
    struct kernel_names *names = t->kernel_frames.n ? kernel_names_open() : NULL;
    for (size_t i = 0; i < t->kernel_frames.n; i++) {
        const struct kernel_frame *frame = &t->kernel_frames.items[i];
        struct str name = names ? kernel_names_find(names, frame->address) : STR("");
        gather_name_location(t->gather, frame->location, name.len ? name : STR("[kernel]"));
    }
    t->kernel_frames.n = 0;
    kernel_names_close(names);
}

const struct track_counts *track_counts(const struct track *t)
{
    return &t->counts;
}

struct str track_main_file(const struct track *t)
{
    return t->options.scope == TRACK_SYSTEM ? STR("[all processes]")
                                            : t->processes.items[0].space.exe;
}

unsigned track_n_running(const struct track *t)
{
    unsigned n = 0;
    for (size_t i = t->options.scope == TRACK_PROCESS; i < t->processes.n; i++)
        n += t->processes.items[i].n_threads > 0;
    return n;
}

unsigned track_n_unreadable(const struct track *t, struct err *why)
{
    *why = t->unreadable;
    return t->n_unreadable;
}

const char *track_locate(void *track, const char *file, const char *build_id)
{
    struct track *t = track;
    return images_locate(&t->images, file, build_id, t->open_path);
}
