#include "report/flame_data.h"

#include <stdlib.h>

bool flame_data_init(struct flame_data *d, const struct places *places, struct err *err)
{
    *d = (struct flame_data){.places = places};
    d->number = calloc((size_t)places->n_frames + 1, sizeof *d->number);
    if (!d->number)
        return err_nomem(err);
    return modules_init_places(&d->modules, places, err);
}

void flame_data_release(struct flame_data *d)
{
    modules_release(&d->modules);
    free(d->number);
    vec_release(&d->frames);
    *d = (struct flame_data){0};
}

struct str flame_data_name(const struct places *places, uint32_t frame)
{
    uint32_t node;
    struct graph *g = places_graph(places, frame, &node);
    struct str name = graph_name(g, node);
    return name.len ? name : graph_label(g, node);
}

bool flame_data_use(struct flame_data *d, const struct calltree *tree, struct err *err)
{
    for (uint32_t i = 0; i < tree->n_nodes; i++) {
        uint32_t frame = tree->nodes[i].frame;
        if (frame == GRAPH_NONE || d->number[frame])
            continue;
        if (!vec_push(&d->frames, frame))
            return err_nomem(err);
        d->number[frame] = (uint32_t)d->frames.n;
    }
    return true;
}

static struct str file_of(const struct flame_data *d, size_t i)
{
    uint32_t node;
    const struct graph *g = places_graph(d->places, d->frames.items[i], &node);
    return graph_file(g, node);
}

static int64_t line_of(const struct flame_data *d, size_t i)
{
    uint32_t node;
    const struct graph *g = places_graph(d->places, d->frames.items[i], &node);
    return g->nodes[node].info.line;
}

/* "files" and their "texts", each once. */
static bool write_files(struct flame_data *d, struct json *j)
{
    struct arena arena;
    struct intern texts;
    arena_init(&arena);
    bool ok = intern_init(&texts, &arena);
    json_key(j, "files");
    json_open(j, '[');
    for (size_t i = 0; ok && i < d->frames.n; i++) {
        uint32_t id = intern_add(&texts, file_of(d, i));
        ok = id != INTERN_NONE;
        json_int(j, id);
    }
    json_close(j, ']');
    json_key(j, "texts");
    json_open(j, '[');
    for (uint32_t i = 0; ok && i < texts.n; i++)
        json_string(j, texts.strings[i]);
    json_close(j, ']');
    intern_release(&texts);
    arena_release(&arena);
    return ok;
}

