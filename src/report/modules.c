#include "report/modules.h"

#include "xform/path.h"
#include "xform/unit.h"

#include <stdlib.h>
#include <string.h>

/* Where a compiler's suffix begins: "f.part.0", "f.lto_priv.3". */
static size_t without_suffix(struct str name)
{
    static const char *const suffixes[] = {".cold",     ".constprop.", ".isra.", ".llvm.",
                                           ".lto_priv", ".localalias", ".part.", ".warm"};
    for (size_t at = 1; at < name.len; at++) {
        const char *dot = memchr(name.p + at, '.', name.len - at);
        if (!dot)
            break;
        at = (size_t)(dot - name.p);
        struct str rest = {dot, name.len - at};
        if (rest.len < 2 || !memchr("cilpw", dot[1], 5))
            continue;
        for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
            if (str_has_prefix(rest, str_of(suffixes[i])))
                return at;
    }
    return name.len;
}

/* The part of a function's name that says where it comes from: a Go package, a
 * C++ or Rust name space; empty where the name has none. */
static struct str name_space(struct str name)
{
    size_t slash = 0, end = 0;
    name.len = without_suffix(name);
    if (name.len && (name.p[0] == '<' || name.p[0] == '('))
        return (struct str){"", 0};
    for (; end < name.len; end++) {
        if (name.p[end] > '<' || (name.p[end] > '/' && name.p[end] < '<'))
            continue; /* letters and digits, most of it */
        if (name.p[end] == '<' || name.p[end] == '(')
            break;
        if (name.p[end] == '/')
            slash = end + 1;
        if (name.p[end] == ' ') { /* a return type: "void std::f<int>()" */
            name.p += end + 1;
            name.len -= end + 1;
            end = slash = 0;
            if (!name.len)
                break;
        }
    }
    for (size_t i = slash; i < end; i++) {
        if (name.p[i] == ':' && i + 1 < end && name.p[i + 1] == ':')
            return (struct str){name.p, i};
        if (name.p[i] == '.' && i > 0)
            return (struct str){name.p, i};
    }
    return (struct str){"", 0};
}

uint32_t *modules_objects(const struct graph *g, struct err *err)
{
    const struct profile *p = g->view->profile;
    uint32_t *objects = malloc(((size_t)g->n_nodes + 1) * sizeof *objects);
    if (!objects) {
        err_nomem(err);
        return NULL;
    }
    for (uint32_t i = 0; i < g->n_nodes; i++)
        objects[i] = PROFILE_NONE;
    for (uint32_t loc = p->n_locations; loc-- > 0;)
        for (uint32_t k = g->frame_first[loc]; k < g->frame_first[loc + 1]; k++)
            if (p->locations[loc].mapping != PROFILE_NONE)
                objects[g->frames[k] & ~GRAPH_FRAME_INLINED] = p->locations[loc].mapping;
    return objects;
}

static struct str module_name(const struct graph *g, uint32_t node, uint32_t mapping)
{
    const struct profile *p = g->view->profile;
    struct str object = {"", 0};
    if (mapping != PROFILE_NONE)
        object = profile_str(p, p->mappings[mapping].file);
    if (str_has_prefix(object, STR("[kernel")))
        return STR("[kernel]");
    struct str name = name_space(graph_name(g, node));
    if (name.len)
        return name;
    if (object.len)
        return path_base(object);
    return graph_name(g, node).len ? STR("other") : STR("unknown");
}

static int by_self(const void *a, const void *b)
{
    const struct module *x = *(const struct module *const *)a,
                        *y = *(const struct module *const *)b;
    if (x->self != y->self)
        return x->self > y->self ? -1 : 1;
    return str_cmp(x->name, y->name);
}

/* Add a graph's nodes, which are frames `frame_of` (NULL: their own indexes). */
static bool add_graph(struct modules *m, const struct graph *g, const uint32_t *frame_of)
{
    uint32_t *objects = modules_objects(g, NULL);
    for (uint32_t i = 0; objects && i < g->n_nodes; i++) {
        uint32_t *of = &m->of_node[frame_of ? frame_of[i] : i];
        if (!*of) {
            uint32_t id = intern_add(&m->names, module_name(g, i, objects[i]));
            if (id == INTERN_NONE) {
                free(objects);
                return false;
            }
            *of = id;
            m->modules[id].name = m->names.strings[id];
        }
        struct module *module = &m->modules[*of];
        int64_t flat = g->nodes[i].flat;
        flat = flat == INT64_MIN ? INT64_MAX : unit_abs(flat);
        if (__builtin_add_overflow(module->self, flat, &module->self))
            module->self = INT64_MAX;
    }
    free(objects);
    return objects != NULL;
}

static void choose_hues(struct modules *m)
{
    bool taken[MODULES_HUES] = {false};
    for (uint32_t i = 0, n_taken = 0; i < m->n; i++) {
        struct module *module = m->sorted[i];
        module->is_grey =
            str_eq(module->name, STR("[kernel]")) || str_eq(module->name, STR("unknown"));
        module->hue = (uint32_t)(hash_bytes(module->name.p, module->name.len) % MODULES_HUES);
        if (module->is_grey || n_taken == MODULES_HUES)
            continue;
        while (taken[module->hue])
            module->hue = (module->hue + 1) % MODULES_HUES;
        taken[module->hue] = true;
        n_taken++;
    }
}

/* Make modules of up to n frames of one graph or two. */
static bool init(struct modules *m, uint32_t n, const struct graph *g, const struct graph *base,
                 const uint32_t *base_frames, struct err *err)
{
    *m = (struct modules){0};
    arena_init(&m->arena);
    m->of_node = calloc((size_t)n + 1, sizeof *m->of_node);
    m->modules = calloc((size_t)n + 1, sizeof *m->modules);
    if (!m->of_node || !m->modules || !intern_init(&m->names, &m->arena) ||
        !add_graph(m, g, NULL) || (base && !add_graph(m, base, base_frames)))
        return err_nomem(err);
    m->n = m->names.n - 1;
    m->sorted = calloc((size_t)m->n + 1, sizeof *m->sorted);
    if (!m->sorted)
        return err_nomem(err);
    for (uint32_t i = 0; i < m->n; i++)
        m->sorted[i] = &m->modules[i + 1];
    qsort(m->sorted, m->n, sizeof *m->sorted, by_self);
    choose_hues(m);
    return true;
}

bool modules_init(struct modules *m, const struct graph *g, struct err *err)
{
    return init(m, g->n_nodes, g, NULL, NULL, err);
}

bool modules_init_places(struct modules *m, const struct places *p, struct err *err)
{
    return init(m, p->n_frames, p->sides[0].graph, p->sides[1].graph, p->base_frames, err);
}

void modules_release(struct modules *m)
{
    free(m->of_node);
    free(m->modules);
    free(m->sorted);
    intern_release(&m->names);
    arena_release(&m->arena);
    *m = (struct modules){0};
}
