#include "os/perf_waits.h"

#include "os/bpf.h"
#include "os/perf_ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STACK_BYTES 8192
#define PROCESSES_MAX 4096
#define THREADS_MAX 16384
#define WINDOW_NS 100000000
#define A_SITE 50 /* stacks in that time */
#define A_PROCESSOR 300
/* Of a thread in the program, as it entered the kernel. */
#if defined(__x86_64__)
#define PT_REGS_PC 128
#define PT_REGS_SP 152
#elif defined(__aarch64__)
#define PT_REGS_PC 256
#define PT_REGS_SP 248
#endif
#define ROOT_THREADS (1 << 30) /* it stays */
#define TASK_DEAD 0x80         /* a state of the kernel's tasks: it has ended */

/* The events that BPF programs write to. */
enum { OF_LEAVING, OF_WAKERS, OF_NOTES, N_OUTPUTS };
enum { AT_SWITCH, AT_WAKING, AT_FORK, N_HOOKS };

struct perf_waits {
    pid_t root;
    int processes; /* maps: of a pid to how many threads of it have not ended */
    int threads;   /* of the kernel's task to struct state */
    int cpus;      /* a struct choice each */
    int numbers;   /* a struct numbers */
    int blank;     /* a struct state */
    int outputs[N_OUTPUTS];
    int programs[N_HOOKS], hooks[N_HOOKS];
    bool has_sites; /* the kernel tells them (5.15 on); else all waits of a thread are at one */
    struct perf *events;
};

/* How one in `every` is chosen. */
struct choice {
    uint64_t from_ns; /* when this count began */
    uint32_t n, every;
};

/* Where a thread waits, as its registers in the program tell. */
struct site {
    uint64_t place; /* 0: none yet */
    struct choice choice;
};

/* Of a thread. */
struct state {
    struct perf_wait_note note; /* a rest; since_ns 0: it does not wait; site: where */
    struct site sites[PERF_WAIT_SITES];
    uint64_t is_chosen;
    uint64_t copying_ns; /* the time that this took, which is not the program's */
};

struct numbers {
    uint64_t n_unseen, has_children;
};

/* Where members lie in the kernel's tasks. */
struct places {
    uint64_t state, tgid;
};

/* --- the programs --- */

#define NOTE_BYTES offsetof(struct perf_wait_note, rest)

/* The stack. */
enum {
    AT_NOTE = -48,
    AT_TID = -56, /* and AT_PID behind it */
    AT_PID = -52,
    AT_KEY = -64,
    AT_WORD = -72,
    AT_ZERO = -80,
};
_Static_assert(NOTE_BYTES == 48, "as the stack has it");

/* The arguments of the tracepoints. */
enum { ARG_PREEMPTED, ARG_PREVIOUS, ARG_NEXT };
enum { ARG_WOKEN };
enum { ARG_CHILD = 1 };

#define IN_NOTE(member) ((int16_t)offsetof(struct perf_wait_note, member))
#define IN_STATE(member) ((int16_t)offsetof(struct state, member))

static void load_word(struct bpf_code *c, uint8_t dst, uint8_t src, int16_t off)
{
    bpf_emit(c, BPF_LDX | BPF_MEM | BPF_W, dst, src, off, 0);
}

static void store(struct bpf_code *c, uint8_t size, uint8_t dst, int16_t off, uint8_t src)
{
    bpf_emit(c, BPF_STX | BPF_MEM | size, dst, src, off, 0);
}

static void store_number(struct bpf_code *c, uint8_t size, uint8_t dst, int16_t off, int32_t n)
{
    bpf_emit(c, BPF_ST | BPF_MEM | size, dst, 0, off, n);
}

static void alu(struct bpf_code *c, uint8_t op, uint8_t dst, int32_t value)
{
    bpf_emit(c, BPF_ALU64 | op | BPF_K, dst, 0, 0, value);
}

static void alu_reg(struct bpf_code *c, uint8_t op, uint8_t dst, uint8_t src)
{
    bpf_emit(c, BPF_ALU64 | op | BPF_X, dst, src, 0, 0);
}

static void out_always(struct bpf_code *c)
{
    bpf_out(c, BPF_JA, 0, 0);
}

