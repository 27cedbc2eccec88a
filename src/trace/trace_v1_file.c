#include "trace/trace_v1_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define STRING_MAX 1000000
#define FRAMES_MAX 1000
#define PROCS_MAX 4096 /* what a machine has */

const struct trace_v1_spec trace_v1_specs[TRACE_V1_N_TYPES] = {
    [TRACE_V1_BATCH] = {"Batch", 5, 2, false},
    [TRACE_V1_FREQUENCY] = {"Frequency", 5, 1, false},
    [TRACE_V1_STACK] = {"Stack", 5, 2, false},
    [TRACE_V1_GOMAXPROCS] = {"Gomaxprocs", 5, 1, true},
    [TRACE_V1_PROC_START] = {"ProcStart", 5, 1, false},
    [TRACE_V1_PROC_STOP] = {"ProcStop", 5, 0, false},
    [TRACE_V1_GC_START] = {"GCStart", 5, 1, true},
    [TRACE_V1_GC_DONE] = {"GCDone", 5, 0, false},
    [TRACE_V1_STW_START] = {"STWStart", 5, 1, false},
    [TRACE_V1_STW_DONE] = {"STWDone", 5, 0, false},
    [TRACE_V1_GC_SWEEP_START] = {"GCSweepStart", 5, 0, true},
    [TRACE_V1_GC_SWEEP_DONE] = {"GCSweepDone", 5, 2, false},
    [TRACE_V1_GO_CREATE] = {"GoCreate", 5, 2, true},
    [TRACE_V1_GO_START] = {"GoStart", 5, 2, false},
    [TRACE_V1_GO_END] = {"GoEnd", 5, 0, false},
    [TRACE_V1_GO_STOP] = {"GoStop", 5, 0, true},
    [TRACE_V1_GO_SCHED] = {"GoSched", 5, 0, true},
    [TRACE_V1_GO_PREEMPT] = {"GoPreempt", 5, 0, true},
    [TRACE_V1_GO_SLEEP] = {"GoSleep", 5, 0, true},
    [TRACE_V1_GO_BLOCK] = {"GoBlock", 5, 0, true},
    [TRACE_V1_GO_UNBLOCK] = {"GoUnblock", 5, 2, true},
    [TRACE_V1_GO_BLOCK_SEND] = {"GoBlockSend", 5, 0, true},
    [TRACE_V1_GO_BLOCK_RECV] = {"GoBlockRecv", 5, 0, true},
    [TRACE_V1_GO_BLOCK_SELECT] = {"GoBlockSelect", 5, 0, true},
    [TRACE_V1_GO_BLOCK_SYNC] = {"GoBlockSync", 5, 0, true},
    [TRACE_V1_GO_BLOCK_COND] = {"GoBlockCond", 5, 0, true},
    [TRACE_V1_GO_BLOCK_NET] = {"GoBlockNet", 5, 0, true},
    [TRACE_V1_GO_SYS_CALL] = {"GoSysCall", 5, 0, true},
    [TRACE_V1_GO_SYS_EXIT] = {"GoSysExit", 5, 3, false},
    [TRACE_V1_GO_SYS_BLOCK] = {"GoSysBlock", 5, 0, false},
    [TRACE_V1_GO_WAITING] = {"GoWaiting", 5, 1, false},
    [TRACE_V1_GO_IN_SYSCALL] = {"GoInSyscall", 5, 1, false},
    [TRACE_V1_HEAP_ALLOC] = {"HeapAlloc", 5, 1, false},
    [TRACE_V1_HEAP_GOAL] = {"HeapGoal", 5, 1, false},
    [TRACE_V1_TIMER_GOROUTINE] = {"TimerGoroutine", 5, 1, false},
    [TRACE_V1_FUTILE_WAKEUP] = {"FutileWakeup", 5, 0, false},
    [TRACE_V1_STRING] = {"String", 7, 0, false},
    [TRACE_V1_GO_START_LOCAL] = {"GoStartLocal", 7, 1, false},
    [TRACE_V1_GO_UNBLOCK_LOCAL] = {"GoUnblockLocal", 7, 1, true},
    [TRACE_V1_GO_SYS_EXIT_LOCAL] = {"GoSysExitLocal", 7, 2, false},
    [TRACE_V1_GO_START_LABEL] = {"GoStartLabel", 8, 3, false},
    [TRACE_V1_GO_BLOCK_GC] = {"GoBlockGC", 8, 0, true},
    [TRACE_V1_GC_MARK_ASSIST_START] = {"GCMarkAssistStart", 9, 0, true},
    [TRACE_V1_GC_MARK_ASSIST_DONE] = {"GCMarkAssistDone", 9, 0, false},
    [TRACE_V1_USER_TASK_CREATE] = {"UserTaskCreate", 11, 3, true},
    [TRACE_V1_USER_TASK_END] = {"UserTaskEnd", 11, 1, true},
    [TRACE_V1_USER_REGION] = {"UserRegion", 11, 3, true},
    [TRACE_V1_USER_LOG] = {"UserLog", 11, 2, true},
    [TRACE_V1_CPU_SAMPLE] = {"CPUSample", 19, 3, true},
};

