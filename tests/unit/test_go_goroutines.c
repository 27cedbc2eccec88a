/* go_goroutines, go_labels, go_goroutine, threadcreate: out of memory that is made up, also
 * such as no program has. */
#include "unit.h"

#include "fake_go.h"
#include "fake_table.h"
#include "go/go_goroutine.h"

enum { GOEXIT, SWITCH, F, G, SYSTEM, N };

static const struct fake_function functions[N] = {
    [GOEXIT] = {.name = "runtime.goexit", .id = 9, .flags = 1},
    [SWITCH] = {.name = "runtime.systemstack_switch", .id = 23},
    [F] = {.name = "main.f", .frame = 24},
    [G] = {.name = "main.g", .frame = 8},
    [SYSTEM] = {.name = "runtime.bgsweep", .frame = 8},
};

#define LIST (FAKE_BASE + 0x8000)
#define FIRST (FAKE_BASE + 0x10000) /* g's, G_BYTES apart */
#define STACKS (FAKE_BASE + 0x40000)
#define STACK_BYTES 2048u
#define LABELS (FAKE_BASE + 0x60000)
#define G_BYTES 256u

static const struct {
    enum go_field field;
    uint16_t at;
} layout[] = {
    {GO_G_SIZE, G_BYTES},    {GO_G_STACK_LO, 0},  {GO_G_STACK_HI, 8},    {GO_G_M, 16},
    {GO_G_SCHED_SP, 24},     {GO_G_SCHED_PC, 32}, {GO_G_SYSCALLSP, 40},  {GO_G_SYSCALLPC, 48},
    {GO_G_ATOMICSTATUS, 56}, {GO_G_GOID, 64},     {GO_G_WAITSINCE, 72},  {GO_G_WAITREASON, 80},
    {GO_G_GOPC, 88},         {GO_G_STARTPC, 96},  {GO_G_LABELS, 104},    {GO_G_LOCKEDM, 112},
    {GO_G_PARENTGOID, 120},  {GO_M_ALLLINK, 0},   {GO_M_CREATESTACK, 8}, {GO_M_CURG, 264},
    {GO_M_PROCID, 272},
};

struct made {
    struct fake_go fake;
    struct fake_table table;
    unsigned n;
};

static uint64_t g_at(unsigned i)
{
    return FIRST + G_BYTES * (uint64_t)i;
}

static void set(struct made *m, unsigned i, enum go_field field, uint64_t value)
{
    fake_put(&m->fake, g_at(i) + m->fake.program.layout.at[field], value, 8);
}

/* One more, that waits in main.g, called by main.f. */
static unsigned add(struct made *m)
{
    unsigned i = m->n++;
    uint64_t low = STACKS + STACK_BYTES * (uint64_t)i, high = low + STACK_BYTES, sp = high - 48;
    set(m, i, GO_G_STACK_LO, low);
    set(m, i, GO_G_STACK_HI, high);
    set(m, i, GO_G_SCHED_SP, sp);
    set(m, i, GO_G_SCHED_PC, fake_pc(G, 5));
    fake_put(&m->fake, sp + 8, fake_pc(F, 9), 8);
    fake_put(&m->fake, sp + 16 + 24, fake_pc(GOEXIT, 1), 8);
    set(m, i, GO_G_ATOMICSTATUS, GO_STATUS_WAITING);
    set(m, i, GO_G_WAITREASON, 14);
    set(m, i, GO_G_GOID, 10 + i);
    set(m, i, GO_G_STARTPC, fake_pc(F, 0));
    set(m, i, GO_G_GOPC, fake_pc(F, 20));
    fake_put(&m->fake, LIST + 8 * i, g_at(i), 8);
    fake_put(&m->fake, fake_variable(GO_VAR_ALLGLEN), m->n, 8);
    return i;
}

static void start(struct made *m, unsigned n)
{
    m->n = 0;
    fake_start(&m->fake);
    fake_table_init(&m->table, functions, N);
    m->fake.program.table = m->table.table;
    for (size_t i = 0; i < sizeof layout / sizeof *layout; i++)
        m->fake.program.layout.at[layout[i].field] = layout[i].at;
    fake_put(&m->fake, fake_variable(GO_VAR_ALLGPTR), LIST, 8);
    while (m->n < n)
        add(m);
}

static void finish(struct made *m)
{
    fake_table_release(&m->table);
    fake_end(&m->fake);
}