/* The address of the value of an array, and of a member of it. */
static void set_value(struct bpf_code *c, uint8_t dst, int map, size_t member)
{
    bpf_set_wide(c, dst, BPF_PSEUDO_MAP_VALUE, (uint32_t)map | (uint64_t)member << 32);
}

static void add_to(struct bpf_code *c, uint8_t size, uint8_t pointer, int32_t n)
{
    bpf_set(c, BPF_REG_1, n);
    bpf_emit(c, BPF_STX | BPF_ATOMIC | size, pointer, BPF_REG_1, 0, BPF_ADD);
}

static void begin(struct bpf_code *c)
{
    bpf_move(c, BPF_REG_6, BPF_REG_1);
    bpf_call(c, BPF_FUNC_get_current_pid_tgid);
    bpf_store(c, AT_TID, BPF_REG_0);
}

static void end(struct bpf_code *c)
{
    bpf_here(c);
    bpf_end(c, 0);
}

/* R0: the value of the thread that is this argument; out: there is none. */
static void look_up_task(struct bpf_code *c, const struct perf_waits *w, int arg)
{
    bpf_load_from(c, BPF_REG_1, BPF_REG_6, (int16_t)(8 * arg));
    bpf_store(c, AT_KEY, BPF_REG_1);
    bpf_look_up(c, w->threads, AT_KEY);
}

/* 4 bytes of the task that is this argument; out: they cannot be read. */
static void read_member(struct bpf_code *c, int into, int arg, uint64_t offset)
{
    bpf_load_from(c, BPF_REG_3, BPF_REG_6, (int16_t)(8 * arg));
    bpf_read(c, into, 4, (int32_t)offset, BPF_FUNC_probe_read_kernel);
}

/* What R4 points to; R0: 0 if it is handed over. */
static void put_out(struct bpf_code *c, const struct perf_waits *w, int output, size_t n_bytes)
{
    bpf_move(c, BPF_REG_1, BPF_REG_6);
    bpf_set_wide(c, BPF_REG_2, BPF_PSEUDO_MAP_FD, (uint32_t)w->outputs[output]);
    bpf_set_wide(c, BPF_REG_3, 0, BPF_F_CURRENT_CPU);
    bpf_set(c, BPF_REG_5, (int32_t)n_bytes);
    bpf_call(c, BPF_FUNC_perf_event_output);
}

/* The note on the stack, begun with what the state in R7 says. */
static void begin_note(struct bpf_code *c, uint32_t kind)
{
    store_number(c, BPF_W, BPF_REG_10, AT_NOTE + IN_NOTE(kind), (int32_t)kind);
    load_word(c, BPF_REG_1, BPF_REG_7, IN_NOTE(site));
    store(c, BPF_W, BPF_REG_10, AT_NOTE + IN_NOTE(site), BPF_REG_1);
    bpf_load_from(c, BPF_REG_1, BPF_REG_7, IN_NOTE(tid));
    store(c, BPF_DW, BPF_REG_10, AT_NOTE + IN_NOTE(tid), BPF_REG_1);
    bpf_load_from(c, BPF_REG_1, BPF_REG_7, IN_NOTE(since_ns));
    store(c, BPF_DW, BPF_REG_10, AT_NOTE + IN_NOTE(since_ns), BPF_REG_1);
}

/* Out unless it is the one in `every` (then in AT_WORD) of the choice at this place; R9 is the
 * time.  How many that are follows from how many there were in the time before; and is doubled,
 * when more come. */