/* Times in front of the arguments: none, a time, or a number and a time. */
static unsigned n_times(unsigned version, unsigned type)
{
    if (type == TRACE_V1_FREQUENCY || type == TRACE_V1_TIMER_GOROUTINE)
        return 0;
    return version < TRACE_V1_SEQ_UNTIL ? 2 : 1;
}

/* Arguments between the times and the stack. */
static unsigned n_args(unsigned version, unsigned type)
{
    unsigned n = trace_v1_specs[type].n_args;
    switch (type) {
    case TRACE_V1_FREQUENCY:
    case TRACE_V1_TIMER_GOROUTINE:
        return version < 7 ? n + 1 : n; /* one that was not used */
    case TRACE_V1_GC_SWEEP_DONE:
        return version < 9 ? 0 : n;
    case TRACE_V1_GC_START:
    case TRACE_V1_GO_START:
    case TRACE_V1_GO_UNBLOCK:
        return version < 7 ? n - 1 : n; /* no sequence numbers of goroutines */
    case TRACE_V1_STW_START:
        return version < 10 ? 0 : n;
    default:
        return n;
    }
}

static inline const uint8_t *get(const uint8_t *p, const uint8_t *end, uint64_t *value)
{
    if (p < end && *p < 0x80) {
        *value = *p;
        return p + 1;
    }
    return gotrace_get(p, end, value);
}

/* It was looked over, so this only fails when it was changed meanwhile: it then ends there. */
static inline const uint8_t *take(const uint8_t *p, const uint8_t *end, uint64_t *value)
{
    const uint8_t *after = get(p, end, value);
    if (after)
        return after;
    *value = 0;
    return end;
}

/* ---- Looking it over ---- */

struct scan {
    struct trace_v1_file *file;
    struct trace *trace;
    const uint8_t *data, *end;
    unsigned version;
    uint64_t ticks, seq;  /* of the event at hand; Go 1.5 only */
    struct map proc_of;   /* processor -> index + 1 */
    VEC(uint64_t) stacks; /* where they are */
    bool no_memory;
};

static const uint8_t *broken(struct scan *s, const uint8_t *at, const char *what)
{
    err_set(&s->file->broken, ERR_INPUT, "%s at byte %" PRIu64, what, (uint64_t)(at - s->data));
    return NULL;
}

static const uint8_t *truncated(struct scan *s, const uint8_t *at)
{
    err_set(&s->file->broken, ERR_INPUT, "truncated at byte %" PRIu64 " of %zu",
            (uint64_t)(at - s->data), s->file->input.n);
    return NULL;
}

static const uint8_t *no_memory(struct scan *s)
{
    s->no_memory = true;
    return NULL;
}

/* A varint at p of the event at `at`. */
static const uint8_t *scan_varint(struct scan *s, const uint8_t *at, const uint8_t *p,
                                  uint64_t *value)
{
    const uint8_t *after = get(p, s->end, value);
    if (after)
        return after;
    return s->end - p < GOTRACE_VARINT_MAX ? truncated(s, at) : broken(s, at, "bad number");
}

static const uint8_t *scan_string(struct scan *s, const uint8_t *at, const uint8_t *p)
{
    uint64_t id, n;
    if (!(p = scan_varint(s, at, p, &id)) || !(p = scan_varint(s, at, p, &n)))
        return NULL;
    if (id == 0 || n == 0 || n > STRING_MAX)
        return broken(s, at, "bad string");
    if ((uint64_t)(s->end - p) < n)
        return truncated(s, at);
    if (trace_ids_get(&s->file->strings, id) != TRACE_NO_ID)
        return broken(s, at, "string that was there before");
    uint32_t number = trace_add_string(s->trace, (const char *)p, n);
    if (number == UINT32_MAX || !trace_ids_add(&s->file->strings, id, number))
        return no_memory(s);
    return p + n;
}

