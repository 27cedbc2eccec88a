#include "os/bpf_wakes.h"

#include "os/bpf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RING_BYTES (4u << 20)
#define PROCESSES_MAX 4096 /* the ones that were woken last */
/* Each one moves the time up to which the processor has had its share; it may be so far ahead of
 * the clock. */
#define STEP_NS 5000
#define AHEAD_NS 20000000
#ifdef __x86_64__
#define KNOWS_WAKER true
#else
#define KNOWS_WAKER false
#endif
#define PT_REGS_CALL 120 /* orig_ax: the system call a thread is in; < 0: in none */
#define KERNEL_STACK_BYTES 16384u

struct bpf_wakes {
    int processes, shares, lost, ring; /* maps */
    int program, hook;
    struct bpf_ring mapped;
};

/* A record. */
struct note {
    uint64_t time_ns;
    uint32_t tid, pid, by, by_pid;
    int64_t call;              /* of the current thread */
    uint64_t at, kernel_stack; /* where we are, and its stack */
};

/* The stack; the note is at its end. */
enum {
    AT_STACK = -8,
    AT_HERE = -16,
    AT_CALL = -24,
    AT_BY = -32,
    AT_IDS = -40,
    AT_TIME = -48,
    AT_KEY = -56,
    AT_POINTER = -64,
    AT_PARENT = -72
};

/* Where things lie in the kernel. */
struct places {
    uint64_t pid, tgid, parent, stack;
};

/* --- the program --- */

static void read_member(struct bpf_code *c, int into, int32_t n_bytes, uint64_t offset)
{
    bpf_move(c, BPF_REG_3, BPF_REG_7);
    bpf_read(c, into, n_bytes, (int32_t)offset, BPF_FUNC_probe_read_kernel);
}

/* Goes on if the process is one of ours, or the child of one. */
static void choose_process(struct bpf_code *c, const struct bpf_wakes *w, bool children,
                           const struct places *at)
{
    bpf_look_up(c, w->processes, AT_IDS + 4);
    int is_ours = bpf_jump(c, BPF_JNE, BPF_REG_0, 0);
    if (children) {
        read_member(c, AT_POINTER, 8, at->parent);
        bpf_load(c, BPF_REG_7, AT_POINTER);
        read_member(c, AT_PARENT, 4, at->tgid);
        bpf_look_up(c, w->processes, AT_PARENT);
        bpf_out(c, BPF_JEQ, BPF_REG_0, 0);
        bpf_update(c, w->processes, AT_IDS + 4, AT_KEY);
    } else {
        bpf_out(c, BPF_JEQ, BPF_REG_0, 0);
    }
    bpf_land(c, is_ours);
}

/* The jump is for when the processor has had its share. */
static int take_share(struct bpf_code *c, int shares)
{
    bpf_look_up(c, shares, AT_KEY);
    bpf_out(c, BPF_JEQ, BPF_REG_0, 0);
    bpf_move(c, BPF_REG_8, BPF_REG_0);
    bpf_call(c, BPF_FUNC_ktime_get_ns);
    bpf_store(c, AT_TIME, BPF_REG_0);
    bpf_load_from(c, BPF_REG_1, BPF_REG_8, 0);
    bpf_emit(c, BPF_JMP | BPF_JGE | BPF_X, BPF_REG_1, BPF_REG_0, 1, 0);
    bpf_move(c, BPF_REG_1, BPF_REG_0);
    bpf_add(c, BPF_REG_1, STEP_NS);
    bpf_move(c, BPF_REG_2, BPF_REG_1);
    bpf_emit(c, BPF_ALU64 | BPF_SUB | BPF_X, BPF_REG_2, BPF_REG_0, 0, 0);
    int is_over = bpf_jump(c, BPF_JGT, BPF_REG_2, AHEAD_NS);
    bpf_emit(c, BPF_STX | BPF_DW | BPF_MEM, BPF_REG_8, BPF_REG_1, 0, 0);
    return is_over;
}

/* Who wakes is the current thread, unless an interrupt does it meanwhile: that has a stack of its
 * own, but for one that came while the thread was not in the kernel. */
static void note_waker(struct bpf_code *c, const struct places *at)
{
    bpf_call(c, BPF_FUNC_get_current_pid_tgid);
    bpf_store(c, AT_BY, BPF_REG_0);
    bpf_store(c, AT_HERE, BPF_REG_6);
    bpf_call(c, BPF_FUNC_get_current_task_btf);
    bpf_move(c, BPF_REG_7, BPF_REG_0);
    bpf_move(c, BPF_REG_1, BPF_REG_0);
    bpf_call(c, BPF_FUNC_task_pt_regs);
    bpf_load_from(c, BPF_REG_1, BPF_REG_0, PT_REGS_CALL);
    bpf_store(c, AT_CALL, BPF_REG_1);
    read_member(c, AT_STACK, 8, at->stack);
}

