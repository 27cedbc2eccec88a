/* gopclntab: two functions out of programs that Go 1.19 and Go 1.27 linked from
 *
 *    7  func (s *shape) area() int { return s.w * s.h }
 *    9  func clamp(x int) int {
 *   10      if x > 100 {
 *   16  func scaled(s *shape, by int) int { return clamp(s.area()) * by }
 *   19  func work(n int) int {
 *   20      s := shape{n, n + 1}
 *   21      total := scaled(&s, 3)
 *   22      func() { total += clamp(n) }()
 *   26  func main() {
 *   27      os.Exit(work(len(os.Args)) & 1)
 *
 * work is not to be inlined (go:noinline).  The tables are cut down to these two.  The
 * answers are what llvm-symbolizer reads out of the DWARF of these programs, which is
 * not made from the tables; start lines are those of the func lines above, which the
 * table of Go 1.19 does not have. */
#include "unit.h"

#include "base/reader.h"
#include "sym/gopclntab.h"
#include "sym_data.h"

#include <string.h>

#define TEXT 0x401000u

/* A file of the fuzz corpus: length of the table, table, inline trees. */
struct sample {
    struct file file;
    struct str table, trees;
};

static void sample_init(struct sample *sample, const char *name)
{
    char path[SYM_DATA_PATH];
    uint32_t n;
    memset(sample, 0, sizeof *sample);
    assert_true(file_read(&sample->file, sym_data(path, name), NULL));
    memcpy(&n, sample->file.data, sizeof n);
    const char *p = (const char *)sample->file.data + sizeof n;
    sample->table = (struct str){p, n};
    sample->trees = (struct str){p + n, sample->file.len - sizeof n - n};
}

/* "NAME:LINE(START)" of each frame, "<" between. */
static const char *frames_at(struct gopclntab *table, uint64_t address)
{
    static char text[1024];
    struct lookup lookup = {address, 0, 0};
    struct frame_table frames = {0};
    struct diag diag;
    size_t n = 0;
    diag_init(&diag);
    assert_true(gopclntab_lookup(table, &lookup, 1, &frames, &diag, NULL));
    text[0] = '\0';
    for (uint32_t i = 0; i < lookup.n_frames; i++) {
        const struct frame *f = &frames.frames.items[lookup.first_frame + i];
        if (f->line)
            assert_string_equal(f->file, "sample/main.go");
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s:%u(%u)", i ? "<" : "", f->name,
                              f->line, f->start_line);
    }
    frame_table_release(&frames);
    diag_release(&diag);
    return text;
}

static void go_1_27(void **state)
{
    struct sample sample;
    sample_init(&sample, "gopclntab/go1.27");
    struct gopclntab *table = gopclntab_new(sample.table, TEXT, sample.trees, NULL);
    assert_non_null(table);
    assert_string_equal(frames_at(table, TEXT), "main.work:20(19)");
    assert_string_equal(frames_at(table, TEXT + 4),
                        "main.(*shape).area:7(7)<main.scaled:16(16)<main.work:21(19)");
    assert_string_equal(frames_at(table, TEXT + 9),
                        "main.clamp:10(9)<main.scaled:16(16)<main.work:21(19)");
    assert_string_equal(frames_at(table, TEXT + 0x1a),
                        "main.clamp:10(9)<main.work.func1:22(22)<main.work:22(19)");
    assert_string_equal(frames_at(table, TEXT + 0x4e), "main.main:27(26)");
    assert_string_equal(frames_at(table, TEXT - 1), "");
    assert_string_equal(frames_at(table, TEXT + 0x80), "");
    gopclntab_free(table);
    /* without the trees each address has its own function alone */
    table = gopclntab_new(sample.table, TEXT, (struct str){"", 0}, NULL);
    assert_non_null(table);
    assert_string_equal(frames_at(table, TEXT + 9), "main.work:10(19)");
    gopclntab_free(table);
    file_release(&sample.file);
}

static void go_1_19(void **state)
{
    struct sample sample;
    sample_init(&sample, "gopclntab/go1.19");
    struct gopclntab *table = gopclntab_new(sample.table, TEXT, sample.trees, NULL);
    assert_non_null(table);
    assert_string_equal(frames_at(table, TEXT), "main.work:20(0)");
    assert_string_equal(frames_at(table, TEXT + 4),
                        "main.(*shape).area:7(0)<main.scaled:16(0)<main.work:21(0)");
    assert_string_equal(frames_at(table, TEXT + 0x15),
                        "main.clamp:10(0)<main.work.func1:22(0)<main.work:22(0)");
    assert_string_equal(frames_at(table, TEXT + 0x54), "main.main:27(0)");
    gopclntab_free(table);
    file_release(&sample.file);
}

/* Cut anywhere, it is no table, or answers for what is left. */
static void damage(void **state)
{
    struct sample sample;
    sample_init(&sample, "gopclntab/go1.27");
    for (size_t n = 0; n < sample.table.len; n++) {
        char *cut = malloc(n + 1);
        assert_non_null(cut);
        memcpy(cut, sample.table.p, n);
        struct gopclntab *table = gopclntab_new((struct str){cut, n}, TEXT, sample.trees, NULL);
        for (uint64_t at = 0; table && at < 0x80; at += 3)
            frames_at(table, TEXT + at);
        gopclntab_free(table);
        free(cut);
    }
    file_release(&sample.file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(go_1_27),
        cmocka_unit_test(go_1_19),
        cmocka_unit_test(damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
