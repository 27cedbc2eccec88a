#include "unit.h"

#include "unwind/walk.h"

#include <dlfcn.h>
#include <elf.h>
#include <execinfo.h>
#include <link.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

/* Made-up stacks: words at 0x1000 on, and a row for each of some addresses. */
struct made_up {
    uint64_t words[64];
    struct {
        uint64_t pc;
        struct ehtab_row row;
    } rows[8];
};

static bool made_up_read(void *arg, uint64_t address, uint64_t *value)
{
    const struct made_up *m = arg;
    if (address < 0x1000 || address + 8 > 0x1000 + sizeof m->words)
        return false;
    memcpy(value, (const char *)m->words + (address - 0x1000), 8);
    return true;
}

static struct ehtab_row made_up_row(void *arg, uint64_t pc, uint64_t *frame)
{
    const struct made_up *m = arg;
    *frame = pc;
    for (int i = 0; i < 8; i++)
        if (m->rows[i].pc == pc && pc)
            return m->rows[i].row;
    return (struct ehtab_row){.kind = EHTAB_NONE, .rbp = EHTAB_RBP_SAME};
}

static const struct walk_ops made_up_ops = {made_up_read, made_up_row};

static struct ehtab_row rsp(int cfa, int rbp)
{
    return (struct ehtab_row){.kind = EHTAB_RSP, .cfa = cfa, .rbp = (int16_t)rbp};
}

static void rows_and_end(void **state)
{
    struct made_up m = {
        .rows = {{0x500000, rsp(8, EHTAB_RBP_SAME)},
                 {0x5000ff, rsp(32, -2)},
                 {0x5001ff, {.kind = EHTAB_RBP, .cfa = 16, .rbp = -2}},
                 {0x5002ff, {.kind = EHTAB_END}}},
    };
    m.words[0] = 0x500100;     /* return address of the leaf */
    m.words[3] = 0x1000 + 128; /* rbp saved by the second */
    m.words[4] = 0x500200;
    m.words[17] = 0x500300; /* above that rbp */
    uint64_t frames[10];
    bool complete;
    struct walk_regs regs = {0x500000, 0x1000, 0, 0};
    assert_int_equal(walk_stack(&made_up_ops, &m, regs, frames, 10, &complete), 4);
    assert_true(complete);
    assert_int_equal(frames[0], 0x500000);
    assert_int_equal(frames[1], 0x5000ff);
    assert_int_equal(frames[2], 0x5001ff);
    assert_int_equal(frames[3], 0x5002ff);
    assert_int_equal(walk_stack(&made_up_ops, &m, regs, frames, 2, &complete), 2);
    assert_false(complete);
    m.rows[1].row.rbp = EHTAB_RBP_LOST;
    assert_int_equal(walk_stack(&made_up_ops, &m, regs, frames, 10, &complete), 3);
    assert_false(complete);
}

/* What an epilogue has popped is below a copy of the stack, and in the register. */
static void popped(void **state)
{
    struct made_up m = {
        .rows = {{0x500000, rsp(8, -2)},
                 {0x5000ff, {.kind = EHTAB_RBP, .cfa = 16, .rbp = -2}},
                 {0x5001ff, {.kind = EHTAB_END}}},
    };
    m.words[0] = 0x500100;
    m.words[3] = 0x500200; /* above where rbp points */
    uint64_t frames[10];
    bool complete;
    struct walk_regs regs = {0x500000, 0x1000, 0x1010, 0};
    assert_int_equal(walk_stack(&made_up_ops, &m, regs, frames, 10, &complete), 3);
    assert_true(complete);
    m.rows[0].row.rbp = 64; /* not there, and not popped */
    assert_int_equal(walk_stack(&made_up_ops, &m, regs, frames, 10, &complete), 1);
    assert_false(complete);
}

/* Code without rows keeps frame pointers, up to a return address of 0. */
static void frame_pointers(void **state)
{
    struct made_up m = {0};
    m.words[2] = 0x1000 + 8 * 10;
    m.words[3] = 0x700100;
    m.words[10] = 0;
    m.words[11] = 0;
    uint64_t frames[10];
    bool complete;
    struct walk_regs regs = {0x700000, 0x1000, 0x1000 + 8 * 2, 0};
    assert_int_equal(walk_stack(&made_up_ops, &m, regs, frames, 10, &complete), 2);
    assert_true(complete);
    assert_int_equal(frames[1], 0x7000ff);
    m.words[11] = 0x700200; /* and then rbp is the mark of the outermost frame */
    assert_int_equal(walk_stack(&made_up_ops, &m, regs, frames, 10, &complete), 3);
    assert_true(complete);
    m.words[10] = 0x10; /* or leads nowhere */
    assert_int_equal(walk_stack(&made_up_ops, &m, regs, frames, 10, &complete), 3);
    assert_false(complete);
}

