/* go_sort: puts indexes in order as Go's sort.Sort and slices.SortFunc do, also those that
 * the comparison holds equal: where they end up is decided by the steps of the
 * pattern-defeating quicksort, which are the same for the same input.  pprof numbers nodes of
 * a call tree after them; runtime/pprof writes records in such an order.
 * Cost: O(n log n).  Threads: independent.  Signals: no. */
#ifndef SONDE_BASE_GO_SORT_H
#define SONDE_BASE_GO_SORT_H

#include <stdbool.h>
#include <stdint.h>

typedef bool go_sort_less(uint32_t a, uint32_t b, void *arg);

void go_sort(uint32_t *items, uint32_t n, go_sort_less *less, void *arg);
/* The same as Go 1.19 to 1.23 have it, whose steps are a little different. */
void go_sort_until_1_23(uint32_t *items, uint32_t n, go_sort_less *less, void *arg);

#endif
