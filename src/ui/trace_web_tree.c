#include "ui/trace_web_tree.h"

#include <stdlib.h>

struct children {
    struct map first; /* by id of the parent, row of the first */
    uint32_t *next;   /* of each row, the parent's next; MAP_NONE */
};

static bool find_children(const struct analysis_ledger *l, struct children *c)
{
    size_t n = l->tasks.n;
    bool ok = (c->next = malloc(n * sizeof *c->next + 1)) != NULL;
    for (size_t i = n; ok && i-- > 0;) {
        c->next[i] = map_get(&c->first, l->tasks.items[i].parent);
        ok = map_put(&c->first, l->tasks.items[i].parent, (uint32_t)i);
    }
    return ok;
}

bool trace_web_tree(const struct analysis_ledger *l, uint64_t task, struct trace_web_tree *out)
{
    struct children children = {0};
    VEC(uint32_t) later = {0}; /* rows whose turn comes, the next one last */
    *out = (struct trace_web_tree){0};
    bool ok = map_put(&out->ids, task, 0) && find_children(l, &children);
    uint32_t row = ok ? map_get(&children.first, task) : MAP_NONE;
    while (ok && (row != MAP_NONE || later.n)) {
        if (row == MAP_NONE)
            row = later.items[--later.n];
        uint64_t id = l->tasks.items[row].id;
        uint32_t next = children.next[row];
        if (map_get(&out->ids, id) != MAP_NONE) { /* it is there already */
            row = next;
            continue;
        }
        ok = map_put(&out->ids, id, 0) &&
             vec_push(&out->within.rows, (struct trace_web_row){0, row}) &&
             (next == MAP_NONE || vec_push(&later, next));
        row = map_get(&children.first, id);
    }
    free(children.next);
    map_release(&children.first);
    vec_release(&later);
    return ok;
}

void trace_web_tree_release(struct trace_web_tree *tree)
{
    vec_release(&tree->within.rows);
    map_release(&tree->ids);
}