static void choose(struct bpf_code *c, uint8_t pointer, int16_t at, int32_t budget)
{
    int16_t at_from = (int16_t)(at + (int)offsetof(struct choice, from_ns)),
            at_n = (int16_t)(at + (int)offsetof(struct choice, n)),
            at_every = (int16_t)(at + (int)offsetof(struct choice, every));
    load_word(c, BPF_REG_3, pointer, at_n);
    load_word(c, BPF_REG_4, pointer, at_every);
    bpf_load_from(c, BPF_REG_1, pointer, at_from);
    bpf_move(c, BPF_REG_2, BPF_REG_9);
    alu_reg(c, BPF_SUB, BPF_REG_2, BPF_REG_1);
    int goes_on = bpf_jump(c, BPF_JLT, BPF_REG_2, WINDOW_NS);
    store(c, BPF_DW, pointer, at_from, BPF_REG_9);
    bpf_set(c, BPF_REG_4, 1);
    int was_quiet = bpf_jump(c, BPF_JGE, BPF_REG_2, 2 * WINDOW_NS);
    alu(c, BPF_DIV, BPF_REG_3, budget);
    alu_reg(c, BPF_ADD, BPF_REG_4, BPF_REG_3);
    bpf_land(c, was_quiet);
    bpf_set(c, BPF_REG_3, 0);
    bpf_land(c, goes_on);
    bpf_add(c, BPF_REG_3, 1);
    store(c, BPF_W, pointer, at_n, BPF_REG_3);
    bpf_move(c, BPF_REG_5, BPF_REG_4);
    alu(c, BPF_MUL, BPF_REG_5, 2 * budget);
    bpf_emit(c, BPF_JMP | BPF_JLE | BPF_X, BPF_REG_3, BPF_REG_5, 1, 0);
    alu(c, BPF_LSH, BPF_REG_4, 1);
    store(c, BPF_W, pointer, at_every, BPF_REG_4);
    bpf_store(c, AT_WORD, BPF_REG_4);
    int all = bpf_jump(c, BPF_JEQ, BPF_REG_4, 1);
    bpf_call(c, BPF_FUNC_get_prandom_u32);
    bpf_load(c, BPF_REG_1, AT_WORD);
    alu_reg(c, BPF_MOD, BPF_REG_0, BPF_REG_1);
    bpf_out_unless_zero(c);
    bpf_land(c, all);
}

/* The thread, whose value R0 is, has ended: what is left of it is handed over, and it is forgotten.
 */
static void forget(struct bpf_code *c, const struct perf_waits *w)
{
    int is_unknown = bpf_jump(c, BPF_JEQ, BPF_REG_0, 0);
    bpf_move(c, BPF_REG_4, BPF_REG_0);
    put_out(c, w, OF_NOTES, sizeof(struct perf_wait_note));
    int is_kept = bpf_jump(c, BPF_JNE, BPF_REG_0, 0);
    bpf_delete(c, w->threads, AT_KEY);
    bpf_land(c, is_unknown);
    bpf_land(c, is_kept);
    bpf_look_up(c, w->processes, AT_PID);
    bpf_out(c, BPF_JEQ, BPF_REG_0, 0);
    add_to(c, BPF_W, BPF_REG_0, -1);
    load_word(c, BPF_REG_1, BPF_REG_0, 0);
    bpf_out(c, BPF_JNE, BPF_REG_1, 0);
    bpf_delete(c, w->processes, AT_PID);
    out_always(c);
}

/* A thread that is met for the first time; R0 is its value then. */
static void add_thread(struct bpf_code *c, const struct perf_waits *w)
{
    set_value(c, BPF_REG_3, w->blank, 0);
    bpf_set_wide(c, BPF_REG_1, BPF_PSEUDO_MAP_FD, (uint32_t)w->threads);
    bpf_set_stack(c, BPF_REG_2, AT_KEY);
    bpf_set(c, BPF_REG_4, BPF_ANY);
    bpf_call(c, BPF_FUNC_map_update_elem);
    bpf_look_up(c, w->threads, AT_KEY);
    int is_there = bpf_jump(c, BPF_JNE, BPF_REG_0, 0);
    set_value(c, BPF_REG_2, w->numbers, offsetof(struct numbers, n_unseen));
    add_to(c, BPF_DW, BPF_REG_2, 1);
    out_always(c);
    bpf_land(c, is_there);
    store_number(c, BPF_W, BPF_REG_0, IN_NOTE(kind), PERF_WAIT_REST);
}

/* R8: the site of the state in R7 at which the current thread is; the last one is for all that
 * there is no room for. */
