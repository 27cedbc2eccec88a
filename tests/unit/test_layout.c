#include "alloc_fail.h"
#include "render/layout.h"
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GAP 18.0

/* A graph as a test writes it: boxes of one size, arrows with labels or without. */
struct graph {
    struct layout_box boxes[400];
    struct layout_arrow arrows[2000];
    struct layout layout;
};

static struct graph graph; /* large, so not on the stack */

static void start(uint32_t n_boxes)
{
    memset(&graph, 0, sizeof graph);
    graph.layout = (struct layout){.boxes = graph.boxes,
                                   .arrows = graph.arrows,
                                   .n_boxes = n_boxes,
                                   .box_gap = GAP,
                                   .layer_gap = 36};
    for (uint32_t i = 0; i < n_boxes; i++)
        graph.boxes[i] = (struct layout_box){.width = 60, .height = 40};
}

static struct layout_arrow *arrow(uint32_t from, uint32_t to)
{
    struct layout_arrow *a = &graph.arrows[graph.layout.n_arrows++];
    *a = (struct layout_arrow){.from = from, .to = to, .weight = 1, .n_layers = 1, .head = 10};
    return a;
}

static struct layout_arrow *labelled(uint32_t from, uint32_t to)
{
    struct layout_arrow *a = arrow(from, to);
    a->label_width = 35;
    a->label_height = 17;
    return a;
}

static double top(const struct layout_box *b)
{
    return b->y - b->height / 2;
}

static double bottom(const struct layout_box *b)
{
    return b->y + b->height / 2;
}

static void close_to(double a, double b)
{
    if (fabs(a - b) > 1.01)
        fail_msg("%g is not %g", a, b);
}

static bool overlap(double x, double y, double w, double h, double x2, double y2, double w2,
                    double h2)
{
    return fabs(x - x2) < (w + w2) / 2 - 0.01 && fabs(y - y2) < (h + h2) / 2 - 0.01;
}

static struct layout_point at(const struct layout_point *p, double t)
{
    double u = 1 - t, a = u * u * u, b = 3 * u * u * t, c = 3 * u * t * t, d = t * t * t;
    return (struct layout_point){a * p[0].x + b * p[1].x + c * p[2].x + d * p[3].x,
                                 a * p[0].y + b * p[1].y + c * p[2].y + d * p[3].y};
}

/* Boxes and labels lie apart and inside of the picture. */
static void boxes_are_apart(void)
{
    const struct layout *l = &graph.layout;
    for (uint32_t i = 0; i < l->n_boxes; i++) {
        const struct layout_box *b = &l->boxes[i];
        assert_true(b->x - b->width / 2 > -0.01 && b->x + b->width / 2 < l->width + 0.01);
        assert_true(top(b) > -0.01 && bottom(b) < l->height + 0.01);
        assert_false(overlap(b->x, b->y, b->width, b->height, l->corner.x + l->corner_width / 2,
                             l->corner_height / 2, l->corner_width, l->corner_height));
        for (uint32_t k = 0; k < i; k++) {
            const struct layout_box *c = &l->boxes[k];
            assert_false(overlap(b->x, b->y, b->width + GAP - 1, b->height, c->x, c->y, c->width,
                                 c->height));
        }
        for (uint32_t k = 0; k < l->n_arrows; k++) {
            const struct layout_arrow *a = &l->arrows[k];
            assert_false(overlap(b->x, b->y, b->width, b->height, a->label_x, a->label_y,
                                 a->label_width, a->label_height));
        }
    }
    for (uint32_t i = 0; i < l->n_arrows; i++)
        for (uint32_t k = 0; k < i; k++) {
            const struct layout_arrow *a = &l->arrows[i], *b = &l->arrows[k];
            if (a->label_width && b->label_width)
                assert_false(overlap(a->label_x, a->label_y, a->label_width, a->label_height,
                                     b->label_x, b->label_y, b->label_width, b->label_height));
        }
}

