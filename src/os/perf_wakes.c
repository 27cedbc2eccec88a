#include "os/perf_wakes.h"

#include "os/bpf.h"
#include "os/perf_ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STACK_BYTES 8192
#define PROCESSES_MAX 1024
/* Each sample of a processor moves the time up to which it has had its share by a random step of
 * 0.2 ms on average; it may be so far ahead of the clock. */
#define STEP_MIN_NS 70000
#define STEP_MASK_NS 0x3ffff
#define AHEAD_NS 12800000

struct perf_wakes {
    int processes, shares, outputs; /* maps */
    int program, hook;
    struct perf *events;
};

/* The stack; what is handed over (struct note) is at its end. */
enum { AT_NAME = -16, AT_IDS = -24, AT_KEY = -32 };

struct note {
    uint32_t tid, pid;
    char name[16];
};

/* --- the program --- */

static void read_member(struct bpf_code *c, int into, uint64_t offset)
{
    bpf_move(c, BPF_REG_3, BPF_REG_7);
    bpf_read(c, into, 4, (int32_t)offset, BPF_FUNC_probe_read_kernel);
}

static void look_up(struct bpf_code *c, int map, int key)
{
    bpf_look_up(c, map, key);
    bpf_out(c, BPF_JEQ, BPF_REG_0, 0);
}

/* Ends unless the processor has a share left. */
static void take_share(struct bpf_code *c, int shares)
{
    look_up(c, shares, AT_KEY);
    bpf_move(c, BPF_REG_8, BPF_REG_0);
    bpf_call(c, BPF_FUNC_ktime_get_ns);
    bpf_move(c, BPF_REG_7, BPF_REG_0);
    bpf_call(c, BPF_FUNC_get_prandom_u32);
    bpf_emit(c, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_0, 0, 0, STEP_MASK_NS);
    bpf_add(c, BPF_REG_0, STEP_MIN_NS);
    bpf_load_from(c, BPF_REG_1, BPF_REG_8, 0);
    bpf_emit(c, BPF_JMP | BPF_JGE | BPF_X, BPF_REG_1, BPF_REG_7, 1, 0);
    bpf_move(c, BPF_REG_1, BPF_REG_7);
    bpf_emit(c, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_1, BPF_REG_0, 0, 0);
    bpf_move(c, BPF_REG_2, BPF_REG_1);
    bpf_emit(c, BPF_ALU64 | BPF_SUB | BPF_X, BPF_REG_2, BPF_REG_7, 0, 0);
    bpf_out(c, BPF_JGT, BPF_REG_2, AHEAD_NS);
    bpf_emit(c, BPF_STX | BPF_DW | BPF_MEM, BPF_REG_8, BPF_REG_1, 0, 0);
}

/* The tracepoint's first argument is the thread that is woken; the waker is the current one. */
static void make_program(struct bpf_code *c, const struct perf_wakes *w, uint64_t at_pid,
                         uint64_t at_tgid)
{
    bpf_move(c, BPF_REG_6, BPF_REG_1);
    bpf_load_from(c, BPF_REG_7, BPF_REG_6, 0);
    bpf_set(c, BPF_REG_0, 0);
    for (int at = -8; at >= AT_KEY; at -= 8)
        bpf_store(c, at, BPF_REG_0);
    read_member(c, AT_IDS, at_pid);
    read_member(c, AT_IDS + 4, at_tgid);
    look_up(c, w->processes, AT_IDS + 4);
    take_share(c, w->shares);
    bpf_set_stack(c, BPF_REG_1, AT_NAME);
    bpf_set(c, BPF_REG_2, 16);
    bpf_call(c, BPF_FUNC_get_current_comm);
    bpf_move(c, BPF_REG_1, BPF_REG_6);
    bpf_set_wide(c, BPF_REG_2, BPF_PSEUDO_MAP_FD, (uint32_t)w->outputs);
    bpf_set_wide(c, BPF_REG_3, 0, BPF_F_CURRENT_CPU);
    bpf_set_stack(c, BPF_REG_4, AT_IDS);
    bpf_set(c, BPF_REG_5, sizeof(struct note));
    bpf_call(c, BPF_FUNC_perf_event_output);
    bpf_here(c);
    bpf_end(c, 0);
}