static void find_site(struct bpf_code *c)
{
    int founds[PERF_WAIT_SITES], frees[PERF_WAIT_SITES];
    bpf_call(c, BPF_FUNC_get_current_task_btf);
    bpf_move(c, BPF_REG_1, BPF_REG_0);
    bpf_call(c, BPF_FUNC_task_pt_regs);
    bpf_load_from(c, BPF_REG_3, BPF_REG_0, PT_REGS_PC);
    bpf_load_from(c, BPF_REG_1, BPF_REG_0, PT_REGS_SP);
    alu(c, BPF_LSH, BPF_REG_1, 24);
    alu_reg(c, BPF_XOR, BPF_REG_3, BPF_REG_1);
    bpf_move(c, BPF_REG_8, BPF_REG_7);
    bpf_add(c, BPF_REG_8, IN_STATE(sites));
    bpf_set(c, BPF_REG_2, 0);
    for (int i = 0; i + 1 < PERF_WAIT_SITES; i++) {
        bpf_load_from(c, BPF_REG_1, BPF_REG_8, offsetof(struct site, place));
        bpf_emit(c, BPF_JMP | BPF_JEQ | BPF_X, BPF_REG_1, BPF_REG_3, 0, 0);
        founds[i] = c->n - 1;
        frees[i] = bpf_jump(c, BPF_JEQ, BPF_REG_1, 0);
        bpf_add(c, BPF_REG_8, sizeof(struct site));
        bpf_add(c, BPF_REG_2, 1);
    }
    for (int i = 0; i + 1 < PERF_WAIT_SITES; i++)
        bpf_land(c, frees[i]);
    store(c, BPF_DW, BPF_REG_8, offsetof(struct site, place), BPF_REG_3);
    for (int i = 0; i + 1 < PERF_WAIT_SITES; i++)
        bpf_land(c, founds[i]);
    store(c, BPF_W, BPF_REG_7, IN_NOTE(site), BPF_REG_2);
}

/* The time since R9, to the state in R7. */
static void add_copying(struct bpf_code *c)
{
    bpf_call(c, BPF_FUNC_ktime_get_ns);
    alu_reg(c, BPF_SUB, BPF_REG_0, BPF_REG_9);
    bpf_load_from(c, BPF_REG_1, BPF_REG_7, IN_STATE(copying_ns));
    alu_reg(c, BPF_ADD, BPF_REG_1, BPF_REG_0);
    store(c, BPF_DW, BPF_REG_7, IN_STATE(copying_ns), BPF_REG_1);
}

/* Out unless the current thread is of the process, or of a child. */
static void choose_process(struct bpf_code *c, const struct perf_waits *w)
{
    load_word(c, BPF_REG_1, BPF_REG_10, AT_PID);
    int is_root = bpf_jump(c, BPF_JEQ, BPF_REG_1, w->root);
    set_value(c, BPF_REG_1, w->numbers, offsetof(struct numbers, has_children));
    bpf_load_from(c, BPF_REG_1, BPF_REG_1, 0);
    bpf_out(c, BPF_JEQ, BPF_REG_1, 0);
    bpf_look_up(c, w->processes, AT_PID);
    bpf_out(c, BPF_JEQ, BPF_REG_0, 0);
    bpf_land(c, is_root);
}