/* Each arrow starts and ends at its boxes, and passes no other box. */
static void arrows_are_clear(void)
{
    const struct layout *l = &graph.layout;
    for (uint32_t i = 0; i < l->n_arrows; i++) {
        const struct layout_arrow *a = &l->arrows[i];
        const struct layout_box *from = &l->boxes[a->from], *to = &l->boxes[a->to];
        bool is_down = from->y < to->y;
        struct layout_point first = a->points[0], last = a->points[a->n_points - 1];
        assert_true(a->n_points >= 4 && a->n_points % 3 == 1);
        close_to(first.y, is_down ? bottom(from) : top(from));
        assert_true(fabs(first.x - from->x) <= from->width / 2 + 0.5);
        close_to(a->tip.y, is_down ? top(to) : bottom(to));
        assert_true(fabs(a->tip.x - to->x) <= to->width / 2 + 0.5);
        assert_true(hypot(last.x - a->tip.x, last.y - a->tip.y) < a->head + 0.5);
        for (uint32_t k = 0; k + 3 < a->n_points; k += 3)
            for (int t = 0; t <= 12; t++) {
                struct layout_point p = at(&a->points[k], t / 12.0);
                assert_true(p.x > -1 && p.x < l->width + 1 && p.y > -1 && p.y < l->height + 1);
                for (uint32_t b = 0; b < l->n_boxes; b++)
                    if (b != a->from && b != a->to)
                        assert_false(overlap(p.x, p.y, 0, 0, l->boxes[b].x, l->boxes[b].y,
                                             l->boxes[b].width - 1, l->boxes[b].height - 1));
            }
    }
}

static void lay_out(void)
{
    struct err err = {0};
    if (!layout_run(&graph.layout, &err))
        fail_msg("%s", err.msg);
    boxes_are_apart();
    arrows_are_clear();
}

static void nothing(void **state)
{
    start(0);
    lay_out();
    assert_true(graph.layout.width == 0 && graph.layout.height == 0);
    layout_release(&graph.layout);
}

static void only_a_corner(void **state)
{
    start(0);
    graph.layout.corner_width = 100;
    graph.layout.corner_height = 50;
    lay_out();
    assert_true(graph.layout.width == 100 && graph.layout.height == 50);
    layout_release(&graph.layout);
}

static void two_boxes(void **state)
{
    start(2);
    arrow(0, 1);
    lay_out();
    assert_true(graph.boxes[0].x == graph.boxes[1].x);
    assert_true(graph.boxes[0].y == 20 && graph.boxes[1].y == 20 + 40 + 36);
    assert_int_equal(graph.arrows[0].n_points, 4);
    close_to(graph.arrows[0].points[3].y, 40 + 36 - 10);
    layout_release(&graph.layout);
}

static void a_label_is_right_of_its_arrow(void **state)
{
    start(2);
    labelled(0, 1);
    lay_out();
    const struct layout_arrow *a = &graph.arrows[0];
    close_to(a->label_y, (bottom(&graph.boxes[0]) + top(&graph.boxes[1])) / 2);
    close_to(a->label_x - a->label_width / 2, graph.boxes[0].x);
    layout_release(&graph.layout);
}

static void a_diamond_is_symmetric(void **state)
{
    start(4);
    arrow(0, 1);
    arrow(0, 2);
    arrow(1, 3);
    arrow(2, 3);
    lay_out();
    assert_true(graph.boxes[1].y == graph.boxes[2].y);
    assert_true(graph.boxes[0].x == graph.boxes[3].x);
    assert_true(fabs(graph.boxes[1].x - graph.boxes[2].x) == 60 + GAP);
    layout_release(&graph.layout);
}

static void a_long_arrow_goes_around(void **state)
{
    start(3);
    arrow(0, 1);
    arrow(1, 2);
    arrow(0, 2);
    lay_out();
    assert_true(graph.boxes[0].y < graph.boxes[1].y && graph.boxes[1].y < graph.boxes[2].y);
    layout_release(&graph.layout);
}

