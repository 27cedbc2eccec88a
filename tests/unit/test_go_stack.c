/* go_stack, go_callers, go_traceback: stacks of functions that are not there. */
#include "unit.h"

#include "fake_table.h"
#include "go/go_callers.h"
#include "go/go_stack.h"
#include "go/go_traceback.h"

#include <stdio.h>
#include <string.h>

enum { GOEXIT, SWITCH, F, G, WRAP, GOPANIC, SIGPANIC, WRITES, FOREIGN, INLINES, GENERIC, N };
#define WRAPPER 24
#define TOP 1
#define SP_WRITE 2

static const struct fake_function functions[N] = {
    [GOEXIT] = {.name = "runtime.goexit", .id = 9, .flags = TOP},
    [SWITCH] = {.name = "runtime.systemstack_switch", .id = WRAPPER - 1},
    /* a number, {a number, a byte}, another at an offset that lives, ..., one too far */
    [F] = {.name = "main.f",
           .frame = 24,
           .args = STR("\x00\x08\xfe\x08\x08\x10\x01\xfd\x18\x08\xfc\xfb\xff"),
           .live = STR("\x10\x01"),
           .live_index = 1},
    [G] = {.name = "main.g", .frame = 8},
    [WRAP] = {.name = "main.(*T).g", .frame = 16, .id = WRAPPER},
    [GOPANIC] = {.name = "runtime.gopanic", .frame = 8, .id = 11},
    [SIGPANIC] = {.name = "runtime.sigpanic", .frame = 8, .id = 20},
    [WRITES] = {.name = "runtime.gogo", .frame = 0, .flags = SP_WRITE},
    [FOREIGN] = {.name = "race.call", .frame = -1},
    [INLINES] = {.name = "main.outer", .frame = 8, .inlined = "main.inner"},
    [GENERIC] = {.name = "main.T[go.shape.int].M[go.shape.string]", .frame = 8},
};

#define LOW 0x7000u

struct made {
    struct fake_table table;
    struct go_code *code;
    uint64_t words[256]; /* from LOW on */
    size_t n;
    struct go_stack stack;
    struct go_frame frames[64];
    size_t n_frames;
};

static void start(struct made *m, unsigned minor)
{
    memset(m, 0, sizeof *m);
    fake_table_init(&m->table, functions, N);
    m->code = go_code_new(m->table.table, minor, NULL);
    assert_non_null(m->code);
}

static void finish(struct made *m)
{
    go_code_free(m->code);
    fake_table_release(&m->table);
}

/* The frame of `function`, which returns to `to`. */
static void push(struct made *m, unsigned function, uint64_t to)
{
    m->n += (size_t)functions[function].frame / 8;
    m->words[m->n++] = to;
}

static enum go_stack_end walk(struct made *m, uint64_t pc, size_t max)
{
    m->stack.pc = pc;
    m->stack.sp = m->stack.low = LOW;
    m->stack.bytes = (const uint8_t *)m->words;
    m->stack.n_bytes = 8 * m->n;
    return go_stack_walk(m->code, &m->stack, m->frames, max, &m->n_frames);
}

/* "function+offset" of each address. */
static const char *pcs_of(struct made *m, size_t max)
{
    static char text[1024];
    uint64_t pcs[64];
    size_t n = go_stack_pcs(m->code, m->frames, m->n_frames, pcs, max), at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        const struct go_function *f = go_code_at(m->code, pcs[i] - 1)->function;
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s+%d", i ? " " : "",
                               f ? f->f.name : "?", f ? (int)(pcs[i] - f->f.entry) : 0);
    }
    return text;
}

static void whole(void **state)
{
    struct made m;
    start(&m, 24);
    push(&m, G, fake_pc(F, 9));
    push(&m, F, fake_pc(GOEXIT, 1));
    assert_int_equal(walk(&m, fake_pc(G, 5), 64), GO_STACK_WHOLE);
    assert_int_equal(m.n_frames, 3);
    assert_int_equal(m.frames[0].args, LOW + 16);
    assert_int_equal(m.frames[1].args, LOW + 16 + 32);
    assert_string_equal(pcs_of(&m, 64), "main.g+5 main.f+9 runtime.goexit+1");
    assert_string_equal(pcs_of(&m, 2), "main.g+5 main.f+9");
    /* One that has not begun to run. */
    assert_int_equal(walk(&m, fake_pc(G, 0), 64), GO_STACK_WHOLE);
    assert_string_equal(pcs_of(&m, 1), "main.g+1");
    finish(&m);
}

