#include "os/bpf_gaps.h"

#include "base/vec.h"
#include "os/bpf.h"
#include "os/tasks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define RING_BYTES (1u << 20)
#define THREADS_MAX 16384
#define TASK_DEAD 0x80 /* a state of the kernel's tasks: it has ended */

struct bpf_gaps {
    uint64_t least_ns;
    int ring, left; /* maps; left: of the kernel's task to struct left */
    int program, hook;
    struct bpf_ring mapped;
};

/* What is kept of a thread that is off its processor. */
struct left {
    uint64_t from_ns;
    uint32_t thread, is_ready;
};

/* What is handed over. */
struct record {
    uint64_t to_ns;
    struct left left;
};

/* --- the program --- */

/* The stack: a record, a key, and the numbers of a thread and its process. */
enum {
    AT_READY = -4,
    AT_THREAD = -8,
    AT_FROM = -16,
    AT_TO = -24,
    AT_KEY = -32,
    AT_PROCESS = -36,
    AT_INNER = -40,
    AT_STATE = -48
};

/* The arguments of sched_switch: is it preempted, who leaves, who comes. */
enum { ARG_PREEMPTED, ARG_PREVIOUS, ARG_NEXT };

static void load_argument(struct bpf_code *c, uint8_t dst, int i)
{
    bpf_load_from(c, dst, BPF_REG_6, (int16_t)(8 * i));
}

static void load_word(struct bpf_code *c, uint8_t dst, int at)
{
    bpf_emit(c, BPF_LDX | BPF_W | BPF_MEM, dst, BPF_REG_10, (int16_t)at, 0);
}

static void store_word(struct bpf_code *c, int at, uint8_t src)
{
    bpf_emit(c, BPF_STX | BPF_W | BPF_MEM, BPF_REG_10, src, (int16_t)at, 0);
}

/* The thread that leaves, which is still the current one: if it is of the process, remember it. */
static void leave(struct bpf_code *c, const struct bpf_gaps *g, pid_t inner, const struct stat *ns,
                  uint64_t at_state)
{
    bpf_get_ids_in(c, ns, AT_INNER);
    load_word(c, BPF_REG_1, AT_PROCESS);
    bpf_out(c, BPF_JNE, BPF_REG_1, inner);
    load_word(c, BPF_REG_1, AT_INNER);
    store_word(c, AT_THREAD, BPF_REG_1);
    load_argument(c, BPF_REG_1, ARG_PREEMPTED);
    bpf_emit(c, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_1, 0, 0, 1);
    store_word(c, AT_READY, BPF_REG_1);
    if (at_state) { /* one that runs on at its next turn, as after sched_yield */
        load_argument(c, BPF_REG_3, ARG_PREVIOUS);
        bpf_read(c, AT_STATE, 4, (int32_t)at_state, BPF_FUNC_probe_read_kernel);
        load_word(c, BPF_REG_1, AT_STATE);
        bpf_out(c, BPF_JSET, BPF_REG_1, TASK_DEAD);
        bpf_emit(c, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_1, 0, 2, 0);
        bpf_set(c, BPF_REG_1, 1);
        store_word(c, AT_READY, BPF_REG_1);
    }
    bpf_call(c, BPF_FUNC_ktime_get_ns);
    bpf_store(c, AT_FROM, BPF_REG_0);
    load_argument(c, BPF_REG_1, ARG_PREVIOUS);
    bpf_store(c, AT_KEY, BPF_REG_1);
    bpf_update(c, g->left, AT_KEY, AT_FROM);
    bpf_here(c);
}

/* The thread that comes, if it was remembered. */
static void come(struct bpf_code *c, const struct bpf_gaps *g)
{
    load_argument(c, BPF_REG_1, ARG_NEXT);
    bpf_store(c, AT_KEY, BPF_REG_1);
    bpf_look_up(c, g->left, AT_KEY);
    bpf_out(c, BPF_JEQ, BPF_REG_0, 0);
    bpf_load_from(c, BPF_REG_7, BPF_REG_0, 0);
    bpf_load_from(c, BPF_REG_1, BPF_REG_0, 8);
    bpf_store(c, AT_FROM, BPF_REG_7);
    bpf_store(c, AT_THREAD, BPF_REG_1);
    bpf_delete(c, g->left, AT_KEY);
    bpf_call(c, BPF_FUNC_ktime_get_ns);
    bpf_store(c, AT_TO, BPF_REG_0);
    bpf_emit(c, BPF_ALU64 | BPF_SUB | BPF_X, BPF_REG_0, BPF_REG_7, 0, 0);
    bpf_out(c, BPF_JLT, BPF_REG_0, (int32_t)g->least_ns);
    bpf_output(c, g->ring, AT_TO, sizeof(struct record));
    bpf_here(c);
}