/* The thread that leaves, which is still the current one. */
static void leave(struct bpf_code *c, const struct perf_waits *w, const struct places *at)
{
    choose_process(c, w);
    bpf_load_from(c, BPF_REG_1, BPF_REG_6, 8 * ARG_PREEMPTED);
    bpf_out(c, BPF_JSET, BPF_REG_1, 1);
    read_member(c, AT_WORD, ARG_PREVIOUS, at->state);
    load_word(c, BPF_REG_9, BPF_REG_10, AT_WORD);
    bpf_out(c, BPF_JEQ, BPF_REG_9, 0); /* it can go on */
    look_up_task(c, w, ARG_PREVIOUS);
    int has_ended = bpf_jump(c, BPF_JSET, BPF_REG_9, TASK_DEAD);
    int is_known = bpf_jump(c, BPF_JNE, BPF_REG_0, 0);
    add_thread(c, w);
    bpf_land(c, is_known);
    bpf_move(c, BPF_REG_7, BPF_REG_0);
    if (w->has_sites) {
        find_site(c);
    } else {
        bpf_move(c, BPF_REG_8, BPF_REG_7);
        bpf_add(c, BPF_REG_8, IN_STATE(sites));
    }
    bpf_call(c, BPF_FUNC_ktime_get_ns);
    bpf_move(c, BPF_REG_9, BPF_REG_0);
    store(c, BPF_DW, BPF_REG_7, IN_NOTE(since_ns), BPF_REG_9);
    bpf_load(c, BPF_REG_1, AT_TID);
    store(c, BPF_DW, BPF_REG_7, IN_NOTE(tid), BPF_REG_1);
    store_number(c, BPF_DW, BPF_REG_7, IN_STATE(is_chosen), 0);
    store_number(c, BPF_DW, BPF_REG_7, IN_STATE(copying_ns), 0);
    choose(c, BPF_REG_8, offsetof(struct site, choice), A_SITE);
    bpf_load(c, BPF_REG_1, AT_WORD);
    bpf_store(c, AT_NOTE + IN_NOTE(weight), BPF_REG_1);
    store_number(c, BPF_DW, BPF_REG_10, AT_ZERO, 0);
    bpf_look_up(c, w->cpus, AT_ZERO);
    bpf_out(c, BPF_JEQ, BPF_REG_0, 0);
    bpf_move(c, BPF_REG_8, BPF_REG_0);
    choose(c, BPF_REG_8, 0, A_PROCESSOR);
    bpf_load(c, BPF_REG_1, AT_WORD);
    bpf_load(c, BPF_REG_2, AT_NOTE + IN_NOTE(weight));
    alu_reg(c, BPF_MUL, BPF_REG_1, BPF_REG_2);
    bpf_store(c, AT_NOTE + IN_NOTE(weight), BPF_REG_1);
    store_number(c, BPF_DW, BPF_REG_7, IN_STATE(is_chosen), 1);
    begin_note(c, PERF_WAIT_BEGINS);
    bpf_set_stack(c, BPF_REG_4, AT_NOTE);
    put_out(c, w, OF_LEAVING, IN_NOTE(weight) + sizeof(uint64_t));
    int is_out = bpf_jump(c, BPF_JEQ, BPF_REG_0, 0);
    store_number(c, BPF_DW, BPF_REG_7, IN_STATE(is_chosen), 0);
    bpf_land(c, is_out);
    add_copying(c);
    out_always(c);
    bpf_land(c, has_ended);
    forget(c, w);
    bpf_here(c);
}

/* The thread that comes. */
static void come(struct bpf_code *c, const struct perf_waits *w)
{
    look_up_task(c, w, ARG_NEXT);
    bpf_out(c, BPF_JEQ, BPF_REG_0, 0);
    bpf_move(c, BPF_REG_7, BPF_REG_0);
    bpf_load_from(c, BPF_REG_8, BPF_REG_7, IN_NOTE(since_ns));
    bpf_out(c, BPF_JEQ, BPF_REG_8, 0);
    begin_note(c, PERF_WAIT_ENDS);
    store_number(c, BPF_DW, BPF_REG_7, IN_NOTE(since_ns), 0);
    bpf_call(c, BPF_FUNC_ktime_get_ns);
    bpf_move(c, BPF_REG_9, BPF_REG_0);
    alu_reg(c, BPF_SUB, BPF_REG_9, BPF_REG_8);
    bpf_load_from(c, BPF_REG_1, BPF_REG_7, IN_STATE(copying_ns));
    bpf_emit(c, BPF_JMP | BPF_JGE | BPF_X, BPF_REG_9, BPF_REG_1, 1, 0);
    bpf_move(c, BPF_REG_1, BPF_REG_9);
    alu_reg(c, BPF_SUB, BPF_REG_9, BPF_REG_1);
    store(c, BPF_DW, BPF_REG_10, AT_NOTE + IN_NOTE(ns), BPF_REG_9);
    load_word(c, BPF_REG_1, BPF_REG_7, IN_NOTE(site));
    bpf_out(c, BPF_JGE, BPF_REG_1, PERF_WAIT_SITES);
    alu(c, BPF_MUL, BPF_REG_1, sizeof(struct perf_wait_sum));
    bpf_move(c, BPF_REG_8, BPF_REG_7);
    alu_reg(c, BPF_ADD, BPF_REG_8, BPF_REG_1);
    bpf_load_from(c, BPF_REG_1, BPF_REG_8, IN_NOTE(rest[0].n));
    store(c, BPF_DW, BPF_REG_10, AT_NOTE + IN_NOTE(others.n), BPF_REG_1);
    bpf_load_from(c, BPF_REG_2, BPF_REG_8, IN_NOTE(rest[0].ns));
    store(c, BPF_DW, BPF_REG_10, AT_NOTE + IN_NOTE(others.ns), BPF_REG_2);
    bpf_add(c, BPF_REG_1, 1);
    store(c, BPF_DW, BPF_REG_8, IN_NOTE(rest[0].n), BPF_REG_1);
    alu_reg(c, BPF_ADD, BPF_REG_2, BPF_REG_9);
    store(c, BPF_DW, BPF_REG_8, IN_NOTE(rest[0].ns), BPF_REG_2);
    bpf_load_from(c, BPF_REG_1, BPF_REG_7, IN_STATE(is_chosen));
    bpf_out(c, BPF_JEQ, BPF_REG_1, 0);
    bpf_set_stack(c, BPF_REG_4, AT_NOTE);
    put_out(c, w, OF_NOTES, NOTE_BYTES);
    bpf_out_unless_zero(c); /* the next one stands for it */
    store_number(c, BPF_DW, BPF_REG_8, IN_NOTE(rest[0].n), 0);
    store_number(c, BPF_DW, BPF_REG_8, IN_NOTE(rest[0].ns), 0);
}