static bool load(struct perf_wakes *w, struct err *err)
{
    struct bpf_member members[] = {{"task_struct", "pid", 0}, {"task_struct", "tgid", 0}};
    struct bpf_code code = {0};
    if (!bpf_sees_all_threads(err))
        return false;
    w->processes = bpf_make_map(BPF_MAP_TYPE_HASH, 4, 4, PROCESSES_MAX);
    w->shares = bpf_make_map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 1);
    w->outputs = bpf_make_map(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, (uint32_t)w->events->n_cpus);
    if (w->processes < 0 || w->shares < 0 || w->outputs < 0)
        return bpf_denied(err, errno);
    if (!bpf_members(members, 2, err))
        return false;
    make_program(&code, w, members[0].offset, members[1].offset);
    w->program = bpf_load_program(&code, BPF_PROG_TYPE_RAW_TRACEPOINT);
    return w->program >= 0 || bpf_denied(err, errno);
}

/* --- the events --- */

static int open_rings(struct perf *perf, void *arg)
{
    const struct perf_options options = {.period_ns = 1, .children = true};
    perf->data_bytes /= 2;
    size_t n_stack = perf->data_bytes / 64 & ~(size_t)7;
    struct perf_event_attr attr =
        perf_make_attr(&options, arg, n_stack < STACK_BYTES ? n_stack : STACK_BYTES);
    attr.config = PERF_COUNT_SW_BPF_OUTPUT;
    attr.sample_type |= PERF_SAMPLE_RAW;
    attr.inherit = attr.inherit_thread = 0;
    attr.wakeup_watermark = (uint32_t)(perf->data_bytes / 2);
    for (int cpu = 0; cpu < perf->n_cpus; cpu++) {
        int fd = perf_open_event(&attr, -1, cpu), e = errno;
        if (fd < 0 && e == ENODEV) /* the processor is switched off */
            continue;
        if (fd >= 0)
            e = perf_add_ring(perf, fd, cpu);
        if (e) {
            perf_close_rings(perf);
            return e;
        }
    }
    return perf->n_rings ? 0 : ENODEV;
}

static bool open_events(struct perf_wakes *w, struct err *err)
{
    const struct perf_options options = {.period_ns = 1000000, .children = true};
    struct perf_features features;
    int e = 0;
    if (!(w->events = perf_new_empty(err)))
        return false;
    w->events->has_payload = true;
    if (!perf_probe(&options, &features, &e))
        return perf_denied(err, e);
    if (features.kernel)
        e = perf_fit_rings(w->events, open_rings, &features);
    if (!features.kernel || e == EACCES)
        return err_set(err, ERR_PERM, "not permitted; be root, or have CAP_BPF and CAP_PERFMON");
    return e == 0 || perf_no_rings(err, e);
}

static bool start(struct perf_wakes *w, pid_t pid, struct err *err)
{
    if (!open_events(w, err) || !load(w, err))
        return false;
    for (size_t i = 0; i < w->events->n_rings; i++)
        if (!bpf_map_put(w->outputs, (uint32_t)w->events->rings[i].cpu,
                         (uint32_t)w->events->rings[i].fd))
            return bpf_denied(err, errno);
    perf_wakes_add(w, pid);
    w->hook = bpf_hook("sched_waking", w->program);
    return w->hook >= 0 || bpf_denied(err, errno);
}

struct perf_wakes *perf_wakes_new(pid_t pid, struct err *err)
{
    struct perf_wakes *w = calloc(1, sizeof *w);
    if (!w) {
        err_nomem(err);
        return NULL;
    }
    w->processes = w->shares = w->outputs = w->program = w->hook = -1;
    if (start(w, pid, err))
        return w;
    perf_wakes_free(w);
    return NULL;
}

void perf_wakes_free(struct perf_wakes *w)
{
    if (!w)
        return;
    const int all[] = {w->hook, w->program, w->outputs, w->shares, w->processes};
    bpf_close(all, sizeof all / sizeof *all);
    perf_free(w->events);
    free(w);
}

void perf_wakes_add(struct perf_wakes *w, pid_t pid)
{
    (void)bpf_map_put(w->processes, (uint32_t)pid, 1);
}

struct perf *perf_wakes_events(struct perf_wakes *w)
{
    return w->events;
}

bool perf_wakes_of(const struct perf_record *record, struct perf_wake *wake)
{
    struct note note;
    if (record->kind != PERF_SAMPLE || record->n_payload < sizeof note)
        return false;
    memcpy(&note, record->payload, sizeof note);
    *wake = (struct perf_wake){.pid = (pid_t)note.pid, .tid = (pid_t)note.tid};
    memcpy(wake->waker_name, note.name, sizeof wake->waker_name - 1);
    return true;
}