static void ends(void **state)
{
    struct made m;
    start(&m, 24);
    push(&m, G, fake_pc(F, 9));
    assert_int_equal(walk(&m, fake_pc(G, 5), 64), GO_STACK_BYTES);
    assert_int_equal(m.n_frames, 2);
    assert_int_equal(walk(&m, fake_pc(G, 5), 1), GO_STACK_FULL);
    assert_int_equal(walk(&m, 0x123, 64), GO_STACK_TORN);
    assert_int_equal(walk(&m, fake_pc(FOREIGN, 3), 64), GO_STACK_RULE);
    assert_int_equal(m.n_frames, 0);
    m.words[1] = 0x123;
    assert_int_equal(walk(&m, fake_pc(G, 5), 64), GO_STACK_TORN);
    assert_int_equal(m.n_frames, 1);
    m.words[1] = 0;
    assert_int_equal(walk(&m, fake_pc(G, 5), 64), GO_STACK_TORN);
    m.words[1] = fake_pc(WRITES, 4);
    assert_int_equal(walk(&m, fake_pc(G, 5), 64), GO_STACK_RULE);
    assert_int_equal(m.n_frames, 2);
    /* A stack pointer outside the copy. */
    m.stack.sp = LOW + 4096;
    m.stack.pc = fake_pc(G, 5);
    assert_int_equal(go_stack_walk(m.code, &m.stack, m.frames, 64, &m.n_frames), GO_STACK_BYTES);
    m.stack.sp = UINT64_MAX - 7;
    assert_int_equal(go_stack_walk(m.code, &m.stack, m.frames, 64, &m.n_frames), GO_STACK_TORN);
    m.stack.sp = 8;
    assert_int_equal(go_stack_walk(m.code, &m.stack, m.frames, 64, &m.n_frames), GO_STACK_BYTES);
    finish(&m);
}

static void wrappers(void **state)
{
    struct made m;
    start(&m, 24);
    push(&m, G, fake_pc(WRAP, 9));
    push(&m, WRAP, fake_pc(F, 9));
    push(&m, F, fake_pc(GOEXIT, 1));
    assert_int_equal(walk(&m, fake_pc(G, 5), 64), GO_STACK_WHOLE);
    assert_string_equal(pcs_of(&m, 64), "main.g+5 main.f+9 runtime.goexit+1");
    /* One that panics itself is shown. */
    m.n = 0;
    push(&m, GOPANIC, fake_pc(WRAP, 9));
    push(&m, WRAP, fake_pc(GOEXIT, 1));
    assert_int_equal(walk(&m, fake_pc(GOPANIC, 5), 64), GO_STACK_WHOLE);
    assert_string_equal(pcs_of(&m, 64), "runtime.gopanic+5 main.(*T).g+9 runtime.goexit+1");
    finish(&m);
}

/* What a signal interrupted has not called anything: the address is that of the instruction. */
static void traps(void **state)
{
    struct made m;
    start(&m, 24);
    push(&m, SIGPANIC, fake_pc(F, 9));
    push(&m, F, fake_pc(GOEXIT, 1));
    assert_int_equal(walk(&m, fake_pc(SIGPANIC, 5), 64), GO_STACK_WHOLE);
    assert_string_equal(pcs_of(&m, 64), "runtime.sigpanic+5 main.f+10 runtime.goexit+1");
    m.stack.is_trap = true;
    assert_int_equal(walk(&m, fake_pc(SIGPANIC, 5), 64), GO_STACK_WHOLE);
    assert_string_equal(pcs_of(&m, 1), "runtime.sigpanic+6");
    finish(&m);
}

static const char *callers_text(struct made *m, const uint64_t *pcs, size_t n)
{
    static struct buf text;
    buf_clear(&text);
    go_callers_text(m->code, pcs, n, false, &text);
    return buf_str(&text);
}

static void inlined(void **state)
{
    struct made m;
    start(&m, 24);
    push(&m, INLINES, fake_pc(GOEXIT, 1));
    assert_int_equal(walk(&m, fake_pc(INLINES, 40), 64), GO_STACK_WHOLE);
    assert_string_equal(pcs_of(&m, 64), "main.outer+40 main.outer+5 runtime.goexit+1");
    uint64_t inner = fake_pc(INLINES, 40), both[] = {inner, fake_pc(INLINES, 5)}, expanded[8];
    const char *want =
        "#\t0x400267\tmain.inner+0x27\tf.go:19\n#\t0x400244\tmain.outer+0x4\tf.go:19\n\n";
    assert_string_equal(callers_text(&m, both, 2), want);
    /* The outer one is put in where the next address is of another function. */
    uint64_t inner_only[] = {inner, fake_pc(F, 9)};
    assert_int_equal(go_callers_expand(m.code, inner_only, 2, expanded, 8), 3);
    assert_int_equal(expanded[1], fake_pc(INLINES, 5));
    assert_int_equal(go_callers_expand(m.code, both, 2, expanded, 8), 2);
    finish(&m);
    start(&m, 22); /* not before Go 1.23 */
    assert_int_equal(go_callers_expand(m.code, inner_only, 2, expanded, 8), 2);
    finish(&m);
}