static void make_switch(struct bpf_code *c, const struct perf_waits *w, const struct places *at)
{
    begin(c);
    leave(c, w, at);
    come(c, w);
    end(c);
}

/* The waker is the current thread. */
static void make_waking(struct bpf_code *c, const struct perf_waits *w, const struct places *at)
{
    bpf_move(c, BPF_REG_6, BPF_REG_1);
    look_up_task(c, w, ARG_WOKEN);
    bpf_out(c, BPF_JEQ, BPF_REG_0, 0);
    bpf_move(c, BPF_REG_7, BPF_REG_0);
    bpf_load_from(c, BPF_REG_1, BPF_REG_7, IN_NOTE(since_ns));
    bpf_out(c, BPF_JEQ, BPF_REG_1, 0);
    bpf_load_from(c, BPF_REG_1, BPF_REG_7, IN_STATE(is_chosen));
    bpf_out(c, BPF_JEQ, BPF_REG_1, 0);
    bpf_call(c, BPF_FUNC_ktime_get_ns);
    bpf_move(c, BPF_REG_9, BPF_REG_0);
    begin_note(c, PERF_WAIT_WOKEN);
    bpf_set_stack(c, BPF_REG_1, AT_NOTE + IN_NOTE(waker_name));
    bpf_set(c, BPF_REG_2, 16);
    bpf_call(c, BPF_FUNC_get_current_comm);
    bpf_set_stack(c, BPF_REG_4, AT_NOTE);
    put_out(c, w, OF_WAKERS, NOTE_BYTES);
    add_copying(c);
    end(c);
}

/* The current thread makes another one, which may be a process; one that is not of ours may get
 * the number of one that was. */
static void make_fork(struct bpf_code *c, const struct perf_waits *w, const struct places *at)
{
    begin(c);
    read_member(c, AT_WORD, ARG_CHILD, at->tgid);
    bpf_look_up(c, w->processes, AT_PID);
    int is_ours = bpf_jump(c, BPF_JNE, BPF_REG_0, 0);
    bpf_delete(c, w->processes, AT_WORD);
    out_always(c);
    bpf_land(c, is_ours);
    load_word(c, BPF_REG_1, BPF_REG_10, AT_WORD);
    load_word(c, BPF_REG_2, BPF_REG_10, AT_PID);
    bpf_emit(c, BPF_JMP | BPF_JNE | BPF_X, BPF_REG_1, BPF_REG_2, 3, 0);
    add_to(c, BPF_W, BPF_REG_0, 1);
    out_always(c);
    store_number(c, BPF_DW, BPF_REG_10, AT_KEY, 1);
    bpf_update(c, w->processes, AT_WORD, AT_KEY);
    set_value(c, BPF_REG_2, w->numbers, offsetof(struct numbers, has_children));
    store_number(c, BPF_DW, BPF_REG_2, 0, 1);
    end(c);
}

