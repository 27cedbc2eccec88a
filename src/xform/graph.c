#include "xform/graph.h"

#include "base/map.h"
#include "base/pool.h"
#include "base/vec.h"
#include "xform/graph_stacks.h"
#include "xform/graph_sums.h"
#include "xform/graph_tree.h"
#include "xform/path.h"
#include "xform/unit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What a graph is made with: the nodes' hash table and the cleaned file names. */
struct maker {
    struct graph *g;
    const struct graph_options *options;
    uint32_t *slots; /* open addressing over nodes, GRAPH_NONE = empty */
    uint32_t n_slots, node_cap;
    uint32_t *files;     /* [n_strings]: file of a file name, plus 1 */
    uint32_t *functions; /* [n_functions]: node of a function, plus 1; NULL where it has several */
    struct buf path;
};

#define MOST_NODES (1u << 30)

static uint64_t hash_info(const struct graph_info *i)
{
    uint64_t h = (uint64_t)i->name << 32 | i->file;
    if (i->address | (uint64_t)i->line)
        h = hash_step(hash_step(h, i->address), (uint64_t)i->line);
    if (i->objfile | (uint64_t)i->column | (uint64_t)i->start_line)
        h = hash_step(hash_step(h, (uint64_t)i->column << 32 ^ i->objfile),
                      (uint64_t)i->start_line);
    return hash_u64(h);
}

/* Room for n nodes at least. */
static bool reserve_nodes(struct maker *m, size_t n)
{
    struct graph *g = m->g;
    uint32_t n_slots = m->n_slots ? m->n_slots : 1024;
    if (n > MOST_NODES)
        return false;
    while (n_slots / 2 < n)
        n_slots *= 2;
    uint32_t cap = n_slots / 2;
    uint32_t *slots = malloc(n_slots * sizeof *slots);
    struct graph_node *nodes = realloc(g->nodes, cap * sizeof *nodes);
    if (nodes)
        g->nodes = nodes;
    if (!slots || !nodes) {
        free(slots);
        return false;
    }
    memset(slots, 0xff, n_slots * sizeof *slots);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        uint64_t h = hash_info(&nodes[i].info);
        while (slots[h & (n_slots - 1)] != GRAPH_NONE)
            h++;
        slots[h & (n_slots - 1)] = i;
    }
    free(m->slots);
    m->slots = slots;
    m->n_slots = n_slots;
    m->node_cap = cap;
    return true;
}

/* The node of `info`, made if need be; GRAPH_NONE when memory runs out. */
static uint32_t find_node(struct maker *m, const struct graph_info *info)
{
    struct graph *g = m->g;
    if (g->n_nodes == m->node_cap && !reserve_nodes(m, (size_t)g->n_nodes + 1))
        return GRAPH_NONE;
    uint64_t h = hash_info(info);
    for (;; h++) {
        uint32_t i = m->slots[h & (m->n_slots - 1)];
        if (i == GRAPH_NONE)
            break;
        if (graph_same_info(&g->nodes[i].info, info))
            return i;
    }
    m->slots[h & (m->n_slots - 1)] = g->n_nodes;
    g->nodes[g->n_nodes] = (struct graph_node){.info = *info};
    return g->n_nodes++;
}

static uint32_t find_file(struct maker *m, uint32_t filename)
{
    if (!m->files[filename]) {
        struct str path = path_trim(profile_str(m->g->view->profile, filename),
                                    m->options->trim_path, m->options->source_path);
        if (path.len)
            path = path_clean(path, &m->path);
        uint32_t id = m->path.failed ? INTERN_NONE : intern_add(&m->g->files, path);
        if (id == INTERN_NONE)
            return GRAPH_NONE;
        m->files[filename] = id + 1;
    }
    return m->files[filename] - 1;
}

/* Is a function one node, whatever the location? */
static bool is_node_a_function(const struct maker *m)
{
    const struct view *v = m->g->view;
    return v->has_function && !v->has_address && !v->has_line && !m->options->obj_names;
}

static uint32_t find_function(struct maker *m, const struct profile_location *l,
                              const struct profile_line *line)
{
    const struct view *v = m->g->view;
    const struct profile *p = v->profile;
    const struct profile_function *f = &p->functions[line->function];
    struct graph_info info = {.address = v->has_address ? l->address : 0};
    if (v->has_function)
        info.name = f->name;
    if (v->has_filename && f->filename && (info.file = find_file(m, f->filename)) == GRAPH_NONE)
        return GRAPH_NONE;
    if (v->has_line)
        info.line = line->line;
    if (v->has_line && v->has_column)
        info.column = line->column;
    if (m->options->obj_names || !info.name) {
        info.objfile = l->mapping == PROFILE_NONE ? 0 : p->mappings[l->mapping].file;
        info.start_line = f->start_line;
    }
    return find_node(m, &info);
}

