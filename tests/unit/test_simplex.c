#include "render/simplex.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static int64_t cost(const int32_t *values, const struct simplex_edge *edges, uint32_t n)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        int32_t length = values[edges[i].to] - values[edges[i].from];
        assert_true(length >= edges[i].length);
        sum += (int64_t)length * edges[i].weight;
    }
    return sum;
}

/* The least cost with all values in 0..max, by trying them all. */
static int64_t least_cost(uint32_t n, const struct simplex_edge *edges, uint32_t n_edges,
                          int32_t max)
{
    int32_t values[8] = {0};
    int64_t least = INT64_MAX;
    for (;;) {
        bool fits = true;
        int64_t sum = 0;
        for (uint32_t i = 0; i < n_edges && fits; i++) {
            int32_t length = values[edges[i].to] - values[edges[i].from];
            fits = length >= edges[i].length;
            sum += (int64_t)length * edges[i].weight;
        }
        if (fits && sum < least)
            least = sum;
        uint32_t i = 0;
        while (i < n && values[i] == max)
            values[i++] = 0;
        if (i == n)
            return least;
        values[i]++;
    }
}

static void one_value_stays(void **state)
{
    int32_t value = 7;
    assert_true(simplex_solve(&value, 1, NULL, 0, false, 100, NULL));
    assert_int_equal(value, 7);
}

static void a_heavy_edge_is_short(void **state)
{
    /* 0 -> 1 -> 2 -> 3, 0 -> 4 -> 3: where 4 goes is up to its weights. */
    struct simplex_edge edges[] = {
        {0, 1, 1, 1}, {1, 2, 1, 1}, {2, 3, 1, 1}, {0, 4, 1, 1}, {4, 3, 1, 5}};
    int32_t values[5] = {0, 1, 2, 3, 1};
    assert_true(simplex_solve(values, 5, edges, 5, false, 10000, NULL));
    assert_int_equal(values[4] - values[0], 2);
    assert_int_equal(values[3] - values[0], 3);
    edges[3].weight = 9;
    assert_true(simplex_solve(values, 5, edges, 5, false, 10000, NULL));
    assert_int_equal(values[4] - values[0], 1);
}

/* 0 and 1 are 10 apart; 2 may be anywhere between. */
static void in_the_middle_if_asked_for(void **state)
{
    struct simplex_edge edges[] = {
        {0, 1, 10, 0}, {3, 0, 0, 1}, {3, 2, 0, 1}, {4, 1, 0, 1}, {4, 2, 0, 1}};
    int32_t values[5] = {0, 10, 0, 0, 0};
    assert_true(simplex_solve(values, 5, edges, 5, true, 10000, NULL));
    assert_int_equal(cost(values, edges, 5), 10);
    assert_int_equal(values[2] - values[0], 5);
}

static void parts_without_edges_between_are_refused(void **state)
{
    struct simplex_edge edge = {0, 1, 1, 1};
    int32_t values[3] = {0, 1, 0};
    struct err err = {0};
    assert_false(simplex_solve(values, 3, &edge, 1, false, 10000, &err));
    assert_int_equal(err.code, ERR_INPUT);
}

static void small_graphs_are_solved_to_the_best(void **state)
{
    srand(1);
    for (int round = 0; round < 400; round++) {
        uint32_t n = 2 + (uint32_t)rand() % 5, n_edges = 0;
        struct simplex_edge edges[16];
        int32_t values[8] = {0}, max = 0;
        for (uint32_t i = 1; i < n; i++) /* connected, and from lower to higher numbers */
            edges[n_edges++] =
                (struct simplex_edge){(uint32_t)rand() % i, i, rand() % 2, rand() % 6};
        while (n_edges < n + 3) {
            uint32_t to = 1 + (uint32_t)rand() % (n - 1);
            edges[n_edges++] =
                (struct simplex_edge){(uint32_t)rand() % to, to, rand() % 2, rand() % 6};
        }
        for (uint32_t i = 1; i < n; i++) {
            values[i] = 0;
            for (uint32_t k = 0; k < n_edges; k++)
                if (edges[k].to == i && values[edges[k].from] + edges[k].length > values[i])
                    values[i] = values[edges[k].from] + edges[k].length;
            values[i] += rand() % 2; /* any values that satisfy the edges will do */
            max = (int32_t)n;
        }
        assert_true(simplex_solve(values, n, edges, n_edges, false, 100000, NULL));
        assert_int_equal(cost(values, edges, n_edges), least_cost(n, edges, n_edges, max));
    }
}

static void out_of_steps_the_values_are_still_right(void **state)
{
    enum { N = 500 };
    static struct simplex_edge edges[3 * N];
    static int32_t values[N], start[N];
    uint32_t n_edges = 0;
    srand(2);
    for (uint32_t i = 1; i < N; i++) {
        for (int k = 0; k < 3; k++)
            edges[n_edges++] =
                (struct simplex_edge){(uint32_t)rand() % i, i, 1 + rand() % 3, rand() % 9};
        start[i] = 4 * (int32_t)i;
    }
    int64_t last = cost(start, edges, n_edges);
    for (uint64_t steps = 1; steps < 10000000; steps *= 8) {
        memcpy(values, start, sizeof values);
        assert_true(simplex_solve(values, N, edges, n_edges, false, steps, NULL));
        int64_t now = cost(values, edges, n_edges);
        assert_true(now <= last);
        last = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_value_stays),
        cmocka_unit_test(a_heavy_edge_is_short),
        cmocka_unit_test(in_the_middle_if_asked_for),
        cmocka_unit_test(parts_without_edges_between_are_refused),
        cmocka_unit_test(small_graphs_are_solved_to_the_best),
        cmocka_unit_test(out_of_steps_the_values_are_still_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