static void make_program(struct bpf_code *c, const struct bpf_gaps *g, pid_t inner,
                         const struct stat *ns, uint64_t at_state)
{
    bpf_move(c, BPF_REG_6, BPF_REG_1);
    bpf_set(c, BPF_REG_0, 0);
    for (int at = -8; at >= AT_STATE; at -= 8)
        bpf_store(c, at, BPF_REG_0);
    leave(c, g, inner, ns, at_state);
    come(c, g);
    bpf_end(c, 0);
}

/* --- --- */

/* The process's number in its own pid namespace. */
static bool inner_number(const struct proc *proc, pid_t *inner, struct err *err)
{
    struct task_list tasks = {0};
    bool ok = tasks_read(proc, &tasks, err);
    *inner = proc->pid;
    for (size_t i = 0; i < tasks.n; i++)
        if (tasks.items[i].tid == proc->pid && tasks.items[i].inner)
            *inner = tasks.items[i].inner;
    vec_release(&tasks);
    return ok;
}

static bool start(struct bpf_gaps *g, const struct proc *proc, struct err *err)
{
    struct bpf_member state = {"task_struct", "__state", 0};
    struct stat ns;
    pid_t inner;
    if (!inner_number(proc, &inner, err))
        return false;
    if (fstatat(proc->dir_fd, "ns/pid", &ns, 0) != 0)
        return proc_not_permitted(proc->pid, "its pid namespace", err);
    g->ring = bpf_make_map(BPF_MAP_TYPE_RINGBUF, 0, 0, RING_BYTES);
    if (g->ring < 0 || !bpf_ring_map(&g->mapped, g->ring, RING_BYTES))
        return bpf_denied(err, errno);
    g->left = bpf_make_map(BPF_MAP_TYPE_HASH, 8, sizeof(struct left), THREADS_MAX);
    if (g->left < 0)
        return bpf_denied(err, errno);
    struct bpf_code *code = calloc(1, sizeof *code);
    if (!code)
        return err_nomem(err);
    make_program(code, g, inner, &ns, bpf_members(&state, 1, NULL) ? state.offset : 0);
    g->program = bpf_load_program(code, BPF_PROG_TYPE_RAW_TRACEPOINT);
    free(code);
    if (g->program < 0)
        return bpf_denied(err, errno);
    g->hook = bpf_hook("sched_switch", g->program);
    return g->hook >= 0 || bpf_denied(err, errno);
}

struct bpf_gaps *bpf_gaps_new(const struct proc *proc, uint64_t least_ns, struct err *err)
{
    struct bpf_gaps *g = calloc(1, sizeof *g);
    if (!g) {
        err_nomem(err);
        return NULL;
    }
    g->least_ns = least_ns < INT32_MAX ? least_ns : INT32_MAX;
    g->ring = g->left = g->program = g->hook = -1;
    if (start(g, proc, err))
        return g;
    bpf_gaps_free(g);
    return NULL;
}

void bpf_gaps_free(struct bpf_gaps *g)
{
    if (!g)
        return;
    const int all[] = {g->hook, g->program, g->left, g->ring};
    bpf_ring_unmap(&g->mapped);
    bpf_close(all, sizeof all / sizeof *all);
    free(g);
}

struct taking {
    bpf_gaps_take_fn *take;
    void *arg;
};

static void take_record(void *arg, const uint8_t *bytes, size_t n)
{
    const struct taking *taking = arg;
    struct record record;
    if (n != sizeof record)
        return;
    memcpy(&record, bytes, sizeof record);
    const struct bpf_gap gap = {.from_ns = record.left.from_ns,
                                .to_ns = record.to_ns,
                                .thread = record.left.thread,
                                .is_ready = record.left.is_ready};
    taking->take(taking->arg, &gap);
}

void bpf_gaps_drain(struct bpf_gaps *g, bpf_gaps_take_fn *take, void *arg)
{
    bpf_ring_drain(&g->mapped, take_record, &(struct taking){take, arg});
}

void bpf_gaps_look(struct bpf_gaps *g, bpf_gaps_take_fn *take, void *arg)
{
    struct timespec t;
    uint64_t key = 0, next;
    clock_gettime(CLOCK_MONOTONIC, &t);
    uint64_t now = (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
    /* As they come and go meanwhile, the list may begin anew. */
    for (int i = 0; i < THREADS_MAX; i++) {
        union bpf_attr attr;
        struct left left;
        memset(&attr, 0, sizeof attr);
        attr.map_fd = (uint32_t)g->left;
        attr.key = (uint64_t)(uintptr_t)&key;
        attr.next_key = (uint64_t)(uintptr_t)&next;
        if (bpf_syscall(BPF_MAP_GET_NEXT_KEY, &attr) != 0)
            return;
        key = next;
        if (!bpf_map_get(g->left, &key, &left) || left.from_ns + g->least_ns > now)
            continue;
        take(arg, &(struct bpf_gap){
                      .from_ns = left.from_ns, .thread = left.thread, .is_ready = left.is_ready});
    }
}
