#include "render/dot.h"
#include "render/drawing.h"
#include "render/picture_svg.h"
#include "render/text_width.h"
#include "unit.h"

#include <math.h>
#include <string.h>

static void same(double a, double b)
{
    if (fabs(a - b) > 1e-6)
        fail_msg("%g is not %g", a, b);
}

static void texts_have_widths(void **state)
{
    same(text_width(STR(""), 10), 0);
    same(text_width(STR("0123456789"), 10), 55.6);
    same(text_width(STR("iW"), 100), 22.2 + 94.4);
    same(text_width(STR("\t\n"), 10), 0);
    same(text_width(STR("[\xe2\x80\xa6]"), 10), 10 + 2 * 2.78);
    same(text_width(STR("\xc3\xa9"), 10), 6);     /* e with an accent */
    same(text_width(STR("e\xcc\x81"), 10), 5.56); /* the accent on its own */
    same(text_width(STR("\xe6\xbc\xa2\xe5\xad\x97"), 10), 20);
    same(text_width(STR("\xc3"), 10), 10); /* no UTF-8: shown as U+FFFD */
    same(text_width(STR("\x80\x80"), 10), 20);
}

static void plain(struct str text, const char *want)
{
    AUTO_ARENA arena = {0};
    assert_string_equal(drawing_plain(&arena, text), want);
}

static void texts_lose_the_notation_of_dot(void **state)
{
    plain(STR(""), "");
    plain(STR("a -> b (1s)"), "a -> b (1s)");
    plain(STR("a\\\"b\\\\c"), "a\"b\\c");
    plain(STR("a\\nb\\lc\\l"), "a\nb\nc");
    plain(STR("\\"), "\\");
}

/* A box, a tag at it, a box below; and what can be said only in DOT. */
static struct picture_box boxes[] = {
    {.name = "N1",
     .id = "node1",
     .label = {"main\\n1s (50%)", 14},
     .tooltip = {"main (1s)", 9},
     .font_size = 24,
     .color = 0xb20000,
     .fill = 0xedd5d5},
    {.name = "N1_0",
     .id = "N1_0",
     .label = {"k:v", 3},
     .tooltip = {"1s", 2},
     .font_size = 8,
     .fill = PICTURE_TAG_FILL,
     .is_tag = true},
    {.name = "N2",
     .id = "node2",
     .label = {"f<int>\\n0 of 1s", 15},
     .tooltip = {"f<int> (1s)", 11},
     .font_size = 8,
     .color = 0xb2a999,
     .fill = 0xedecea},
};
static struct picture_arrow arrows[] = {
    {.from = 0, .to = 1, .label = {" 1s", 3}, .tooltip = {"1s", 2}, .weight = 100, .width = 1},
    {.from = 0,
     .to = 2,
     .label = {" 1s\\n (inline)", 14},
     .tooltip = {"main -> f<int> (1s)", 19},
     .weight = 51,
     .width = 3,
     .color = 0xb2a999,
     .has_color = true,
     .is_dotted = true,
     .is_long = true},
    {.from = 2,
     .to = PICTURE_NONE,
     .label = {" 0", 2},
     .tooltip = {"", 0},
     .weight = 1,
     .width = 1},
    {.from = 2, .to = 2, .label = {" 1s", 3}, .tooltip = {"", 0}, .weight = 1, .width = 1},
};
static const struct picture picture = {
    .title = {"a.out", 5},
    .legend = {"File: a.out\\lType: cpu\\l", 24},
    .legend_name = {"File: a.out", 11},
    .boxes = boxes,
    .arrows = arrows,
    .n_boxes = 3,
    .n_arrows = 4,
};

static void a_picture_in_dot(void **state)
{
    AUTO_BUF out = {0};
    dot_write(&out, &picture);
    assert_string_equal(
        buf_str(&out),
        "digraph \"a.out\" {\n"
        "node [style=filled fillcolor=\"#f8f8f8\"]\n"
        "subgraph cluster_L { \"File: a.out\" [shape=box fontsize=16 "
        "label=\"File: a.out\\lType: cpu\\l\" tooltip=\"a.out\"] }\n"
        "N1 [label=\"main\\n1s (50%)\" id=\"node1\" fontsize=24 shape=box tooltip=\"main (1s)\" "
        "color=\"#b20000\" fillcolor=\"#edd5d5\"]\n"
        "N1_0 [label = \"k:v\" id=\"N1_0\" fontsize=8 shape=box3d tooltip=\"1s\"]\n"
        "N1 -> N1_0 [label=\" 1s\" weight=100 tooltip=\"1s\" labeltooltip=\"1s\"]\n"
        "N2 [label=\"f<int>\\n0 of 1s\" id=\"node2\" fontsize=8 shape=box tooltip=\"f<int> (1s)\" "
        "color=\"#b2a999\" fillcolor=\"#edecea\"]\n"
        "N1 -> N2 [label=\" 1s\\n (inline)\" weight=51 penwidth=3 color=\"#b2a999\" "
        "tooltip=\"main -> f<int> (1s)\" labeltooltip=\"main -> f<int> (1s)\" style=\"dotted\" "
        "minlen=2]\n"
        "N2 -> N0 [label=\" 0\" tooltip=\"\" labeltooltip=\"\"]\n"
        "N2 -> N2 [label=\" 1s\" tooltip=\"\" labeltooltip=\"\"]\n"
        "}\n");
}