static const char *text_of(struct made *m, unsigned level, struct diag *diag)
{
    static struct buf text;
    static struct err err;
    struct go_options options = {.debug = level};
    buf_clear(&text);
    bool ok = go_goroutine_text(&m->fake.program, "goroutine", GO_STATUS_ALL, &options, &text, diag,
                                &err);
    return ok ? buf_str(&text) : err.msg;
}

#define STACK "@ 0x4000c5 0x400089 0x400001\n"
#define FRAMES "#\t0x4000c4\tmain.g+0x4\tf.go:13\n#\t0x400088\tmain.f+0x8\tf.go:12\n\n"

static void some(void **state)
{
    struct made m;
    start(&m, 5);
    set(&m, 1, GO_G_ATOMICSTATUS, GO_STATUS_DEAD);
    set(&m, 2, GO_G_STARTPC, fake_pc(SYSTEM, 0));
    set(&m, 3, GO_G_ATOMICSTATUS, GO_STATUS_SYSCALL | 0x1000);
    set(&m, 3, GO_G_SYSCALLSP, STACKS + 4 * STACK_BYTES - 32);
    set(&m, 3, GO_G_SYSCALLPC, fake_pc(F, 9));
    assert_string_equal(text_of(&m, 1, NULL),
                        "goroutine profile: total 3\n2 " STACK FRAMES
                        "1 @ 0x400089 0x400001\n#\t0x400088\tmain.f+0x8\tf.go:12\n\n");
    assert_non_null(strstr(text_of(&m, 2, NULL), "goroutine 13 [syscall]:\nmain.f()\n"));
    struct err err = {0};
    struct go_options options = {0};
    struct profile *p =
        go_goroutine_profile(&m.fake.program, "goroutine", GO_STATUS_ALL, &options, NULL, &err);
    assert_non_null(p);
    assert_int_equal(p->n_samples, 2);
    assert_int_equal(p->values[0], 2);
    assert_int_equal(p->n_locations, 2);
    assert_int_equal(p->label_first[1], 3); /* state, wait_reason, creator */
    profile_free(p);
    finish(&m);
}

static void no_list(void **state)
{
    struct made m;
    start(&m, 1);
    fake_put(&m.fake, fake_variable(GO_VAR_ALLGLEN), UINT64_C(1) << 60, 8);
    assert_string_equal(text_of(&m, 1, NULL),
                        "process 7 (fake): its list of goroutines makes no sense "
                        "(1152921504606846976 at 0x18000)");
    fake_put(&m.fake, fake_variable(GO_VAR_ALLGLEN), 1, 8);
    fake_put(&m.fake, fake_variable(GO_VAR_ALLGPTR), LIST + 4, 8);
    assert_non_null(strstr(text_of(&m, 1, NULL), "makes no sense"));
    /* Addresses where there is nothing: none is counted. */
    fake_put(&m.fake, fake_variable(GO_VAR_ALLGPTR), LIST, 8);
    fake_put(&m.fake, LIST, UINT64_MAX - 3, 8);
    assert_string_equal(text_of(&m, 1, NULL), "goroutine profile: total 0\n");
    finish(&m);
}

/* Stacks that cannot be: the goroutine is counted, where it is not known. */
static void no_stack(void **state)
{
    static const uint64_t bad[][3] = {
        {STACKS, STACKS + STACK_BYTES, STACKS - 8},                /* sp below */
        {STACKS, STACKS + STACK_BYTES, STACKS + STACK_BYTES},      /* sp above */
        {STACKS + STACK_BYTES, STACKS, STACKS + 8},                /* upside down */
        {0, UINT64_MAX, STACKS},                                   /* without end */
        {STACKS, STACKS + STACK_BYTES, STACKS + STACK_BYTES - 41}, /* not aligned */
        {UINT64_MAX - 4095, UINT64_MAX - 7, UINT64_MAX - 2047},    /* nothing there */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct made m;
        struct diag diag;
        diag_init(&diag);
        start(&m, 2);
        set(&m, 0, GO_G_STACK_LO, bad[i][0]);
        set(&m, 0, GO_G_STACK_HI, bad[i][1]);
        set(&m, 0, GO_G_SCHED_SP, bad[i][2]);
        assert_string_equal(text_of(&m, 1, &diag),
                            "goroutine profile: total 2\n"
                            "1 @ 0x400081\n#\t0x400080\tmain.f+0x0\tf.go:12\n\n"
                            "1 " STACK FRAMES);
        assert_true(diag.n >= 1);
        assert_non_null(strstr(diag.texts[diag.n - 1], "1 of 2 goroutines"));
        diag_release(&diag);
        finish(&m);
    }
}

