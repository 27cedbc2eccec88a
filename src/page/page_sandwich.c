/* sandwich: functions between their callers and callees: tables of the calls next to them,
 * and trees of all above and below. */
#include "page/page_flame.h"
#include "xform/neighbours.h"

#define MOST_NAMES 100u
#define MOST_ROWS 500u

static void write_names(struct page_flame *f, const struct neighbours_table *t, uint32_t most,
                        struct json *j)
{
    json_key(j, "names");
    json_open(j, '[');
    for (uint32_t i = 0; i < t->n && i < most; i++)
        json_string(j, flame_data_name(&f->places, t->rows[i].node));
    json_close(j, ']');
}

static void write_table(struct page_flame *f, const char *key, const struct neighbours_table *t,
                        struct json *j)
{
    json_key(j, key);
    json_open(j, '{');
    write_names(f, t, MOST_ROWS, j);
    json_key(j, "values");
    json_open(j, '[');
    for (uint32_t i = 0; i < t->n && i < MOST_ROWS; i++)
        json_int(j, t->rows[i].value);
    json_close(j, ']');
    json_close(j, '}');
}

static bool write_tables(struct page_flame *f, struct json *j, struct err *err)
{
    struct neighbours n = {0};
    bool ok = !f->is_pivoted || neighbours_init(&n, &f->places, f->marks, err);
    if (ok) {
        json_member_int(j, "functions", n.marked.n);
        write_names(f, &n.marked, MOST_NAMES, j);
        json_member_int(j, "flat", n.flat);
        json_member_int(j, "cum", n.cum);
        write_table(f, "callers", &n.callers, j);
        write_table(f, "callees", &n.callees, j);
    }
    neighbours_release(&n);
    return ok;
}

static bool write_sandwich(const struct page_ctx *ctx, struct json *j, struct err *err)
{
    struct page_ctx own = *ctx;
    struct page_flame f;
    own.zoom = NULL;
    /* By function, as peek has them. */
    bool ok = page_flame_begin(&f, &own, GRANULARITY_FUNCTIONS, NULL, err) &&
              page_flame_find(&f, &own, err);
    if (ok) {
        const struct report_trim trim = {.n_nodes_before = f.graph.n_order};
        f.is_sandwich = true;
        if (!f.is_pivoted)
            f.places.n = 0; /* of nothing there are no trees */
        ok = page_flame_grow(&f, &own, err) && page_head(j, &f.run, &f.graph, &trim, err) &&
             write_tables(&f, j, err) && page_flame_write_trees(&f, "down", "up", j, err);
    }
    page_flame_end(&f);
    return ok;
}

const struct page_ops page_sandwich = {
    .name = "sandwich",
    .title = "Sandwich",
    .help = "A function between all its callers and callees",
    .key = 'w',
    .write = write_sandwich,
};