static void a_tree_has_no_crossings(void **state)
{
    start(15);
    for (uint32_t i = 1; i < 15; i++)
        arrow((i * 7 % 15 - 1) / 2, i * 7 % 15); /* a heap, its arrows in disorder */
    lay_out();
    for (uint32_t i = 0; i < 14; i++)
        for (uint32_t k = 0; k < 14; k++) {
            const struct layout_arrow *a = &graph.arrows[i], *b = &graph.arrows[k];
            if (graph.boxes[a->from].y == graph.boxes[b->from].y &&
                graph.boxes[a->from].x < graph.boxes[b->from].x)
                assert_true(graph.boxes[a->to].x < graph.boxes[b->to].x);
        }
    layout_release(&graph.layout);
}

static void of_a_cycle_the_lightest_arrow_leads_up(void **state)
{
    for (uint32_t light = 0; light < 3; light++) {
        start(3);
        for (uint32_t i = 0; i < 3; i++)
            arrow(i, (i + 1) % 3)->weight = i == light ? 1 : 10;
        lay_out();
        for (uint32_t i = 0; i < 3; i++)
            assert_int_equal(graph.boxes[i].y > graph.boxes[(i + 1) % 3].y, i == light);
        layout_release(&graph.layout);
    }
}

static void both_directions_are_two_arrows(void **state)
{
    start(2);
    labelled(0, 1);
    labelled(1, 0);
    lay_out();
    layout_release(&graph.layout);
}

static void arrows_may_ask_for_more_layers(void **state)
{
    start(3);
    arrow(0, 1)->n_layers = 3;
    arrow(0, 2);
    lay_out();
    assert_true(graph.boxes[1].y > graph.boxes[2].y);
    layout_release(&graph.layout);
}

static void parts_are_side_by_side(void **state)
{
    start(7); /* a chain of 3, and 4 alone: two columns beside it */
    arrow(0, 1);
    arrow(1, 2);
    graph.layout.corner_width = 100;
    graph.layout.corner_height = 30;
    lay_out();
    assert_true(graph.layout.height == 3 * 40 + 2 * 36);
    assert_true(graph.boxes[3].x == graph.boxes[5].x);
    layout_release(&graph.layout);
}

static uint32_t n_random = BY_CHANCE(250); /* graphs; the first argument asks for more */

static void random_graph(uint32_t seed, uint32_t max_boxes)
{
    srand(seed);
    uint32_t n = 1 + (uint32_t)rand() % max_boxes, density = 1 + (uint32_t)rand() % 3;
    bool cycles = rand() % 2, labels = rand() % 3 > 0;
    start(n);
    for (uint32_t i = 0; i < n; i++) {
        graph.boxes[i].width = 20 + rand() % 150;
        graph.boxes[i].height = 10 + rand() % 100;
    }
    if (rand() % 2) {
        graph.layout.corner_width = rand() % 500;
        graph.layout.corner_height = rand() % 300;
    }
    for (uint32_t i = 0; n > 1 && i < n * density; i++) {
        uint32_t from = (uint32_t)rand() % n, to = (uint32_t)rand() % n;
        if (from == to)
            continue;
        if (!cycles && from > to) {
            uint32_t swap = from;
            from = to;
            to = swap;
        }
        struct layout_arrow *a = labels && rand() % 8 ? labelled(from, to) : arrow(from, to);
        a->weight = 1 + (uint32_t)rand() % 100;
        a->n_layers = rand() % 10 ? 1 : 1 + (uint32_t)rand() % 3;
    }
    lay_out();
    for (uint32_t i = 0; !cycles && i < graph.layout.n_arrows; i++)
        assert_true(graph.boxes[graph.arrows[i].from].y < graph.boxes[graph.arrows[i].to].y);
}

static void random_graphs(void **state)
{
    for (uint32_t seed = 0; seed < n_random; seed++) {
        random_graph(seed, seed < 200 ? 30 : 120);
        layout_release(&graph.layout);
    }
}