/* One that is never twice the same. */
static void change(struct fake_go *fake, uint64_t address)
{
    struct made *m = (struct made *)fake;
    if (address <= g_at(0) && address + G_BYTES > g_at(0))
        set(m, 0, GO_G_SCHED_SP, fake_get(fake, g_at(0) + 24, 8) ^ 0x40);
}

static void changing(void **state)
{
    struct made m;
    struct diag diag;
    diag_init(&diag);
    start(&m, 2);
    m.fake.on_read = change;
    const char *text = text_of(&m, 1, &diag);
    assert_non_null(strstr(text, "goroutine profile: total 2\n"));
    assert_non_null(strstr(text, STACK));
    assert_true(m.fake.n_reads < 500);
    assert_true(diag.n > 0);
    diag_release(&diag);
    finish(&m);
}

/* Its thread is none of ours. */
static void running(void **state)
{
    struct made m;
    struct diag diag;
    diag_init(&diag);
    start(&m, 2);
    set(&m, 0, GO_G_ATOMICSTATUS, GO_STATUS_RUNNING);
    set(&m, 0, GO_G_M, FAKE_BASE + 0x70000);
    fake_put(&m.fake, FAKE_BASE + 0x70000 + 264, g_at(0), 8);
    fake_put(&m.fake, FAKE_BASE + 0x70000 + 272, UINT64_MAX, 8);
    assert_non_null(strstr(text_of(&m, 2, &diag),
                           "goroutine 10 [running]:\n\tgoroutine running on other thread; stack "
                           "unavailable\ncreated by main.f\n"));
    assert_true(diag.n > 0);
    diag_release(&diag);
    finish(&m);
}

static void put_label(struct made *m, unsigned i, uint64_t key, uint64_t key_len, uint64_t value,
                      uint64_t value_len)
{
    const uint64_t words[] = {key, key_len, value, value_len};
    for (unsigned k = 0; k < 4; k++)
        fake_put(&m->fake, LABELS + 0x100 + 32 * i + 8 * k, words[k], 8);
}

static void put_slice(struct made *m, uint64_t first, uint64_t n)
{
    fake_put(&m->fake, LABELS, first, 8);
    fake_put(&m->fake, LABELS + 8, n, 8);
    fake_put(&m->fake, LABELS + 16, n, 8);
}

static void labels(void **state)
{
    struct made m;
    struct diag diag;
    start(&m, 1);
    set(&m, 0, GO_G_LABELS, LABELS);
    fake_put(&m.fake, LABELS + 0x1000, 0x0079656b, 4); /* "key" */
    fake_put(&m.fake, LABELS + 0x1010, 0x0a2261, 4);   /* a, ", \n */
    put_label(&m, 0, LABELS + 0x1000, 3, LABELS + 0x1010, 3);
    put_label(&m, 1, LABELS + 0x1001, 2, 0, 0);
    put_slice(&m, LABELS + 0x100, 2);
    assert_string_equal(text_of(&m, 1, NULL),
                        "goroutine profile: total 1\n1 @ 0x4000c5 0x400089 0x400001\n"
                        "# labels: {\"ey\":\"\", \"key\":\"a\\\"\\n\"}\n" FRAMES);
    /* Each of these makes no sense: no labels, and a note. */
    for (int i = 0; i < 6; i++) {
        diag_init(&diag);
        put_slice(&m, LABELS + 0x100, 2);
        put_label(&m, 0, LABELS + 0x1000, 3, LABELS + 0x1010, 3);
        if (i == 0)
            put_slice(&m, LABELS + 0x100, UINT64_C(1) << 60);
        else if (i == 1)
            put_slice(&m, UINT64_MAX - 15, 2);
        else if (i == 2)
            put_label(&m, 0, LABELS + 0x1000, UINT64_MAX, LABELS + 0x1010, 3);
        else if (i == 3)
            put_label(&m, 0, 8, 3, LABELS + 0x1010, 3);
        else if (i == 4)
            put_label(&m, 0, LABELS, 3, LABELS, 1 << 20);
        else
            set(&m, 0, GO_G_LABELS, 8);
        assert_string_equal(text_of(&m, 1, &diag), "goroutine profile: total 1\n1 " STACK FRAMES);
        assert_int_equal(diag.n, 1);
        assert_string_equal(diag.texts[0], "the labels of 1 goroutines could not be read");
        diag_release(&diag);
    }
    finish(&m);
}