/* A loop in the stack: each CFA has to be above the one before. */
static void loop(void **state)
{
    struct made_up m = {.rows = {{0x500000, {.kind = EHTAB_RBP, .cfa = 16, .rbp = -2}},
                                 {0x4fffff, {.kind = EHTAB_RBP, .cfa = 16, .rbp = -2}}}};
    m.words[8] = 0x1000 + 64;
    m.words[9] = 0x500000;
    uint64_t frames[512];
    bool complete;
    struct walk_regs regs = {0x500000, 0x1000, 0x1000 + 64, 0};
    assert_int_equal(walk_stack(&made_up_ops, &m, regs, frames, 512, &complete), 2);
    assert_false(complete);
}

/* makecontext's return address: the first byte of a function. */
static void context_end(void **state)
{
    struct made_up m = {
        .rows = {{0x500000, rsp(8, EHTAB_RBP_SAME)}, {0x600000, rsp(8, EHTAB_RBP_SAME)}}};
    m.words[0] = 0x600000;
    uint64_t frames[10];
    bool complete;
    struct walk_regs regs = {0x500000, 0x1000, 7, 0};
    assert_int_equal(walk_stack(&made_up_ops, &m, regs, frames, 10, &complete), 2);
    assert_true(complete);
    assert_int_equal(frames[1], 0x600000);
}

/* This process, by the tables of what is loaded, against glibc's backtrace. */

/* vfork keeps its return address in a register while the stack is the child's. */
static void return_address_in_rdi(void **state)
{
    struct made_up m = {
        .rows = {{0x500000, {.kind = EHTAB_RDI, .cfa = 8, .rbp = EHTAB_RBP_SAME}},
                 {0x5000ff, {.kind = EHTAB_RBP, .cfa = 16, .rbp = -2}},
                 {0x5001ff, {.kind = EHTAB_END}}},
    };
    m.words[0] = 0x999999; /* what the child has left there */
    m.words[5] = 0x500200;
    uint64_t frames[10];
    bool complete;
    struct walk_regs regs = {0x500000, 0x1000, 0x1000 + 32, 0x500100};
    assert_int_equal(walk_stack(&made_up_ops, &m, regs, frames, 10, &complete), 3);
    assert_true(complete);
    assert_int_equal(frames[1], 0x5000ff);
    assert_int_equal(frames[2], 0x5001ff);
    regs.di = 0; /* not known */
    assert_int_equal(walk_stack(&made_up_ops, &m, regs, frames, 10, &complete), 1);
    assert_false(complete);
    /* Only the leaf has its registers: a caller in such code is the end. */
    m.rows[1].row.kind = EHTAB_RDI;
    regs.di = 0x500100;
    assert_int_equal(walk_stack(&made_up_ops, &m, regs, frames, 10, &complete), 2);
    assert_false(complete);
}

static bool made_up_bp(void *arg, uint64_t pc, uint64_t sp, uint64_t *bp)
{
    *bp = 0x1000 + 48;
    return pc == 0x5000ff && sp == 0x1008;
}

/* Of a thread that is looked at from outside only pc and sp are known. */
static void lost_bp_is_found(void **state)
{
    struct made_up m = {
        .rows = {{0x500000, rsp(8, EHTAB_RBP_SAME)},
                 {0x5000ff, {.kind = EHTAB_RBP, .cfa = 16, .rbp = -2}},
                 {0x5001ff, {.kind = EHTAB_END}}},
    };
    const struct walk_ops ops = {made_up_read, made_up_row, made_up_bp};
    m.words[0] = 0x500100;
    m.words[7] = 0x500200; /* above what made_up_bp tells */
    uint64_t frames[10];
    bool complete;
    struct walk_regs regs = {0x500000, 0x1000, WALK_BP_LOST, 0};
    assert_int_equal(walk_stack(&ops, &m, regs, frames, 10, &complete), 3);
    assert_true(complete);
    assert_int_equal(walk_stack(&made_up_ops, &m, regs, frames, 10, &complete), 2);
    assert_false(complete);
    m.rows[1].pc = 0x5000fe; /* it cannot tell */
    m.words[0] = 0x5000ff;
    assert_int_equal(walk_stack(&ops, &m, regs, frames, 10, &complete), 2);
    assert_false(complete);
}

/* A fiber of Boost's begins with rbp at the code that it returns to, which has no row. */
static void fiber_end(void **state)
{
    struct made_up m = {.rows = {{0x500000, rsp(16, -2)}}};
    m.words[0] = 0x600001; /* rbp saved */
    m.words[1] = 0x600001;
    uint64_t frames[10];
    bool complete;
    struct walk_regs regs = {0x500000, 0x1000, 0, 0};
    assert_int_equal(walk_stack(&made_up_ops, &m, regs, frames, 10, &complete), 2);
    assert_true(complete);
    m.words[0] = 0x600009;
    assert_int_equal(walk_stack(&made_up_ops, &m, regs, frames, 10, &complete), 2);
    assert_false(complete);
}