/* The tracepoint's first argument is the thread that is woken. */
static void make_program(struct bpf_code *c, const struct bpf_wakes *w, bool children,
                         bool knows_waker, const struct places *at)
{
    bpf_move(c, BPF_REG_6, BPF_REG_1);
    bpf_load_from(c, BPF_REG_7, BPF_REG_1, 0);
    bpf_set(c, BPF_REG_0, 0);
    for (int i = -8; i >= AT_PARENT; i -= 8)
        bpf_store(c, i, BPF_REG_0);
    read_member(c, AT_IDS, 4, at->pid);
    read_member(c, AT_IDS + 4, 4, at->tgid);
    choose_process(c, w, children, at);
    int is_over = take_share(c, w->shares);
    if (knows_waker)
        note_waker(c, at);
    bpf_output(c, w->ring, AT_TIME, sizeof(struct note));
    bpf_out(c, BPF_JEQ, BPF_REG_0, 0);
    bpf_land(c, is_over);
    bpf_look_up(c, w->lost, AT_KEY);
    bpf_out(c, BPF_JEQ, BPF_REG_0, 0);
    bpf_set(c, BPF_REG_1, 1);
    bpf_emit(c, BPF_STX | BPF_DW | BPF_ATOMIC, BPF_REG_0, BPF_REG_1, 0, BPF_ADD);
    bpf_here(c);
    bpf_end(c, 0);
}

/* --- */

static bool find_places(struct places *at, struct err *err)
{
    struct bpf_member members[] = {{"task_struct", "pid", 0},
                                   {"task_struct", "tgid", 0},
                                   {"task_struct", "real_parent", 0},
                                   {"task_struct", "stack", 0}};
    if (!bpf_members(members, sizeof members / sizeof *members, err))
        return false;
    *at =
        (struct places){members[0].offset, members[1].offset, members[2].offset, members[3].offset};
    return true;
}

static bool start(struct bpf_wakes *w, pid_t pid, bool children, struct err *err)
{
    struct places at = {0};
    if (!bpf_sees_all_threads(err))
        return false;
    w->processes = bpf_make_map(BPF_MAP_TYPE_LRU_HASH, 4, 4, PROCESSES_MAX);
    w->shares = bpf_make_map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 1);
    w->lost = bpf_make_map(BPF_MAP_TYPE_ARRAY, 4, 8, 1);
    w->ring = bpf_make_map(BPF_MAP_TYPE_RINGBUF, 0, 0, RING_BYTES);
    if (w->processes < 0 || w->shares < 0 || w->lost < 0 || w->ring < 0 ||
        !bpf_ring_map(&w->mapped, w->ring, RING_BYTES))
        return bpf_denied(err, errno);
    if (!find_places(&at, err))
        return false;
    /* A kernel that does not know how to tell who wakes (before 5.15) tells when. */
    for (int knows_waker = KNOWS_WAKER; knows_waker >= 0 && w->program < 0; knows_waker--) {
        struct bpf_code code = {0};
        make_program(&code, w, children, knows_waker, &at);
        w->program = bpf_load_program(&code, BPF_PROG_TYPE_RAW_TRACEPOINT);
    }
    if (w->program < 0 || !bpf_map_put(w->processes, (uint32_t)pid, 1))
        return bpf_denied(err, errno);
    w->hook = bpf_hook("sched_waking", w->program);
    return w->hook >= 0 || bpf_denied(err, errno);
}

struct bpf_wakes *bpf_wakes_new(pid_t pid, bool children, struct err *err)
{
    struct bpf_wakes *w = calloc(1, sizeof *w);
    if (!w) {
        err_nomem(err);
        return NULL;
    }
    w->processes = w->shares = w->lost = w->ring = w->program = w->hook = -1;
    if (start(w, pid, children, err))
        return w;
    bpf_wakes_free(w);
    return NULL;
}

void bpf_wakes_free(struct bpf_wakes *w)
{
    if (!w)
        return;
    const int all[] = {w->hook, w->program, w->ring, w->lost, w->shares, w->processes};
    bpf_ring_unmap(&w->mapped);
    bpf_close(all, sizeof all / sizeof *all);
    free(w);
}

void bpf_wakes_stop(struct bpf_wakes *w)
{
    if (w->hook >= 0)
        close(w->hook);
    w->hook = -1;
}

/* What a thread sends within its machine it delivers itself, as an interrupt would. */
static bool sends(int64_t call)
{
    switch (call) {
    case SYS_write:
    case SYS_writev:
    case SYS_close:
    case SYS_sendfile:
    case SYS_connect:
    case SYS_sendto:
    case SYS_sendmsg:
    case SYS_sendmmsg:
    case SYS_shutdown:
    case SYS_splice:
        return true;
    default:
        return false;
    }
}

static pid_t waker_of(const struct note *note)
{
    bool is_interrupt = note->at - note->kernel_stack >= KERNEL_STACK_BYTES;
    return note->call < 0 || (is_interrupt && !sends(note->call)) ? 0 : (pid_t)note->by;
}

struct taking {
    void (*take)(void *arg, const struct bpf_wake *wake);
    void *arg;
};

static void take_record(void *arg, const uint8_t *record, size_t n)
{
    const struct taking *taking = arg;
    struct note note;
    if (n != sizeof note)
        return;
    memcpy(&note, record, sizeof note);
    taking->take(taking->arg, &(struct bpf_wake){note.time_ns, (pid_t)note.tid, waker_of(&note)});
}

void bpf_wakes_drain(struct bpf_wakes *w, void (*take)(void *arg, const struct bpf_wake *wake),
                     void *arg)
{
    bpf_ring_drain(&w->mapped, take_record, &(struct taking){take, arg});
}

uint64_t bpf_wakes_n_lost(const struct bpf_wakes *w)
{
    uint32_t key = 0;
    uint64_t n = 0;
    return bpf_map_get(w->lost, &key, &n) ? n : 0;
}