static void the_same_graph_looks_the_same(void **state)
{
    static struct layout_box boxes[400];
    static struct layout_point points[64];
    random_graph(7, 300);
    uint32_t n = graph.arrows[0].n_points;
    assert_true(n <= 64);
    memcpy(boxes, graph.boxes, sizeof boxes);
    memcpy(points, graph.arrows[0].points, n * sizeof *points);
    layout_release(&graph.layout);
    random_graph(7, 300);
    assert_memory_equal(boxes, graph.boxes, sizeof boxes);
    assert_int_equal(n, graph.arrows[0].n_points);
    assert_memory_equal(points, graph.arrows[0].points, n * sizeof *points);
    layout_release(&graph.layout);
}

/* Arrows anywhere: more work than is done, so it ends with what is reached by then. */
static void a_large_graph_ends(void **state)
{
    enum { N = 500, M = 1500 };
    struct layout_box *boxes = calloc(N, sizeof *boxes);
    struct layout_arrow *arrows = calloc(M, sizeof *arrows);
    struct layout l = {.boxes = boxes,
                       .arrows = arrows,
                       .n_boxes = N,
                       .n_arrows = M,
                       .box_gap = GAP,
                       .layer_gap = 36};
    srand(3);
    for (uint32_t i = 0; i < N; i++)
        boxes[i] = (struct layout_box){.width = 80, .height = 40};
    for (uint32_t i = 0; i < M; i++) {
        uint32_t from = (uint32_t)rand() % N, to = (from + 1 + (uint32_t)rand() % 200) % N;
        arrows[i] = (struct layout_arrow){.from = from,
                                          .to = to,
                                          .weight = 1 + (uint32_t)rand() % 9,
                                          .n_layers = 1,
                                          .label_width = 30,
                                          .label_height = 15};
    }
    assert_true(layout_run(&l, NULL));
    layout_release(&l);
    free(boxes);
    free(arrows);
}

static void a_graph_of_too_many_pieces_is_refused(void **state)
{
    enum { N = 3000, M = 6000 };
    struct layout_box *boxes = calloc(N, sizeof *boxes);
    struct layout_arrow *arrows = calloc(M, sizeof *arrows);
    struct layout l = {.boxes = boxes, .arrows = arrows, .n_boxes = N, .n_arrows = M};
    struct err err = {0};
    for (uint32_t i = 0; i < N; i++)
        boxes[i] = (struct layout_box){.width = 80, .height = 40};
    for (uint32_t i = 0; i < M; i++) /* a chain, and arrows from end to end of it */
        arrows[i] = (struct layout_arrow){
            .from = i < N - 1 ? i : 0, .to = i < N - 1 ? i + 1 : N - 1, .weight = 1, .n_layers = 1};
    assert_false(layout_run(&l, &err));
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    layout_release(&l);
    free(boxes);
    free(arrows);
}

static void memory_runs_out(void **state)
{
    bool ok = false;
    for (long n = 0; !ok; n++) {
        struct err err = {0};
        start(4);
        labelled(0, 1);
        labelled(1, 2);
        labelled(0, 2);
        alloc_countdown = n;
        ok = layout_run(&graph.layout, &err);
        alloc_countdown = -1;
        assert_true(ok || err.code == ERR_NOMEM);
        assert_true(n < 1000);
        layout_release(&graph.layout);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        n_random = (uint32_t)atoi(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing),
        cmocka_unit_test(only_a_corner),
        cmocka_unit_test(two_boxes),
        cmocka_unit_test(a_label_is_right_of_its_arrow),
        cmocka_unit_test(a_diamond_is_symmetric),
        cmocka_unit_test(a_long_arrow_goes_around),
        cmocka_unit_test(a_tree_has_no_crossings),
        cmocka_unit_test(of_a_cycle_the_lightest_arrow_leads_up),
        cmocka_unit_test(both_directions_are_two_arrows),
        cmocka_unit_test(arrows_may_ask_for_more_layers),
        cmocka_unit_test(parts_are_side_by_side),
        cmocka_unit_test(random_graphs),
        cmocka_unit_test(the_same_graph_looks_the_same),
        cmocka_unit_test(a_large_graph_ends),
        cmocka_unit_test(a_graph_of_too_many_pieces_is_refused),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