static const uint8_t *scan_batch(struct scan *s, const uint8_t *at, const uint8_t *p)
{
    struct trace_v1_file *f = s->file;
    uint64_t pid, seq = 0, ticks;
    if (*at >> 6 != 1)
        return broken(s, at, "bad batch");
    if (!(p = scan_varint(s, at, p, &pid)) ||
        (s->version < TRACE_V1_SEQ_UNTIL && !(p = scan_varint(s, at, p, &seq))) ||
        !(p = scan_varint(s, at, p, &ticks)))
        return NULL;
    if (pid != UINT64_MAX && pid > INT32_MAX)
        return broken(s, at, "bad number of a processor");
    uint32_t index = map_get(&s->proc_of, pid), batch = (uint32_t)f->batches.n;
    if (f->batches.n >= UINT32_MAX - 1 || (index == MAP_NONE && f->procs.n >= PROCS_MAX))
        return broken(s, at, "too many processors or batches");
    if (!vec_push(&f->batches, (struct trace_v1_batch){(uint64_t)(at - s->data), UINT32_MAX}))
        return no_memory(s);
    if (index == MAP_NONE) {
        index = (uint32_t)f->procs.n;
        if (!map_put(&s->proc_of, pid, index) ||
            !vec_push(&f->procs, (struct trace_v1_proc){(int32_t)pid, batch, batch}))
            return no_memory(s);
    } else {
        f->batches.items[f->procs.items[index].last_batch].next = batch;
        f->procs.items[index].last_batch = batch;
    }
    s->ticks = ticks;
    s->seq = seq;
    return p;
}

static const uint8_t *scan_stack(struct scan *s, const uint8_t *at, const uint8_t *p,
                                 const uint8_t *end)
{
    uint64_t id, n, value;
    const uint8_t *q = p;
    if (!(q = get(q, end, &id)) || !(q = get(q, end, &n)) || n > FRAMES_MAX)
        return broken(s, at, "bad stack");
    for (uint64_t i = 0, n_numbers = s->version < 7 ? n : 4 * n; i < n_numbers; i++)
        if (!(q = get(q, end, &value)))
            return broken(s, at, "bad stack");
    if (q != end)
        return broken(s, at, "bad stack");
    if ((uint32_t)id && n && !vec_push(&s->stacks, (uint64_t)(p - s->data)))
        return no_memory(s);
    return end;
}

/* What the events of the structure say, and those that have a place of their own. */
static bool scan_values(struct scan *s, const uint8_t *at, unsigned type, const uint64_t *values)
{
    struct trace_v1_file *f = s->file;
    if (f->shapes[type].n_times == 2) {
        s->seq += values[0];
        s->ticks += values[1];
    }
    switch (type) {
    case TRACE_V1_FREQUENCY:
        if ((int64_t)values[0] <= 0)
            return broken(s, at, "bad frequency");
        f->frequency = (int64_t)values[0];
        return true;
    case TRACE_V1_TIMER_GOROUTINE:
        return map_put(&f->timers, values[0], 1) || no_memory(s);
    case TRACE_V1_CPU_SAMPLE:
        return vec_push(&f->samples, (struct trace_v1_sample){.ticks = (int64_t)values[1],
                                                              .p = (int32_t)values[2],
                                                              .g = values[3],
                                                              .stack = (uint32_t)values[4]}) ||
               no_memory(s);
    case TRACE_V1_GO_SYS_EXIT:
        /* It is written when the goroutine has got a processor again. */
        if (s->version < TRACE_V1_SEQ_UNTIL)
            return vec_push(&f->exits,
                            (struct trace_v1_exit){
                                .g = values[2],
                                .seq = values[3],
                                .ticks = (int64_t)(values[4] ? values[4] : s->ticks)}) ||
                   no_memory(s);
        return true;
    default:
        return true;
    }
}