static void *alloc(void *arg, size_t n)
{
    return calloc(1, n);
}

static struct ehtab_scratch scratch;
static struct own_module {
    uint64_t start;
    struct ehtab tab;
    struct ehtab_image image;
} own_modules[16];

static struct own_module *own_module(uint64_t start)
{
    struct own_module *m = own_modules;
    while (m->start && m->start != start)
        m++;
    if (m->start)
        return m;
    m->start = start;
    const Elf64_Ehdr *e = (const void *)start;
    const Elf64_Phdr *p = (const void *)(start + e->e_phoff);
    uint64_t hdr = 0, span = 0;
    for (int i = 0; i < e->e_phnum; i++) {
        if (p[i].p_type == PT_GNU_EH_FRAME)
            hdr = p[i].p_vaddr;
        if (p[i].p_type == PT_LOAD)
            span = p[i].p_vaddr + p[i].p_memsz;
    }
    for (int i = 0; i < e->e_phnum; i++)
        if (p[i].p_type == PT_LOAD && hdr >= p[i].p_vaddr && hdr < p[i].p_vaddr + p[i].p_filesz)
            m->image = (struct ehtab_image){(const uint8_t *)(start + p[i].p_vaddr), p[i].p_vaddr,
                                            p[i].p_filesz};
    struct ehtab_alloc allocator = {alloc, NULL};
    assert_true(ehtab_init(&m->tab, &m->image, hdr, span, allocator));
    return m;
}

static bool own_read(void *arg, uint64_t address, uint64_t *value)
{
    if (address < 4096 || address % 8)
        return false;
    *value = *(const uint64_t *)address;
    return true;
}

static struct ehtab_row own_row(void *arg, uint64_t pc, uint64_t *frame)
{
    struct dl_find_object found;
    *frame = pc;
    if (_dl_find_object((void *)pc, &found) != 0)
        return (struct ehtab_row){.kind = EHTAB_NONE, .rbp = EHTAB_RBP_SAME};
    struct own_module *m = own_module((uint64_t)found.dlfo_map_start);
    struct ehtab_alloc allocator = {alloc, NULL};
    return ehtab_find(&m->tab, &m->image, pc - m->start, allocator, &scratch);
}

static uint64_t frames[64];
static void *expected[64];
static uint32_t n_frames;
static int n_expected;
static bool whole;

static __attribute__((noinline)) void take(const ucontext_t *uc)
{
    static const struct walk_ops ops = {own_read, own_row};
    const greg_t *g = uc->uc_mcontext.gregs;
    struct walk_regs regs = {(uint64_t)g[REG_RIP], (uint64_t)g[REG_RSP], (uint64_t)g[REG_RBP], 0};
    n_frames = walk_stack(&ops, NULL, regs, frames, 64, &whole);
}

static __attribute__((noinline)) void here(int depth)
{
    volatile char local[100];
    local[0] = 1;
    if (depth) {
        here(depth - 1);
    } else {
        ucontext_t uc;
        n_expected = backtrace(expected, 64);
        getcontext(&uc);
        take(&uc);
    }
    local[1] = local[0];
}

/* The callers of here(), root first; `n_exact` frames are not return addresses. */
static void agree(int n_exact)
{
    assert_true(whole);
    int n = (int)n_frames < n_expected ? (int)n_frames - 1 : n_expected - 1, exact = 0;
    for (int i = 1; i <= n; i++) {
        uint64_t ours = frames[n_frames - (uint32_t)i], theirs = (uint64_t)expected[n_expected - i];
        exact += ours == theirs;
        if (ours != theirs && ours + 1 != theirs && i < n - 3)
            fail_msg("frame %d from the root: %#lx, not %#lx", i, (long)ours, (long)theirs);
    }
    assert_int_equal(exact, n_exact);
}

static void as_backtrace(void **state)
{
    here(20);
    assert_true(n_frames > 10);
    agree(0);
}

static void on_signal(int signo, siginfo_t *info, void *context)
{
    here(3);
}

static void through_a_signal(void **state)
{
    struct sigaction act = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO}, old;
    sigaction(SIGUSR1, &act, &old);
    raise(SIGUSR1);
    sigaction(SIGUSR1, &old, NULL);
    agree(1); /* the interrupted frame */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_end),     cmocka_unit_test(popped),
        cmocka_unit_test(frame_pointers),   cmocka_unit_test(loop),
        cmocka_unit_test(context_end),      cmocka_unit_test(as_backtrace),
        cmocka_unit_test(through_a_signal), cmocka_unit_test(return_address_in_rdi),
        cmocka_unit_test(lost_bp_is_found), cmocka_unit_test(fiber_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
