#include "trace/trace_ids.h"

#include <stdlib.h>
#include <string.h>

#define FEW 4096 /* ids that get an array however few there are */

void trace_ids_clear(struct trace_ids *ids)
{
    if (ids->n_dense)
        memset(ids->dense, 0xff, ids->n_dense * sizeof *ids->dense);
    if (ids->sparse.n)
        map_release(&ids->sparse);
    ids->n = 0;
}

void trace_ids_release(struct trace_ids *ids)
{
    free(ids->dense);
    map_release(&ids->sparse);
    *ids = (struct trace_ids){0};
}

bool trace_ids_add(struct trace_ids *ids, uint64_t id, uint32_t number)
{
    if (id >= FEW + 4 * (uint64_t)ids->n) {
        if (!map_put(&ids->sparse, id, number))
            return false;
        ids->n++;
        return true;
    }
    if (id >= ids->n_dense) {
        size_t n = 2 * (size_t)id > FEW ? 2 * (size_t)id : FEW;
        uint32_t *dense = realloc(ids->dense, n * sizeof *dense);
        if (!dense)
            return false;
        memset(dense + ids->n_dense, 0xff, (n - ids->n_dense) * sizeof *dense);
        ids->dense = dense;
        ids->n_dense = n;
    }
    ids->dense[id] = number;
    ids->n++;
    return true;
}