/* The node of one line of a location (NULL: of a location without lines). */
static uint32_t find_frame(struct maker *m, const struct profile_location *l,
                           const struct profile_line *line)
{
    const struct view *v = m->g->view;
    const struct profile *p = v->profile;
    if (!line || line->function == PROFILE_NONE) {
        struct graph_info info = {.address = v->has_address ? l->address : 0};
        info.objfile = l->mapping == PROFILE_NONE ? 0 : p->mappings[l->mapping].file;
        return find_node(m, &info);
    }
    uint32_t f = line->function;
    if (!m->functions || !p->functions[f].name)
        return find_function(m, l, line);
    if (!m->functions[f])
        m->functions[f] = find_function(m, l, line) + 1; /* 0 again for GRAPH_NONE */
    return m->functions[f] - 1;
}

static bool make_frames(struct maker *m)
{
    struct graph *g = m->g;
    const struct view *v = g->view;
    uint32_t n_locations = v->profile->n_locations;
    size_t n = 0;
    for (uint32_t i = 0; i < n_locations; i++)
        n += v->locations[i].n ? v->locations[i].n : !v->locations[i].hidden;
    if (n >= GRAPH_FRAME_INLINED)
        return false;
    g->frames = ARENA_ARRAY(&g->arena, uint32_t, n);
    g->frame_first = ARENA_ARRAY(&g->arena, uint32_t, (size_t)n_locations + 1);
    /* By addresses most frames are nodes of their own. */
    if (!g->frames || !g->frame_first || !reserve_nodes(m, v->has_address ? n : 0))
        return false;
    n = 0;
    for (uint32_t i = 0; i < n_locations; i++) {
        const struct view_location *vl = &v->locations[i];
        const struct profile_location *l = &v->profile->locations[i];
        g->frame_first[i] = (uint32_t)n;
        if (!vl->n && !vl->hidden) {
            uint32_t node = find_frame(m, l, NULL);
            if (node == GRAPH_NONE)
                return false;
            g->frames[n++] = node;
        }
        for (uint32_t j = vl->n; j--;) {
            uint32_t node = find_frame(m, l, &v->lines[vl->first + j]);
            if (node == GRAPH_NONE)
                return false;
            bool inlined = j != vl->n - 1;
            g->nodes[node].has_inlined |= inlined;
            g->frames[n++] = node | (inlined ? GRAPH_FRAME_INLINED : 0);
        }
    }
    g->frame_first[n_locations] = (uint32_t)n;
    return true;
}

/* The values of a range of samples, one range a thread. */
struct cum {
    int64_t value;
    uint32_t seen; /* the last sample that counted, plus 1 */
};

struct summer {
    const struct graph *g;
    /* [n_locations]: the node of a location of one frame, or GRAPH_NONE; NULL: only flat */
    const uint32_t *direct;
    uint32_t type; /* the column to sum */
    uint32_t begin, end;
    struct cum *cum; /* [n_nodes] */
    int64_t *flat;   /* [n_nodes] */
};

#define MAX_SUMMERS 4
#define FRAMES_PER_SUMMER 100000 /* fewer are not worth a thread */

static inline void add_cum(struct cum *cum, uint32_t node, uint32_t stamp, int64_t w)
{
    /* Without a branch: which frames are of recursion cannot be foreseen. */
    int64_t mask = -(int64_t)(cum[node].seen != stamp);
    cum[node].seen = stamp;
    cum[node].value = (int64_t)((uint64_t)cum[node].value + (uint64_t)(w & mask));
}

uint32_t graph_leaf(const struct graph *g, const struct view_sample *s)
{
    for (uint32_t i = 0; i < s->n_locs; i++) {
        uint32_t end = g->frame_first[s->locs[i] + 1];
        if (g->frame_first[s->locs[i]] < end)
            return g->frames[end - 1] & ~GRAPH_FRAME_INLINED;
    }
    return GRAPH_NONE;
}

