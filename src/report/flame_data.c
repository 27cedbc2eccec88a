#include "report/flame_data.h"

#include <stdlib.h>

bool flame_data_init(struct flame_data *d, struct graph *graph, struct err *err)
{
    *d = (struct flame_data){.graph = graph};
    d->number = calloc((size_t)graph->n_nodes + 1, sizeof *d->number);
    if (!d->number)
        return err_nomem(err);
    return modules_init(&d->modules, graph, err);
}

void flame_data_release(struct flame_data *d)
{
    modules_release(&d->modules);
    free(d->number);
    vec_release(&d->nodes);
    *d = (struct flame_data){0};
}

struct str flame_data_name(struct graph *graph, uint32_t node)
{
    struct str name = graph_name(graph, node);
    return name.len ? name : graph_label(graph, node);
}

bool flame_data_use(struct flame_data *d, const struct calltree *tree, struct err *err)
{
    for (uint32_t i = 0; i < tree->n_nodes; i++) {
        uint32_t node = tree->nodes[i].frame;
        if (node == GRAPH_NONE || d->number[node])
            continue;
        if (!vec_push(&d->nodes, node))
            return err_nomem(err);
        d->number[node] = (uint32_t)d->nodes.n;
    }
    return true;
}

/* "files" and their "texts", each once. */
static bool write_files(struct flame_data *d, struct json *j)
{
    const struct graph *g = d->graph;
    VEC(uint32_t) files = {0};
    uint32_t *text = calloc((size_t)g->files.n + 1, sizeof *text);
    bool ok = text != NULL;
    json_key(j, "files");
    json_open(j, '[');
    for (size_t i = 0; ok && i < d->nodes.n; i++) {
        uint32_t file = g->nodes[d->nodes.items[i]].info.file;
        if (!text[file]) {
            ok = vec_push(&files, file);
            text[file] = (uint32_t)files.n;
        }
        json_int(j, (int64_t)text[file] - 1);
    }
    json_close(j, ']');
    json_key(j, "texts");
    json_open(j, '[');
    for (size_t i = 0; i < files.n; i++)
        json_string(j, g->files.strings[files.items[i]]);
    json_close(j, ']');
    free(text);
    vec_release(&files);
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
    for (size_t i = 0; i < d->nodes.n; i++)
        place[m->of_node[d->nodes.items[i]]] = USED;
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
    for (size_t i = 0; i < d->nodes.n; i++)
        json_int(j, place[m->of_node[d->nodes.items[i]]]);
    json_close(j, ']');
    free(place);
    return true;
}

bool flame_data_write_frames(struct flame_data *d, struct json *j, struct err *err)
{
    struct graph *g = d->graph;
    json_open(j, '{');
    json_key(j, "names");
    json_open(j, '[');
    for (size_t i = 0; i < d->nodes.n; i++) {
        struct str name = flame_data_name(g, d->nodes.items[i]);
        if (!name.p)
            return err_nomem(err);
        json_string(j, name);
    }
    json_close(j, ']');
    json_key(j, "lines");
    json_open(j, '[');
    for (size_t i = 0; i < d->nodes.n; i++)
        json_int(j, g->nodes[d->nodes.items[i]].info.line);
    json_close(j, ']');
    json_key(j, "shades");
    json_open(j, '[');
    for (size_t i = 0; i < d->nodes.n; i++)
        json_int(j, modules_shade(flame_data_name(g, d->nodes.items[i])));
    json_close(j, ']');
    if (!write_files(d, j) || !write_groups(d, j))
        return err_nomem(err);
    json_close(j, '}');
    return true;
}

void flame_data_write_tree(const struct flame_data *d, const struct calltree *tree, struct json *j)
{
    const struct calltree_node *nodes = tree->nodes;
    uint32_t n = tree->n_nodes;
    json_open(j, '{');
    json_key(j, "frame");
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++)
        json_int(j, nodes[i].frame == GRAPH_NONE ? -1 : (int64_t)d->number[nodes[i].frame] - 1);
    json_close(j, ']');
    json_key(j, "children");
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++)
        json_int(j, nodes[i].n_children);
    json_close(j, ']');
    json_key(j, "value");
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++)
        json_int(j, nodes[i].cum);
    json_close(j, ']');
    json_key(j, "self");
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++)
        json_int(j, nodes[i].self);
    json_close(j, ']');
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
        json_int(j, nodes[i].cut);
        json_close(j, ']');
    }
    json_close(j, ']');
    json_close(j, '}');
}
