#include "base/go_sort.h"

#define SHORT 12  /* sorted by insertion up to here */
#define LONG 50   /* from here on nine items choose the pivot */
#define REPAIRS 5 /* of a range that seems to be in order */

struct sorting {
    uint32_t *v;
    go_sort_less *less;
    void *arg;
    unsigned right, left; /* shifts of the "random" numbers */
};

enum order_seen { UNKNOWN, RISING, FALLING };

static bool is_less(const struct sorting *s, uint32_t i, uint32_t j)
{
    return s->less(s->v[i], s->v[j], s->arg);
}

static void swap(const struct sorting *s, uint32_t i, uint32_t j)
{
    uint32_t item = s->v[i];
    s->v[i] = s->v[j];
    s->v[j] = item;
}

static void by_insertion(const struct sorting *s, uint32_t from, uint32_t to)
{
    for (uint32_t i = from + 1; i < to; i++)
        for (uint32_t j = i; j > from && is_less(s, j, j - 1); j--)
            swap(s, j, j - 1);
}

static void sift_down(const struct sorting *s, uint32_t from, uint32_t root, uint32_t n)
{
    for (uint32_t child = 2 * root + 1; child < n; root = child, child = 2 * root + 1) {
        if (child + 1 < n && is_less(s, from + child, from + child + 1))
            child++;
        if (!is_less(s, from + root, from + child))
            return;
        swap(s, from + root, from + child);
    }
}

static void by_heap(const struct sorting *s, uint32_t from, uint32_t to)
{
    uint32_t n = to - from;
    for (uint32_t i = (n - 1) / 2 + 1; i-- > 0;)
        sift_down(s, from, i, n);
    for (uint32_t i = n; i-- > 0;) {
        swap(s, from, from + i);
        sift_down(s, from, 0, i);
    }
}

static uint32_t n_bits(uint32_t n)
{
    return n ? 32 - (uint32_t)__builtin_clz(n) : 0;
}

/* Three items in the middle change places with any others: "random" ones that follow
 * from the length. */
static void scatter(const struct sorting *s, uint32_t from, uint32_t to)
{
    uint32_t n = to - from, middle = from + n / 4 * 2;
    uint64_t mask = ((uint64_t)1 << n_bits(n)) - 1, random = n;
    for (uint32_t i = middle - 1; i <= middle + 1; i++) {
        random ^= random << 13;
        random ^= random >> s->right;
        random ^= random << s->left;
        uint32_t other = (uint32_t)(random & mask);
        swap(s, i, from + (other >= n ? other - n : other));
    }
}

static void put_in_order(const struct sorting *s, uint32_t *i, uint32_t *j, unsigned *n_swaps)
{
    if (is_less(s, *j, *i)) {
        uint32_t k = *i;
        *i = *j;
        *j = k;
        ++*n_swaps;
    }
}

static uint32_t median(const struct sorting *s, uint32_t i, uint32_t j, uint32_t k,
                       unsigned *n_swaps)
{
    put_in_order(s, &i, &j, n_swaps);
    put_in_order(s, &j, &k, n_swaps);
    put_in_order(s, &i, &j, n_swaps);
    return j;
}

static uint32_t choose_pivot(const struct sorting *s, uint32_t from, uint32_t to,
                             enum order_seen *seen)
{
    uint32_t n = to - from, quarter = n / 4;
    uint32_t at[] = {from + quarter, from + 2 * quarter, from + 3 * quarter};
    unsigned n_swaps = 0;
    for (int i = 0; i < 3 && n >= LONG; i++)
        at[i] = median(s, at[i] - 1, at[i], at[i] + 1, &n_swaps);
    uint32_t pivot = median(s, at[0], at[1], at[2], &n_swaps);
    *seen = n_swaps == 0 ? RISING : n_swaps == 12 ? FALLING : UNKNOWN;
    return pivot;
}