static void hidden(void **state)
{
    struct made m;
    start(&m, 24);
    uint64_t pcs[] = {fake_pc(GOPANIC, 5), fake_pc(F, 9), fake_pc(GOPANIC, 7), fake_pc(GOEXIT, 1)};
    assert_string_equal(callers_text(&m, pcs, 4), "#\t0x400088\tmain.f+0x8\t\tf.go:12\n"
                                                  "#\t0x400146\truntime.gopanic+0x6\tf.go:15\n\n");
    /* Nothing else: shown after all. */
    assert_string_equal(callers_text(&m, pcs, 1), "#\t0x400144\truntime.gopanic+0x4\tf.go:15\n\n");
    assert_string_equal(callers_text(&m, pcs + 3, 1), "\n");
    uint64_t none = 0;
    assert_string_equal(callers_text(&m, &none, 1), "#\t0x0\n\n");
    finish(&m);
}

static const char *printed(struct made *m, const char *name)
{
    static struct buf text;
    buf_clear(&text);
    go_code_add_name(m->code, name, &text);
    return buf_str(&text);
}

static void names(void **state)
{
    struct made m;
    start(&m, 26);
    assert_string_equal(printed(&m, "main.f"), "main.f");
    assert_string_equal(printed(&m, "main.f[go.shape.int]"), "main.f[...]");
    assert_string_equal(printed(&m, "main.f[go.shape.[]int].func1"), "main.f[...].func1");
    assert_string_equal(printed(&m, functions[GENERIC].name), "main.T[...]");
    assert_string_equal(printed(&m, "main.]["), "main.][");
    finish(&m);
    start(&m, 27);
    assert_string_equal(printed(&m, functions[GENERIC].name), "main.T[...].M[...]");
    assert_string_equal(printed(&m, "main.f[go.shape.[]int].func1"), "main.f[...].func1");
    assert_string_equal(printed(&m, "main.f[a]]b[c]"), "main.f[a]]b[c]");
    finish(&m);
}

static void arguments(void **state)
{
    struct made m;
    struct buf text = {0};
    start(&m, 24);
    push(&m, F, fake_pc(GOEXIT, 1));
    for (uint64_t i = 1; i <= 4; i++)
        m.words[m.n++] = 0x1111111111111100 + i;
    assert_int_equal(walk(&m, fake_pc(F, 9), 64), GO_STACK_WHOLE);
    /* Of those from offset 16 on the first lives, the second does not. */
    go_traceback_args(m.code, &m.frames[0], &m.stack, &text);
    assert_string_equal(buf_str(&text), "0x1111111111111101, {0x1111111111111102, 0x3}, "
                                        "0x1111111111111104?, ..., _");
    /* What was not copied. */
    m.stack.n_bytes -= 16;
    buf_clear(&text);
    go_traceback_args(m.code, &m.frames[0], &m.stack, &text);
    assert_string_equal(buf_str(&text), "0x1111111111111101, {0x1111111111111102, _}, _, ..., _");
    buf_release(&text);
    finish(&m);
}

static void traceback(void **state)
{
    struct made m;
    struct buf text = {0};
    start(&m, 24);
    for (int i = 0; i < 10; i++)
        push(&m, G, fake_pc(G, 9));
    m.words[m.n - 1] = fake_pc(GOEXIT, 1);
    struct go_frame frames[210];
    assert_int_equal(walk(&m, fake_pc(G, 5), 64), GO_STACK_WHOLE);
    for (int i = 0; i < 210; i++)
        frames[i] = m.frames[1];
    struct go_goroutine g = {.id = 7,
                             .status = GO_STATUS_WAITING,
                             .wait_reason = 14,
                             .wait_since = 1000000000,
                             .is_locked = true,
                             .parent = 3,
                             .created_at = fake_pc(F, 9),
                             .stack = m.stack,
                             .frames = frames,
                             .n_frames = 2};
    struct go_traceback t = {.code = m.code, .now_ns = 200000000000};
    go_traceback_print(&t, &g, &text);
    assert_string_equal(buf_str(&text), "goroutine 7 [chan receive, 3 minutes, locked to thread]:\n"
                                        "main.g()\n\tf.go:13 +0x9\nmain.g()\n\tf.go:13 +0x9\n"
                                        "created by main.f in goroutine 3\n\tf.go:12 +0x9\n");
    buf_clear(&text);
    g.n_frames = 210;
    go_traceback_print(&t, &g, &text);
    assert_non_null(strstr(buf_str(&text), "\n...110 frames elided...\n"));
    buf_clear(&text);
    g.n_frames = 100;
    go_traceback_print(&t, &g, &text);
    assert_null(strstr(buf_str(&text), "elided"));
    buf_release(&text);
    finish(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole), cmocka_unit_test(ends),      cmocka_unit_test(wrappers),
        cmocka_unit_test(traps), cmocka_unit_test(inlined),   cmocka_unit_test(hidden),
        cmocka_unit_test(names), cmocka_unit_test(arguments), cmocka_unit_test(traceback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