/* The event at `at`: the byte after it; NULL: broken, or no memory. */
static const uint8_t *scan_event(struct scan *s, const uint8_t *at)
{
    const uint8_t *p = at + 1, *end = s->end;
    unsigned type = *at & 63, count = *at >> 6, n;
    uint64_t values[8];
    if (type == TRACE_V1_NONE || type >= TRACE_V1_N_TYPES ||
        trace_v1_specs[type].since > s->version)
        return broken(s, at, "unknown type of event");
    if (type == TRACE_V1_STRING)
        return scan_string(s, at, p);
    if (type == TRACE_V1_BATCH)
        return scan_batch(s, at, p);
    if (s->file->batches.n == 0)
        return broken(s, at, "event outside of a batch");
    if (type == TRACE_V1_STACK && count < 3) {
        for (n = 0; n < count + (s->version < 7 ? 2 : 1); n++)
            if (!(p = scan_varint(s, at, p, &values[0])))
                return NULL;
        return scan_stack(s, at, at + 1, p);
    }
    if (count == 3) { /* their length in bytes comes first */
        uint64_t bytes;
        if (!(p = scan_varint(s, at, p, &bytes)))
            return NULL;
        if (bytes > (uint64_t)(end - p))
            return truncated(s, at);
        end = p + bytes;
        if (type == TRACE_V1_STACK)
            return scan_stack(s, at, p, end);
    }
    const struct trace_v1_shape *shape = &s->file->shapes[type];
    n = (unsigned)shape->n_times + shape->n_args + shape->has_stack;
    if (count < 3 && n != count + (s->version < 7 ? 2 : 1))
        return broken(s, at, "wrong number of arguments");
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *after = get(p, end, &values[i]);
        if (!after)
            return count == 3 ? broken(s, at, "wrong number of arguments")
                              : scan_varint(s, at, p, &values[i]);
        p = after;
    }
    if (count == 3 && p != end)
        return broken(s, at, "wrong number of arguments");
    if (type == TRACE_V1_USER_LOG) {
        uint64_t bytes;
        if (!(p = scan_varint(s, at, p, &bytes)))
            return NULL;
        if (bytes > STRING_MAX)
            return broken(s, at, "bad string");
        if (bytes > (uint64_t)(s->end - p))
            return truncated(s, at);
        p += bytes;
    }
    return scan_values(s, at, type, values) ? p : NULL;
}

uint32_t trace_v1_frame(struct trace_v1_file *file, struct trace *trace, uint64_t pc)
{
    const struct trace_names *names = file->input.names;
    const char *func, *path;
    struct trace_frame frame = {.pc = pc};
    uint32_t number = map_get(&file->frames, pc);
    if (number != MAP_NONE)
        return number;
    /* A return address: the call is in front of it. */
    if (names && names->look_up(names->arg, pc - 1, &func, &path, &frame.line)) {
        frame.func = trace_add_string(trace, func, strlen(func));
        frame.file = trace_add_string(trace, path, strlen(path));
        if (frame.func == UINT32_MAX || frame.file == UINT32_MAX)
            return UINT32_MAX;
    }
    number = trace_add_frame(trace, &frame);
    return number != UINT32_MAX && map_put(&file->frames, pc, number) ? number : UINT32_MAX;
}

/* The number of a string; what there is no string of is "". */
static uint32_t string_of(const struct trace_v1_file *file, uint64_t id)
{
    uint32_t string = trace_ids_get(&file->strings, id);
    return string == TRACE_NO_ID ? 0 : string;
}

/* The next frame of a stack at *p.  As in Go's tools what the first frame with a pc says holds
 * for all with this pc.  UINT32_MAX: no memory. */
static uint32_t add_frame(struct scan *s, const uint8_t **p)
{
    uint64_t pc = 0, func = 0, file = 0, line = 0;
    *p = take(*p, s->end, &pc);
    if (s->version < 7)
        return trace_v1_frame(s->file, s->trace, pc);
    *p = take(take(take(*p, s->end, &func), s->end, &file), s->end, &line);
    uint32_t number = map_get(&s->file->frames, pc);
    if (number != MAP_NONE)
        return number;
    struct trace_frame frame = {
        .pc = pc, .func = string_of(s->file, func), .file = string_of(s->file, file), .line = line};
    number = trace_add_frame(s->trace, &frame);
    return number != UINT32_MAX && map_put(&s->file->frames, pc, number) ? number : UINT32_MAX;
}