static void reverse(const struct sorting *s, uint32_t from, uint32_t to)
{
    while (from + 1 < to)
        swap(s, from++, --to);
}

/* Mend a few places of a range that is almost in order; true when it is so then. */
static bool repair(const struct sorting *s, uint32_t from, uint32_t to)
{
    uint32_t i = from + 1;
    for (int step = 0; step < REPAIRS; step++) {
        while (i < to && !is_less(s, i, i - 1))
            i++;
        if (i == to)
            return true;
        if (to - from < LONG)
            return false;
        swap(s, i, i - 1);
        for (uint32_t j = i - 1; i - from >= 2 && j >= 1 && is_less(s, j, j - 1); j--)
            swap(s, j, j - 1);
        for (uint32_t j = i + 1; to - i >= 2 && j < to && is_less(s, j, j - 1); j++)
            swap(s, j, j - 1);
    }
    return false;
}

/* Smaller ones before the pivot, the others behind it; where it is then. */
static uint32_t partition(const struct sorting *s, uint32_t from, uint32_t to, uint32_t pivot,
                          bool *was_partitioned)
{
    uint32_t i = from + 1, j = to - 1;
    *was_partitioned = true;
    swap(s, from, pivot);
    for (;; *was_partitioned = false) {
        while (i <= j && is_less(s, i, from))
            i++;
        while (i <= j && !is_less(s, j, from))
            j--;
        if (i > j)
            break;
        swap(s, i++, j--);
    }
    swap(s, j, from);
    return j;
}

/* Those equal to the pivot, the smallest of all, to the front; where the others begin. */
static uint32_t gather_equal(const struct sorting *s, uint32_t from, uint32_t to, uint32_t pivot)
{
    uint32_t i = from + 1, j = to - 1;
    swap(s, from, pivot);
    for (;;) {
        while (i <= j && !is_less(s, from, i))
            i++;
        while (i <= j && is_less(s, from, j))
            j--;
        if (i > j)
            return i;
        swap(s, i++, j--);
    }
}

/* `patience`: so many bad pivots are borne before a heap does it. */
static void sort_range(const struct sorting *s, uint32_t from, uint32_t to, uint32_t patience)
{
    bool is_balanced = true, was_partitioned = true;
    while (to - from > SHORT) {
        enum order_seen seen;
        uint32_t n = to - from;
        if (patience == 0) {
            by_heap(s, from, to);
            return;
        }
        if (!is_balanced) {
            scatter(s, from, to);
            patience--;
        }
        uint32_t pivot = choose_pivot(s, from, to, &seen);
        if (seen == FALLING) {
            reverse(s, from, to);
            pivot = to - 1 - (pivot - from);
            seen = RISING;
        }
        if (is_balanced && was_partitioned && seen == RISING && repair(s, from, to))
            return;
        if (from > 0 && !is_less(s, from - 1, pivot)) {
            from = gather_equal(s, from, to, pivot);
            continue;
        }
        uint32_t middle = partition(s, from, to, pivot, &was_partitioned);
        uint32_t n_left = middle - from, n_right = to - middle;
        is_balanced = (n_left < n_right ? n_left : n_right) >= n / 8;
        if (n_left < n_right) {
            sort_range(s, from, middle, patience);
            from = middle + 1;
        } else {
            sort_range(s, middle + 1, to, patience);
            to = middle;
        }
    }
    by_insertion(s, from, to);
}

void go_sort(uint32_t *items, uint32_t n, go_sort_less *less, void *arg)
{
    const struct sorting s = {items, less, arg, 7, 17};
    if (n > 1)
        sort_range(&s, 0, n, n_bits(n));
}

void go_sort_until_1_23(uint32_t *items, uint32_t n, go_sort_less *less, void *arg)
{
    const struct sorting s = {items, less, arg, 17, 5};
    if (n > 1)
        sort_range(&s, 0, n, n_bits(n));
}