/* Lines lie inside of their box, from top to bottom. */
static void inside(const struct drawing_lines *lines, double x, double y, double w, double h)
{
    double above = y - h / 2;
    for (uint32_t i = 0; i < lines->n; i++) {
        const struct drawing_line *line = &lines->lines[i];
        double left = line->is_centered ? line->x - line->width / 2 : line->x;
        assert_true(left >= x - w / 2 && left + line->width <= x + w / 2);
        assert_true(line->y - 0.7 * lines->font_size > above && line->y < y + h / 2);
        above = line->y;
    }
}

static void a_picture_drawn(void **state)
{
    struct drawing d;
    assert_true(drawing_init(&d, &picture, NULL));
    assert_int_equal(d.layout.n_arrows, 2); /* not to itself, not to nothing */
    for (uint32_t i = 0; i < 3; i++) {
        const struct layout_box *b = &d.layout.boxes[i];
        inside(&d.box_texts[i], b->x, b->y, b->width, b->height);
    }
    same(d.layout.boxes[0].width, text_width(STR("1s (50%)"), 24) + 16);
    same(d.layout.boxes[0].height, 2 * 24 * 1.2 + 8);
    same(d.layout.boxes[2].width, 54);
    inside(&d.legend, d.legend_x + d.legend_width / 2, d.legend_y + d.legend_height / 2,
           d.legend_width, d.legend_height);
    assert_int_equal(d.arrow_texts[1].n, 2);
    assert_true(str_eq(d.arrow_texts[1].lines[1].text, STR("(inline)")));
    /* The long arrow passes the layer of the tag. */
    assert_true(d.layout.boxes[2].y > d.layout.boxes[1].y);
    assert_true(d.width >= d.legend_width && d.height >= d.legend_height);
    drawing_release(&d);
}

static void a_head_is_a_triangle_on_the_line(void **state)
{
    struct layout_point points[] = {{0, 0}, {0, 3}, {0, 6}, {0, 10}}, corners[3];
    struct layout_arrow arrow = {.points = points, .n_points = 4, .tip = {0, 20}};
    drawing_head(&arrow, corners);
    same(corners[0].x, 0);
    same(corners[0].y, 20);
    same(corners[1].x, -3.5);
    same(corners[1].y, 10);
    same(corners[2].x, 3.5);
    same(corners[2].y, 10);
}

static void a_picture_in_svg(void **state)
{
    AUTO_BUF out = {0};
    struct drawing d;
    assert_true(drawing_init(&d, &picture, NULL));
    assert_true(picture_svg_write(&out, &d, NULL));
    const char *svg = buf_str(&out);
    static const char *const parts[] = {
        "<g id=\"node1\" class=\"node\" font-size=\"24\"><title>main (1s)</title>",
        "<g id=\"N1_0\" class=\"node tag\" font-size=\"8\"><title>1s</title>",
        "<g fill=\"#edd5d5\" stroke=\"#b20000\"><rect ",
        ">f&lt;int&gt;</text>",
        "<title>main -&gt; f&lt;int&gt; (1s)</title>\n<path class=\"dotted\" d=\"M",
        " stroke=\"#b2a999\" stroke-width=\"3\"/>",
        ">(inline)</text>",
        ">File: a.out</text>",
        "</script>\n</svg>\n",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(svg, parts[i]))
            fail_msg("no %s in %s", parts[i], svg);
    drawing_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_have_widths),
        cmocka_unit_test(texts_lose_the_notation_of_dot),
        cmocka_unit_test(a_picture_in_dot),
        cmocka_unit_test(a_picture_drawn),
        cmocka_unit_test(a_head_is_a_triangle_on_the_line),
        cmocka_unit_test(a_picture_in_svg),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