/* --- the events --- */

static struct perf_event_attr attr_of(const struct perf *perf, const struct perf_features *features,
                                      int output)
{
    const struct perf_options options = {.period_ns = 1, .children = true};
    size_t n_stack = perf->data_bytes / 64 & ~(size_t)7;
    n_stack = n_stack < STACK_BYTES ? n_stack : STACK_BYTES;
    struct perf_event_attr attr =
        perf_make_attr(&options, features, output == OF_NOTES ? 0 : n_stack);
    attr.config = PERF_COUNT_SW_BPF_OUTPUT;
    attr.sample_type |= PERF_SAMPLE_RAW;
    attr.inherit = attr.inherit_thread = 0;
    attr.exclude_callchain_kernel = output != OF_WAKERS;
    attr.exclude_callchain_user = output == OF_NOTES;
    if (output) /* the first one tells of these */
        attr.mmap = attr.mmap2 = attr.comm = attr.comm_exec = attr.task = attr.build_id = 0;
    attr.wakeup_watermark = (uint32_t)(perf->data_bytes / 4);
    return attr;
}

static int open_events(struct perf *perf, void *arg)
{
    int e = 0;
    for (int output = 0; output < N_OUTPUTS && !e; output++) {
        struct perf_event_attr attr = attr_of(perf, arg, output);
        for (int cpu = 0; cpu < perf->n_cpus && !e; cpu++) {
            int fd = perf_open_event(&attr, -1, cpu);
            e = fd >= 0 ? perf_add_event(perf, fd, cpu) : errno;
            if (e == ENODEV) /* the processor is switched off */
                e = 0;
        }
    }
    if (!e && !perf->n_rings)
        e = ENODEV;
    if (e)
        perf_close_rings(perf);
    return e;
}

static bool start_events(struct perf_waits *w, struct err *err)
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
        e = perf_fit_rings(w->events, open_events, &features);
    if (!features.kernel || e == EACCES)
        return err_set(err, ERR_PERM, "not permitted; be root, or have CAP_BPF and CAP_PERFMON");
    return e == 0 || perf_no_rings(err, e);
}

static bool connect_events(const struct perf_waits *w)
{
    const struct perf *perf = w->events;
    for (size_t i = 0; i < N_OUTPUTS * perf->n_rings; i++) {
        size_t output = i / perf->n_rings, ring = i % perf->n_rings;
        int fd = output ? perf->more.items[i - perf->n_rings] : perf->rings[ring].fd;
        if (!bpf_map_put(w->outputs[output], (uint32_t)perf->rings[ring].cpu, (uint32_t)fd))
            return false;
    }
    return true;
}

/* --- */

static bool find_places(struct places *at, struct err *err)
{
    struct bpf_member now[] = {{"task_struct", "tgid", 0}, {"task_struct", "__state", 0}};
    struct bpf_member before_5_14[] = {{"task_struct", "tgid", 0}, {"task_struct", "state", 0}};
    bool is_now = bpf_members(now, 2, NULL);
    if (!is_now && !bpf_members(before_5_14, 2, err))
        return false;
    const struct bpf_member *found = is_now ? now : before_5_14;
    *at = (struct places){.tgid = found[0].offset, .state = found[1].offset};
    return true;
}

static bool make_maps(struct perf_waits *w)
{
    w->processes = bpf_make_map(BPF_MAP_TYPE_HASH, 4, 4, PROCESSES_MAX);
    w->threads = bpf_make_map(BPF_MAP_TYPE_HASH, 8, sizeof(struct state), THREADS_MAX);
    w->cpus = bpf_make_map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct choice), 1);
    w->numbers = bpf_make_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct numbers), 1);
    w->blank = bpf_make_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct state), 1);
    if (w->processes < 0 || w->threads < 0 || w->cpus < 0 || w->numbers < 0 || w->blank < 0)
        return false;
    for (int i = 0; i < N_OUTPUTS; i++)
        if ((w->outputs[i] = bpf_make_map(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4,
                                          (uint32_t)w->events->n_cpus)) < 0)
            return false;
    return true;
}