/* As they were until Go 1.23: {count, flags, B, ..., buckets, old buckets}. */
static void label_maps(void **state)
{
    struct made m;
    struct diag diag;
    uint64_t map = LABELS + 0x20, bucket = LABELS + 0x200;
    start(&m, 1);
    m.fake.program.minor = 22;
    set(&m, 0, GO_G_LABELS, LABELS);
    fake_put(&m.fake, LABELS, map, 8);
    fake_put(&m.fake, map, 1, 8);
    fake_put(&m.fake, map + 16, bucket, 8);
    fake_put(&m.fake, bucket + 3, 200, 1);
    fake_put(&m.fake, bucket + 8 + 16 * 3, LABELS + 0x1000, 8);
    fake_put(&m.fake, bucket + 8 + 16 * 3 + 8, 1, 8);
    fake_put(&m.fake, bucket + 136 + 16 * 3, LABELS + 0x1001, 8);
    fake_put(&m.fake, bucket + 136 + 16 * 3 + 8, 2, 8);
    fake_put(&m.fake, LABELS + 0x1000, 0x7a7978, 3);
    assert_non_null(strstr(text_of(&m, 1, NULL), "# labels: {\"x\":\"yz\"}\n"));
    for (int i = 0; i < 3; i++) {
        diag_init(&diag);
        fake_put(&m.fake, bucket + 264, i == 0 ? bucket : 0, 8); /* a circle */
        fake_put(&m.fake, map + 9, i == 1 ? 60 : 0, 1);          /* 2^60 buckets */
        fake_put(&m.fake, map, i == 2 ? 5 : 1, 8);               /* more than there are */
        assert_null(strstr(text_of(&m, 1, &diag), "labels"));
        assert_int_equal(diag.n, 1);
        diag_release(&diag);
    }
    assert_true(m.fake.n_reads < 1000);
    finish(&m);
}

static void threads(void **state)
{
    struct made m;
    struct err err = {0};
    struct buf text = {0};
    struct go_options options = {.debug = 1};
    uint64_t first = FAKE_BASE + 0x70000, second = FAKE_BASE + 0x71000;
    start(&m, 0);
    m.fake.program.minor = 22;
    fake_put(&m.fake, fake_variable(GO_VAR_ALLM), first, 8);
    fake_put(&m.fake, first, second, 8);
    fake_put(&m.fake, first + 8, fake_pc(F, 9), 8);
    assert_true(go_kind_threadcreate.text(&m.fake.program, &options, &text, NULL, &err));
    assert_string_equal(buf_str(&text), "threadcreate profile: total 2\n1 @\n#\t0x0\n\n"
                                        "1 @ 0x400089\n#\t0x400088\tmain.f+0x8\tf.go:12\n\n");
    fake_put(&m.fake, second, first, 8);
    assert_false(go_kind_threadcreate.text(&m.fake.program, &options, &text, NULL, &err));
    assert_int_equal(err.code, ERR_INPUT);
    fake_put(&m.fake, second, 8, 8);
    assert_false(go_kind_threadcreate.text(&m.fake.program, &options, &text, NULL, &err));
    buf_release(&text);
    finish(&m);
}

static void other_layout(void **state)
{
    struct made m;
    start(&m, 1);
    m.fake.program.layout.at[GO_G_LABELS] = G_BYTES - 4;
    assert_string_equal(text_of(&m, 1, NULL),
                        "process 7 (fake): goroutines of go1.24.4 are laid out in another way");
    finish(&m);
}

static void reasons(void **state)
{
    assert_string_equal(go_wait_reason(19, 26), "debug call");
    assert_string_equal(go_wait_reason(19, 27), "unknown wait reason");
    assert_string_equal(go_wait_reason(19, 21), "timer goroutine (idle)");
    assert_string_equal(go_wait_reason(20, 21), "sync.Mutex.Lock");
    assert_string_equal(go_wait_reason(22, 14), "chan receive");
    assert_string_equal(go_wait_reason(25, 14), "chan receive");
    assert_string_equal(go_wait_reason(27, 14), "sleep");
    assert_string_equal(go_wait_reason(27, 19), "chan receive");
    assert_string_equal(go_wait_reason(24, 43), "select (synctest)");
    assert_string_equal(go_status_name(99), "???");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(some),       cmocka_unit_test(no_list), cmocka_unit_test(no_stack),
        cmocka_unit_test(changing),   cmocka_unit_test(running), cmocka_unit_test(labels),
        cmocka_unit_test(label_maps), cmocka_unit_test(threads), cmocka_unit_test(other_layout),
        cmocka_unit_test(reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
