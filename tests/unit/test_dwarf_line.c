/* dwarf_line: objects that compilers made from one source, as DWARF 2 to 5.
 *
 *    1  static inline int twice(int x) { return x * 2 + 1; }
 *    2  static inline int four(int x) { int a = twice(x); return a * twice(a + x); }
 *    3  static int cold(int x) ...
 *    4  int entry(int n) ...
 *   10  int other(int n) { return four(n) - cold(n); } */
#include "unit.h"

#include "sym/dwarf_line.h"
#include "sym_data.h"

#include <string.h>

static const char *const objects[] = {
    "dwarf/gcc_2",   "dwarf/gcc_3",   "dwarf/gcc_4",      "dwarf/gcc_5",     "dwarf/gcc_32",
    "dwarf/clang_4", "dwarf/clang_5", "dwarf/gcc_5_zlib", "dwarf/gcc_types",
};

#define N_MAX 4096

struct object {
    struct elf *elf;
    struct dwarf_line *dwarf;
    struct lookup lookups[N_MAX];
    struct frame_table table;
    size_t n;
};

/* Every address of the function. */
static void look_up(struct object *o, const char *name, const char *function)
{
    char path[SYM_DATA_PATH];
    const struct elf_symbol *symbols;
    struct diag diag;
    size_t n;
    memset(o, 0, sizeof *o);
    o->elf = elf_open(sym_data(path, name), NULL);
    assert_non_null(o->elf);
    o->dwarf = dwarf_line_open(o->elf, NULL);
    assert_non_null(o->dwarf);
    assert_true(elf_symbols(o->elf, &symbols, &n));
    for (size_t i = 0; i < n; i++) {
        for (uint64_t k = 0; strcmp(symbols[i].name, function) == 0 && k < symbols[i].size; k++)
            o->lookups[o->n++].address = symbols[i].address + k;
    }
    assert_true(o->n > 0);
    diag_init(&diag);
    assert_true(dwarf_line_lookup(o->dwarf, o->lookups, o->n, &o->table, &diag, NULL));
    assert_int_equal(diag.n, 0);
    diag_release(&diag);
}

static void object_release(struct object *o)
{
    frame_table_release(&o->table);
    dwarf_line_close(o->dwarf);
    elf_free(o->elf);
}

static const struct frame *frames_of(const struct object *o, size_t i)
{
    return &o->table.frames.items[o->lookups[i].first_frame];
}

static void plain_function(void **state)
{
    for (size_t k = 0; k < sizeof objects / sizeof *objects; k++) {
        struct object o;
        look_up(&o, objects[k], "cold");
        for (size_t i = 0; i < o.n; i++) {
            assert_int_equal(o.lookups[i].n_frames, 1);
            assert_string_equal(frames_of(&o, i)->name, "cold");
            assert_string_equal(frames_of(&o, i)->file, "/src/a.c");
            assert_int_equal(frames_of(&o, i)->line, 3);
            assert_int_equal(frames_of(&o, i)->start_line, 3);
        }
        object_release(&o);
    }
}

static void inlined_calls(void **state)
{
    for (size_t k = 0; k < sizeof objects / sizeof *objects; k++) {
        struct object o;
        size_t n_deep = 0;
        look_up(&o, objects[k], "other");
        for (size_t i = 0; i < o.n; i++) {
            uint32_t n = o.lookups[i].n_frames;
            const struct frame *f = frames_of(&o, i);
            assert_in_range(n, 1, 3);
            assert_string_equal(f[n - 1].name, "other");
            assert_int_equal(f[n - 1].line, 10);
            assert_int_equal(f[n - 1].start_line, 10);
            if (n < 3)
                continue;
            n_deep++;
            assert_string_equal(f[0].name, "twice");
            assert_int_equal(f[0].line, 1);
            assert_int_equal(f[0].start_line, 1);
            assert_string_equal(f[1].name, "four");
            assert_int_equal(f[1].line, 2);
            assert_string_equal(f[1].file, "/src/a.c");
        }
        assert_true(n_deep > 0);
        object_release(&o);
    }
}

static void outside_of_code(void **state)
{
    struct object o;
    struct diag diag;
    struct lookup far[] = {{0, 0, 0}, {1, 0, 0}, {0x700000, 0, 0}, {UINT64_MAX, 0, 0}};
    diag_init(&diag);
    look_up(&o, "dwarf/gcc_5", "other");
    assert_true(dwarf_line_lookup(o.dwarf, far, 4, &o.table, &diag, NULL));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(far[i].n_frames, 0);
    diag_release(&diag);
    object_release(&o);
}

static void no_debug_information(void **state)
{
    char path[SYM_DATA_PATH];
    struct err err = {0};
    struct elf *elf = elf_open(sym_data(path, "elf/stripped"), NULL);
    assert_non_null(elf);
    assert_null(dwarf_line_open(elf, &err));
    assert_int_equal(err.code, ERR_NONE);
    elf_free(elf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_function),
        cmocka_unit_test(inlined_calls),
        cmocka_unit_test(outside_of_code),
        cmocka_unit_test(no_debug_information),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