/* The stacks of struct trace, when all strings are known.  The last one with an id holds for all
 * events with this id. */
static bool add_stacks(struct scan *s)
{
    for (size_t i = 0; i < s->stacks.n; i++) {
        const uint8_t *p = s->data + s->stacks.items[i];
        uint64_t id = 0, n = 0;
        uint32_t frames[FRAMES_MAX];
        p = take(take(p, s->end, &id), s->end, &n);
        n = n < FRAMES_MAX ? n : FRAMES_MAX;
        for (uint64_t k = 0; k < n; k++)
            if ((frames[k] = add_frame(s, &p)) == UINT32_MAX)
                return false;
        uint32_t stack = trace_add_stack(s->trace, frames, (uint32_t)n);
        if (stack == UINT32_MAX || !trace_ids_add(&s->file->stacks, (uint32_t)id, stack))
            return false;
    }
    return true;
}

static int by_ticks(const void *a, const void *b)
{
    const struct trace_v1_sample *x = a, *y = b;
    return (x->ticks > y->ticks) - (x->ticks < y->ticks);
}

static int by_seq(const void *a, const void *b)
{
    const struct trace_v1_exit *x = a, *y = b;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

/* The pages of [from, to) are in the page cache anyway. */
static void forget(const struct trace_input *input, const uint8_t *from, const uint8_t *to)
{
    uintptr_t begin = ((uintptr_t)from + 4095) & ~(uintptr_t)4095;
    uintptr_t end = (uintptr_t)to & ~(uintptr_t)4095;
    if (input->is_mapped && begin < end)
        (void)madvise((void *)begin, end - begin, MADV_DONTNEED);
}

bool trace_v1_scan(struct trace_v1_file *file, const struct trace_input *input, struct trace *trace,
                   struct err *err)
{
    const size_t step = (size_t)4 << 20;
    struct scan s = {.file = file,
                     .trace = trace,
                     .data = input->data,
                     .end = input->data + input->n,
                     .version = input->version};
    file->input = *input;
    for (unsigned type = 1; type < TRACE_V1_N_TYPES; type++)
        file->shapes[type] = (struct trace_v1_shape){(uint8_t)n_times(s.version, type),
                                                     (uint8_t)n_args(s.version, type),
                                                     trace_v1_specs[type].has_stack};
    const uint8_t *p = s.data + (input->n < GOTRACE_HEADER_BYTES ? input->n : GOTRACE_HEADER_BYTES);
    const uint8_t *kept = p;
    while (p < s.end) {
        const uint8_t *after = scan_event(&s, p);
        if (!after)
            break;
        p = after;
        file->n_events++;
        if ((size_t)(p - kept) > step) {
            forget(input, kept, p);
            kept = p;
        }
    }
    file->end = (uint64_t)(p - s.data);
    if (p == s.end && !file->frequency) /* it comes after all events */
        truncated(&s, p);
    file->is_partial = !file->frequency;
    bool is_ok = !s.no_memory && add_stacks(&s);
    if (is_ok) {
        if (file->samples.n)
            qsort(file->samples.items, file->samples.n, sizeof *file->samples.items, by_ticks);
        if (file->exits.n)
            qsort(file->exits.items, file->exits.n, sizeof *file->exits.items, by_seq);
    }
    map_release(&s.proc_of);
    vec_release(&s.stacks);
    return is_ok || err_nomem(err);
}

void trace_v1_file_release(struct trace_v1_file *file)
{
    vec_release(&file->batches);
    vec_release(&file->procs);
    vec_release(&file->samples);
    vec_release(&file->exits);
    trace_ids_release(&file->strings);
    trace_ids_release(&file->stacks);
    map_release(&file->frames);
    map_release(&file->timers);
    *file = (struct trace_v1_file){0};
}

/* ---- Its events ---- */

static inline const uint8_t *skip(const uint8_t *p, const uint8_t *end, uint64_t n)
{
    return n < (uint64_t)(end - p) ? p + n : end;
}

struct trace_v1_cursor trace_v1_cursor(const struct trace_v1_file *file, uint32_t proc)
{
    return (struct trace_v1_cursor){.batch = file->procs.items[proc].first_batch,
                                    .proc = file->procs.items[proc].p};
}

static bool next_batch(const struct trace_v1_file *file, struct trace_v1_cursor *c)
{
    if (c->begin)
        forget(&file->input, c->begin, c->end);
    if (c->batch == UINT32_MAX)
        return false;
    const struct trace_v1_batch *batch = &file->batches.items[c->batch];
    bool is_last = c->batch + 1 == file->batches.n;
    uint64_t pid;
    c->begin = file->input.data + batch->offset;
    c->end = file->input.data + (is_last ? file->end : batch[1].offset);
    c->batch = batch->next;
    c->p = take(c->begin + 1, c->end, &pid);
    if (file->input.version < TRACE_V1_SEQ_UNTIL)
        c->p = take(c->p, c->end, &c->seq);
    c->p = take(c->p, c->end, &c->ticks);
    return true;
}

/* The goroutine that an event is of, and that its processor then runs. */
static void set_goroutine(struct trace_v1_cursor *c, struct trace_v1_event *e)
{
    e->g = c->g;
    switch (e->type) {
    case TRACE_V1_GO_START:
    case TRACE_V1_GO_START_LOCAL:
    case TRACE_V1_GO_START_LABEL:
        e->g = c->g = e->args[0];
        break;
    case TRACE_V1_GO_END:
    case TRACE_V1_GO_STOP:
    case TRACE_V1_GO_SCHED:
    case TRACE_V1_GO_PREEMPT:
    case TRACE_V1_GO_SLEEP:
    case TRACE_V1_GO_BLOCK:
    case TRACE_V1_GO_BLOCK_SEND:
    case TRACE_V1_GO_BLOCK_RECV:
    case TRACE_V1_GO_BLOCK_SELECT:
    case TRACE_V1_GO_BLOCK_SYNC:
    case TRACE_V1_GO_BLOCK_COND:
    case TRACE_V1_GO_BLOCK_NET:
    case TRACE_V1_GO_SYS_BLOCK:
    case TRACE_V1_GO_BLOCK_GC:
        c->g = 0;
        break;
    case TRACE_V1_GO_SYS_EXIT:
    case TRACE_V1_GO_WAITING:
    case TRACE_V1_GO_IN_SYSCALL:
        e->g = e->args[0];
        break;
    default:
        break;
    }
}

bool trace_v1_next(const struct trace_v1_file *file, struct trace_v1_cursor *c,
                   struct trace_v1_event *e)
{
    const unsigned version = file->input.version;
    for (;;) {
        while (c->p >= c->end)
            if (!next_batch(file, c))
                return false;
        const uint8_t *begin = c->p, *p = begin + 1, *end = c->end;
        unsigned type = *begin & 63, count = *begin >> 6;
        uint64_t value, length = 0;
        if (type == TRACE_V1_STRING) {
            p = take(take(p, end, &value), end, &value);
            c->p = skip(p, end, value);
            continue;
        }
        if (count == 3) {
            p = take(p, end, &length);
            c->p = skip(p, end, length);
            if (type == TRACE_V1_STACK || type == TRACE_V1_CPU_SAMPLE)
                continue;
        }
        if (type == TRACE_V1_STACK) {
            for (unsigned i = 0; i < count + (version < 7 ? 2 : 1); i++)
                p = take(p, end, &value);
            c->p = p;
            continue;
        }
        const struct trace_v1_shape *shape = &file->shapes[type];
        e->type = (uint8_t)type;
        e->p = c->proc;
        e->offset = (uint64_t)(begin - file->input.data);
        if (shape->n_times == 2) {
            p = take(p, end, &value);
            c->seq += value;
        }
        if (shape->n_times) {
            p = take(p, end, &value);
            c->ticks += value;
        }
        e->seq = c->seq;
        e->ticks = (int64_t)c->ticks;
        memset(e->args, 0, sizeof e->args);
        for (unsigned i = 0; i < shape->n_args; i++)
            p = take(p, end, &e->args[i]);
        e->stack = 0;
        if (shape->has_stack) {
            p = take(p, end, &value);
            e->stack = (uint32_t)value;
        }
        if (type == TRACE_V1_USER_LOG) {
            p = take(p, end, &value);
            e->text = p;
            e->n_text = (size_t)(skip(p, end, value) - p);
            p = skip(p, end, value);
        }
        c->p = p;
        if (!shape->n_times)
            continue;
        set_goroutine(c, e);
        return true;
    }
}