static bool start(struct perf_waits *w, const struct perf_waits_options *options, struct err *err)
{
    static const struct {
        const char *tracepoint;
        void (*make)(struct bpf_code *c, const struct perf_waits *w, const struct places *at);
    } hooks[] = {[AT_SWITCH] = {"sched_switch", make_switch},
                 [AT_WAKING] = {"sched_waking", make_waking},
                 [AT_FORK] = {"sched_process_fork", make_fork}};
    struct places at;
    if (!start_events(w, err) || !bpf_sees_all_threads(err))
        return false;
    if (!make_maps(w))
        return bpf_denied(err, errno);
    if (!find_places(&at, err))
        return false;
    if (!connect_events(w) || !bpf_map_put(w->processes, (uint32_t)options->pid, ROOT_THREADS))
        return bpf_denied(err, errno);
    for (int i = N_HOOKS - 1; i >= 0; i--) {
        if ((i == AT_FORK && !options->children) || (i == AT_WAKING && !options->wakers))
            continue;
        for (int has_sites = 1; has_sites >= 0 && w->programs[i] < 0; has_sites--) {
            struct bpf_code code = {0};
            w->has_sites = has_sites;
            hooks[i].make(&code, w, &at);
            w->programs[i] = bpf_load_program(&code, BPF_PROG_TYPE_RAW_TRACEPOINT);
        }
        if (w->programs[i] < 0 || (w->hooks[i] = bpf_hook(hooks[i].tracepoint, w->programs[i])) < 0)
            return bpf_denied(err, errno);
    }
    return true;
}

struct perf_waits *perf_waits_new(const struct perf_waits_options *options, struct err *err)
{
    struct perf_waits *w = malloc(sizeof *w);
    if (!w) {
        err_nomem(err);
        return NULL;
    }
    memset(w, -1, sizeof *w); /* no descriptor is open */
    w->events = NULL;
    w->root = options->pid;
    if (start(w, options, err))
        return w;
    perf_waits_free(w);
    return NULL;
}

static void unhook(struct perf_waits *w)
{
    bpf_close(w->hooks, N_HOOKS);
    memset(w->hooks, -1, sizeof w->hooks);
}

void perf_waits_free(struct perf_waits *w)
{
    if (!w)
        return;
    const int maps[] = {w->processes, w->threads, w->cpus, w->numbers, w->blank};
    unhook(w);
    bpf_close(w->programs, N_HOOKS);
    bpf_close(w->outputs, N_OUTPUTS);
    bpf_close(maps, sizeof maps / sizeof *maps);
    perf_free(w->events);
    free(w);
}

struct perf *perf_waits_events(struct perf_waits *w)
{
    return w->events;
}

void perf_waits_stop(struct perf_waits *w)
{
    unhook(w);
    perf_stop(w->events);
}

bool perf_waits_note(const struct perf_record *record, struct perf_wait_note *note)
{
    size_t n = record->n_payload < sizeof *note ? record->n_payload : sizeof *note;
    *note = (struct perf_wait_note){0};
    if (record->kind != PERF_SAMPLE || n < (size_t)IN_NOTE(ns))
        return false;
    memcpy(note, record->payload, n);
    return note->site < PERF_WAIT_SITES;
}

void perf_waits_rest(struct perf_waits *w,
                     void (*take)(void *arg, const struct perf_wait_note *note), void *arg)
{
    struct state state;
    uint64_t key, next;
    for (bool any = bpf_map_next(w->threads, NULL, &next); any;
         any = bpf_map_next(w->threads, &key, &next)) {
        key = next;
        if (bpf_map_get(w->threads, &key, &state))
            take(arg, &state.note);
    }
}

uint64_t perf_waits_n_unseen(const struct perf_waits *w)
{
    uint32_t first = 0;
    struct numbers numbers;
    return bpf_map_get(w->numbers, &first, &numbers) ? numbers.n_unseen : 0;
}