static void sum_samples(void *arg, size_t which)
{
    struct summer *s = (struct summer *)arg + which;
    const struct graph *g = s->g;
    const int64_t *values = g->view->profile->values + s->type;
    size_t n_types = g->view->profile->n_types;
    for (uint32_t i = s->begin; i < s->end; i++) {
        const struct view_sample *sample = &g->view->samples[i];
        int64_t w = values[sample->sample * n_types];
        uint32_t stamp = i + 1, leaf = w ? graph_leaf(g, sample) : GRAPH_NONE;
        if (leaf == GRAPH_NONE)
            continue;
        for (uint32_t j = 0; s->direct && j < sample->n_locs; j++) {
            uint32_t loc = sample->locs[j], node = s->direct[loc];
            if (node != GRAPH_NONE) {
                add_cum(s->cum, node, stamp, w);
                continue;
            }
            for (uint32_t f = g->frame_first[loc]; f < g->frame_first[loc + 1]; f++)
                add_cum(s->cum, g->frames[f] & ~GRAPH_FRAME_INLINED, stamp, w);
        }
        s->flat[leaf] = (int64_t)((uint64_t)s->flat[leaf] + (uint64_t)w);
    }
}

/* Most locations are one frame: a table that needs one look instead of three. */
static uint32_t *make_direct(const struct graph *g)
{
    uint32_t n = g->view->profile->n_locations;
    uint32_t *direct = malloc(((size_t)n + 1) * sizeof *direct);
    for (uint32_t i = 0; direct && i < n; i++) {
        uint32_t first = g->frame_first[i];
        direct[i] = g->frame_first[i + 1] - first == 1 ? g->frames[first] : GRAPH_NONE;
    }
    return direct;
}

/* Add up a column of values at the nodes, or the divisors of means. */
static bool sum_column(struct graph *g, uint32_t type, bool is_divisor, bool flat_only)
{
    const struct view *v = g->view;
    struct summer summers[MAX_SUMMERS] = {0};
    uint64_t n_frames = flat_only ? v->n_samples : view_count_frames(v);
    size_t n = (size_t)(n_frames / FRAMES_PER_SUMMER);
    n = n < 1 ? 1 : n > MAX_SUMMERS ? MAX_SUMMERS : n;
    uint32_t *direct = flat_only ? NULL : make_direct(g);
    bool ok = direct || flat_only;
    for (size_t i = 0; i < n; i++) {
        struct summer *s = &summers[i];
        s->g = g;
        s->direct = direct;
        s->type = type;
        s->begin = (uint32_t)((uint64_t)v->n_samples * i / n);
        s->end = (uint32_t)((uint64_t)v->n_samples * (i + 1) / n);
        s->cum = calloc((size_t)g->n_nodes + 1, sizeof *s->cum);
        s->flat = calloc((size_t)g->n_nodes + 1, sizeof *s->flat);
        ok = ok && s->cum && s->flat;
    }
    if (ok)
        pool_run(n, 0, sum_samples, summers);
    for (size_t i = 0; i < n; i++) {
        for (uint32_t j = 0; ok && j < g->n_nodes; j++) {
            struct graph_node *node = &g->nodes[j];
            int64_t *cum = is_divisor ? &node->cum_div : &node->cum;
            int64_t *flat = is_divisor ? &node->flat_div : &node->flat;
            *cum = (int64_t)((uint64_t)*cum + (uint64_t)summers[i].cum[j].value);
            *flat = (int64_t)((uint64_t)*flat + (uint64_t)summers[i].flat[j]);
        }
        free(summers[i].cum);
        free(summers[i].flat);
    }
    free(direct);
    return ok;
}

/* Is the node to be among the graph's, as far as its values go? */
static bool is_wanted(const struct graph_node *node, const struct graph_options *options)
{
    if (!node->cum && !node->flat)
        return false;
    return !options->drop_negative || node->flat > 0 || (node->flat == 0 && node->cum >= 0);
}

bool graph_init(struct graph *g, const struct view *view, const struct graph_options *options,
                struct err *err)
{
    struct maker m = {.g = g, .options = options};
    *g = (struct graph){.view = view};
    arena_init(&g->arena);
    m.files = calloc((size_t)view->profile->n_strings + 1, sizeof *m.files);
    bool by_function = is_node_a_function(&m);
    if (by_function)
        m.functions = calloc((size_t)view->profile->n_functions + 1, sizeof *m.functions);
    bool ok = m.files && (m.functions || !by_function) && intern_init(&g->files, &g->arena) &&
              make_frames(&m);
    free(m.slots);
    free(m.files);
    free(m.functions);
    buf_release(&m.path);
    if (ok && options->call_tree)
        ok = graph_tree_build(g);
    else if (ok && options->sums)
        graph_sums_put(options->sums, g);
    else
        ok = ok && sum_column(g, view->type, false, options->flat_only) &&
             (!view->is_mean || sum_column(g, 0, true, options->flat_only));
    if (ok)
        g->order = ARENA_ARRAY(&g->arena, uint32_t, g->n_nodes);
    if (!ok || !g->order)
        return err_nomem(err);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        g->nodes[i].is_kept = is_wanted(&g->nodes[i], options);
        if (g->nodes[i].is_kept)
            g->order[g->n_order++] = i;
    }
    return true;
}