/* "groups", the largest first, and the place of each frame's among them. */
static bool write_groups(struct flame_data *d, struct json *j)
{
    const struct modules *m = &d->modules;
    enum { UNUSED = UINT32_MAX, USED = 0 };
    uint32_t *place = malloc(((size_t)m->n + 1) * sizeof *place), n = 0;
    if (!place)
        return false;
    memset(place, 0xff, ((size_t)m->n + 1) * sizeof *place);
    for (size_t i = 0; i < d->frames.n; i++)
        place[m->of_node[d->frames.items[i]]] = USED;
    json_key(j, "groups");
    json_open(j, '[');
    for (uint32_t i = 0; i < m->n; i++) {
        const struct module *module = m->sorted[i];
        if (place[module - m->modules] == UNUSED)
            continue;
        place[module - m->modules] = n++;
        json_open(j, '{');
        json_member(j, "name", module->name);
        json_member_int(j, "hue", module->hue);
        json_member_bool(j, "grey", module->is_grey);
        json_member_int(j, "self", module->self);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_key(j, "modules");
    json_open(j, '[');
    for (size_t i = 0; i < d->frames.n; i++)
        json_int(j, place[m->of_node[d->frames.items[i]]]);
    json_close(j, ']');
    free(place);
    return true;
}

bool flame_data_write_frames(struct flame_data *d, struct json *j, struct err *err)
{
    json_open(j, '{');
    json_key(j, "names");
    json_open(j, '[');
    for (size_t i = 0; i < d->frames.n; i++) {
        struct str name = flame_data_name(d->places, d->frames.items[i]);
        if (!name.p)
            return err_nomem(err);
        json_string(j, name);
    }
    json_close(j, ']');
    json_key(j, "lines");
    json_open(j, '[');
    for (size_t i = 0; i < d->frames.n; i++)
        json_int(j, line_of(d, i));
    json_close(j, ']');
    json_key(j, "shades");
    json_open(j, '[');
    for (size_t i = 0; i < d->frames.n; i++)
        json_int(j, modules_shade(flame_data_name(d->places, d->frames.items[i])));
    json_close(j, ']');
    if (!write_files(d, j) || !write_groups(d, j))
        return err_nomem(err);
    json_close(j, '}');
    return true;
}

enum column {
    COLUMN_FRAME,
    COLUMN_CHILDREN,
    COLUMN_VALUE,
    COLUMN_SELF,
    COLUMN_BEFORE,
    COLUMN_AFTER
};

static uint64_t common(uint64_t a, int64_t value)
{
    uint64_t b = value < 0 ? -(uint64_t)value : (uint64_t)value;
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* What all values are multiples of: nanoseconds mostly are, of the time between samples, and
 * shorter numbers are sooner written, packed and read. */
static int64_t step_of(const struct calltree *tree)
{
    uint64_t step = 0;
    for (uint32_t i = 0; i < tree->n_nodes && step != 1; i++) {
        const struct calltree_node *node = &tree->nodes[i];
        if (step && node->cum % (int64_t)step == 0 && node->self % (int64_t)step == 0 &&
            node->cut % (int64_t)step == 0 && node->before % (int64_t)step == 0)
            continue;
        step = common(common(common(common(step, node->cum), node->self), node->cut), node->before);
        if (step > INT64_MAX)
            return 1;
    }
    return step ? (int64_t)step : 1;
}

static void write_column(const struct flame_data *d, const struct calltree *tree, struct json *j,
                         enum column column, int64_t step)
{
    static const char *const keys[] = {"frame", "children", "value", "self", "before", "after"};
    json_key(j, keys[column]);
    json_open(j, '[');
    for (uint32_t i = 0; i < tree->n_nodes; i++) {
        const struct calltree_node *node = &tree->nodes[i];
        switch (column) {
        case COLUMN_FRAME:
            json_int(j, node->frame == GRAPH_NONE ? -1 : (int64_t)d->number[node->frame] - 1);
            break;
        case COLUMN_CHILDREN:
            json_int(j, node->n_children);
            break;
        case COLUMN_VALUE:
            json_int(j, node->cum / step);
            break;
        case COLUMN_SELF:
            json_int(j, node->self / step);
            break;
        case COLUMN_BEFORE:
            json_int(j, node->before / step);
            break;
        default:
            json_int(j, (node->cum - node->before) / step);
        }
    }
    json_close(j, ']');
}

void flame_data_write_tree(const struct flame_data *d, const struct calltree *tree, struct json *j)
{
    const struct calltree_node *nodes = tree->nodes;
    uint32_t n = tree->n_nodes;
    bool is_difference = tree->has_negative || d->places->sides[1].graph;
    int64_t step = step_of(tree);
    json_open(j, '{');
    if (step != 1)
        json_member_int(j, "step", step);
    for (enum column column = COLUMN_FRAME; column <= COLUMN_SELF; column++)
        write_column(d, tree, j, column, step);
    json_key(j, "inlined");
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++)
        if (nodes[i].is_inlined)
            json_int(j, i);
    json_close(j, ']');
    json_key(j, "cut");
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++) {
        if (!nodes[i].n_cut)
            continue;
        json_open(j, '[');
        json_int(j, i);
        json_int(j, nodes[i].n_cut);
        json_int(j, nodes[i].cut / step);
        json_close(j, ']');
    }
    json_close(j, ']');
    for (enum column column = COLUMN_BEFORE; is_difference && column <= COLUMN_AFTER; column++)
        write_column(d, tree, j, column, step);
    json_close(j, '}');
}