void graph_release(struct graph *g)
{
    free(g->nodes);
    free(g->edges);
    free(g->in_first);
    free(g->parent);
    free(g->leaf);
    graph_forget_stacks(g);
    intern_release(&g->files);
    arena_release(&g->arena);
    *g = (struct graph){0};
}

uint32_t graph_keep_cum(struct graph *g, int64_t cutoff)
{
    uint32_t n = 0, before = g->n_order;
    for (uint32_t i = 0; i < before; i++) {
        struct graph_node *node = &g->nodes[g->order[i]];
        node->is_kept = unit_abs(node->cum) >= cutoff;
        node->is_removed = !node->is_kept;
        if (node->is_kept)
            g->order[n++] = g->order[i];
    }
    g->n_order = n;
    g->is_cut |= n < before;
    return before - n;
}

uint32_t graph_keep_first(struct graph *g, uint32_t n)
{
    uint32_t before = g->n_order;
    if (n >= before)
        return 0;
    for (uint32_t i = n; i < before; i++) {
        g->nodes[g->order[i]].is_kept = false;
        g->nodes[g->order[i]].is_removed = true;
    }
    g->n_order = n;
    g->is_cut = true;
    return before - n;
}

int64_t graph_flat_sum(const struct graph *g)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < g->n_order; i++)
        sum += (uint64_t)g->nodes[g->order[i]].flat;
    return (int64_t)sum;
}

int64_t graph_shown_sum(const struct graph *g)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < g->n_order; i++)
        sum += (uint64_t)graph_flat(&g->nodes[g->order[i]]);
    return (int64_t)sum;
}

int graph_compare_labels(struct graph *g, uint32_t a, uint32_t b, bool *failed)
{
    uint64_t l = g->nodes[a].info.address, r = g->nodes[b].info.address;
    if (l && r && l != r)
        return l < r ? -1 : 1;
    struct str left = graph_label(g, a), right = graph_label(g, b);
    *failed |= !left.p || !right.p;
    return str_cmp(left, right);
}

struct str graph_name(const struct graph *g, uint32_t node)
{
    return profile_str(g->view->profile, g->nodes[node].info.name);
}

struct str graph_file(const struct graph *g, uint32_t node)
{
    return g->files.strings[g->nodes[node].info.file];
}

struct str graph_label(struct graph *g, uint32_t node)
{
    struct graph_node *n = &g->nodes[node];
    const struct graph_info *i = &n->info;
    if (n->label.p)
        return n->label;
    if (i->name && !i->address && !i->line && !i->file)
        return n->label = graph_name(g, node);
    AUTO_BUF text = {0};
    graph_print_name(&text, i->address, graph_name(g, node), graph_file(g, node), i->line,
                     i->column, profile_str(g->view->profile, i->objfile), " ");
    char *copy = text.failed ? NULL : arena_strndup(&g->arena, text.data, text.len);
    if (copy)
        n->label = (struct str){copy, text.len};
    return n->label;
}

void graph_print_name(struct buf *out, uint64_t address, struct str name, struct str file,
                      int64_t line, int64_t column, struct str objfile, const char *sep)
{
    const char *between = "";
    if (address) {
        buf_hex(out, address, 16);
        between = sep;
    }
    if (name.len) {
        buf_puts(out, between);
        buf_add(out, name.p, name.len);
        between = sep;
    }
    if (line) {
        buf_puts(out, between);
        buf_add(out, file.p, file.len);
        buf_putc(out, ':');
        buf_int(out, line, 0);
        if (column) {
            buf_putc(out, ':');
            buf_int(out, column, 0);
        }
    } else if (file.len) {
        buf_puts(out, between);
        buf_add(out, file.p, file.len);
    } else if (name.len) {
        return;
    } else if (objfile.len) {
        struct str base = path_base(objfile);
        buf_puts(out, between);
        buf_putc(out, '[');
        buf_add(out, base.p, base.len);
        buf_putc(out, ']');
    } else {
        buf_puts(out, between);
        buf_puts(out, "<unknown>");
    }
}
