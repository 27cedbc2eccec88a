/* firefox: a file for profiler.firefox.com, in its "processed profile format".
 *
 * One thread holds all stacks as a tree, and a sample for each with its weight.  A
 * profile tells of no order in time: on the timeline stacks follow one another, each
 * as long as its value. */
#include "report/modules.h"
#include "report/stack_export.h"

#include "base/map.h"
#include "base/vec.h"
#include "render/json.h"
#include "xform/path.h"
#include "xform/unit.h"

#include <stdlib.h>

/* The version of the format that is written; the page converts from older ones. */
#define FORMAT_VERSION 55
#define GECKO_VERSION 30

enum { CATEGORY_USER = 1, CATEGORY_KERNEL = 2 };

struct tree_node {
    uint32_t frame;  /* a graph node */
    uint32_t prefix; /* a tree node, or MAP_NONE */
};

struct firefox {
    struct stack_export e;
    VEC(struct tree_node) tree;
    uint32_t *leaves;  /* by stack: its tree node */
    uint32_t *objects; /* by graph node: a mapping, or PROFILE_NONE */
    struct json j;
};

/* What the values are there: "tracing-ms" are times, here kept in nanoseconds. */
enum weight { WEIGHT_SAMPLES, WEIGHT_TIME, WEIGHT_BYTES };

static enum weight weight_of(const struct stack_export *e)
{
    const char *unit = e->run.pipeline.unit;
    return unit_is_convertible(unit, "nanoseconds") ? WEIGHT_TIME
           : unit_is_convertible(unit, "bytes")     ? WEIGHT_BYTES
                                                    : WEIGHT_SAMPLES;
}

static int64_t weigh(const struct stack_export *e, enum weight weight, int64_t value)
{
    static const char *const units[] = {
        [WEIGHT_SAMPLES] = "", [WEIGHT_TIME] = "nanoseconds", [WEIGHT_BYTES] = "bytes"};
    const char *unit = e->run.pipeline.unit, *scaled;
    if (weight == WEIGHT_SAMPLES || !strcmp(unit, units[weight]))
        return value;
    return unit_to_int64(unit_scale(value, unit, units[weight], &scaled));
}

/* Nodes have their prefixes before them.  The map finds the children of a node. */
static bool make_tree(struct firefox *f)
{
    const struct stacks *stacks = &f->e.stacks;
    struct stacks_frames frames = {0};
    VEC(uint32_t) path = {0}; /* tree nodes of the stack before: neighbours are alike */
    struct map children;
    bool ok = true;
    map_init(&children);
    f->leaves = malloc(((size_t)stacks->n + 1) * sizeof *f->leaves);
    for (uint32_t i = 0; ok && f->leaves && i < stacks->n; i++) {
        uint32_t node = MAP_NONE;
        ok = stacks_load(&frames, &f->e.graph, stacks->items[i].sample) &&
             vec_reserve(&path, frames.n);
        bool is_same = true;
        for (size_t k = 0; ok && k < frames.n; k++) {
            uint32_t frame = frames.items[k] & ~GRAPH_FRAME_INLINED, next = (uint32_t)f->tree.n;
            is_same = is_same && k < path.n && f->tree.items[path.items[k]].frame == frame;
            if (is_same) {
                node = path.items[k];
                continue;
            }
            uint32_t found = map_get_or_put(&children, (uint64_t)node << 32 | frame, next);
            ok = found != MAP_NONE &&
                 (found != next || vec_push(&f->tree, (struct tree_node){frame, node}));
            path.items[k] = node = found;
        }
        path.n = frames.n;
        f->leaves[i] = node;
    }
    map_release(&children);
    vec_release(&path);
    vec_release(&frames);
    return ok && f->leaves;
}

/* "key": [ the value of each i in [0, n) ], for columns that are the same throughout. */
static void column_of(struct json *j, const char *key, uint32_t n, const char *value)
{
    json_key(j, key);
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++)
        buf_printf(j->out, i ? ",%s" : "%s", value);
    json_close(j, ']');
}

static void write_meta(struct firefox *f, enum weight weight)
{
    static const char *const categories[][2] = {
        {"Other", "grey"}, {"User", "yellow"}, {"Kernel", "orange"}};
    const struct profile *p = f->e.graph.view->profile;
    struct json *j = &f->j;
    json_key(j, "meta");
    json_open(j, '{');
    json_member_int(j, "version", GECKO_VERSION);
    json_member_int(j, "preprocessedProfileVersion", FORMAT_VERSION);
    json_member_int(j, "interval", 1);
    json_member_double(j, "startTime", (double)p->time_nanos / 1e6);
    json_member_int(j, "processType", 0);
    json_member_int(j, "stackwalk", 1);
    json_member_bool(j, "symbolicated", true);
    json_member_bool(j, "symbolicationNotSupported", true);
    json_member_bool(j, "usesOnlyOneStackType", true);
    json_member_bool(j, "sourceCodeIsNotOnSearchfox", true);
    json_member(j, "importedFrom", STR("sonde"));
    struct str title = report_title(&f->e.run);
    json_member(j, "product", title.len ? title : STR("profile"));
    json_key(j, "sampleUnits");
    json_open(j, '{');
    json_member(j, "time", weight == WEIGHT_BYTES ? STR("bytes") : STR("ms"));
    json_member(j, "eventDelay", STR("ms"));
    json_member(j, "threadCPUDelta", STR("ns"));
    json_close(j, '}');
    json_key(j, "categories");
    json_open(j, '[');
    for (size_t i = 0; i < sizeof categories / sizeof *categories; i++) {
        json_open(j, '{');
        json_member(j, "name", str_of(categories[i][0]));
        json_member(j, "color", str_of(categories[i][1]));
        json_key(j, "subcategories");
        json_open(j, '[');
        json_string(j, STR("Other"));
        json_close(j, ']');
        json_close(j, '}');
    }
    json_close(j, ']');
    json_key(j, "markerSchema");
    json_open(j, '[');
    json_close(j, ']');
    json_close(j, '}');
}

static void write_libs(struct firefox *f)
{
    const struct profile *p = f->e.graph.view->profile;
    struct json *j = &f->j;
    json_key(j, "libs");
    json_open(j, '[');
    for (uint32_t i = 0; i < p->n_mappings; i++) {
        struct str path = profile_str(p, p->mappings[i].file);
        struct str name = path_base(path);
        json_break(j);
        json_open(j, '{');
        json_member(j, "arch", STR(""));
        json_member(j, "name", name);
        json_member(j, "path", path);
        json_member(j, "debugName", name);
        json_member(j, "debugPath", path);
        json_member(j, "breakpadId", STR(""));
        json_member(j, "codeId", profile_str(p, p->mappings[i].build_id));
        json_close(j, '}');
    }
    json_close(j, ']');
}

/* The strings are the names of nodes, then the files, then the names of mappings. */
static void write_strings(struct firefox *f)
{
    const struct graph *g = &f->e.graph;
    const struct profile *p = g->view->profile;
    struct json *j = &f->j;
    AUTO_BUF name = {0};
    json_break(j);
    json_key(j, "stringArray");
    json_open(j, '[');
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        buf_clear(&name);
        stack_export_name(&f->e, i, &name);
        json_string(j, (struct str){buf_str(&name), name.len});
        j->out->failed |= name.failed;
    }
    for (uint32_t i = 0; i < g->files.n; i++)
        json_string(j, g->files.strings[i]);
    for (uint32_t i = 0; i < p->n_mappings; i++)
        json_string(j, path_base(profile_str(p, p->mappings[i].file)));
    json_close(j, ']');
}

static void number_or(struct json *j, bool is_there, int64_t v)
{
    if (is_there)
        json_int(j, v);
    else
        json_null(j);
}

static void write_frames(struct firefox *f)
{
    const struct graph *g = &f->e.graph;
    const struct profile *p = g->view->profile;
    struct json *j = &f->j;
    uint32_t n = g->n_nodes;
    json_break(j);
    json_key(j, "frameTable");
    json_open(j, '{');
    json_member_int(j, "length", n);
    column_of(j, "address", n, "-1");
    column_of(j, "inlineDepth", n, "0");
    json_key(j, "category");
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++) {
        bool is_kernel =
            f->objects[i] != PROFILE_NONE &&
            str_has_prefix(profile_str(p, p->mappings[f->objects[i]].file), STR("[kernel"));
        json_int(j, is_kernel ? CATEGORY_KERNEL : CATEGORY_USER);
    }
    json_close(j, ']');
    column_of(j, "subcategory", n, "0");
    json_key(j, "func");
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++)
        json_int(j, i);
    json_close(j, ']');
    column_of(j, "nativeSymbol", n, "null");
    column_of(j, "innerWindowID", n, "0");
    json_key(j, "line");
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++)
        number_or(j, g->nodes[i].info.line, g->nodes[i].info.line);
    json_close(j, ']');
    json_key(j, "column");
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++)
        number_or(j, g->nodes[i].info.column, g->nodes[i].info.column);
    json_close(j, ']');
    json_close(j, '}');
}

static void write_functions(struct firefox *f)
{
    const struct graph *g = &f->e.graph;
    struct json *j = &f->j;
    uint32_t n = g->n_nodes;
    json_break(j);
    json_key(j, "funcTable");
    json_open(j, '{');
    json_member_int(j, "length", n);
    json_key(j, "name");
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++)
        json_int(j, i);
    json_close(j, ']');
    column_of(j, "isJS", n, "false");
    column_of(j, "relevantForJS", n, "false");
    json_key(j, "resource");
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++)
        json_int(j, f->objects[i] == PROFILE_NONE ? -1 : (int64_t)f->objects[i]);
    json_close(j, ']');
    json_key(j, "fileName");
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++)
        number_or(j, g->nodes[i].info.file, (int64_t)n + g->nodes[i].info.file);
    json_close(j, ']');
    column_of(j, "lineNumber", n, "null");
    column_of(j, "columnNumber", n, "null");
    json_close(j, '}');
}

static void write_resources(struct firefox *f)
{
    const struct graph *g = &f->e.graph;
    uint32_t n = g->view->profile->n_mappings;
    struct json *j = &f->j;
    json_break(j);
    json_key(j, "resourceTable");
    json_open(j, '{');
    json_member_int(j, "length", n);
    json_key(j, "lib");
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++)
        json_int(j, i);
    json_close(j, ']');
    json_key(j, "name");
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++)
        json_int(j, (int64_t)g->n_nodes + g->files.n + i);
    json_close(j, ']');
    column_of(j, "host", n, "null");
    column_of(j, "type", n, "1"); /* a library */
    json_close(j, '}');
}

static void write_stacks(struct firefox *f)
{
    struct json *j = &f->j;
    json_break(j);
    json_key(j, "stackTable");
    json_open(j, '{');
    json_member_int(j, "length", (int64_t)f->tree.n);
    json_key(j, "frame");
    json_open(j, '[');
    for (size_t i = 0; i < f->tree.n; i++)
        json_int(j, f->tree.items[i].frame);
    json_close(j, ']');
    json_key(j, "prefix");
    json_open(j, '[');
    for (size_t i = 0; i < f->tree.n; i++)
        number_or(j, f->tree.items[i].prefix != MAP_NONE, f->tree.items[i].prefix);
    json_close(j, ']');
    json_close(j, '}');
}

static void write_weight(struct json *j, enum weight weight, int64_t v)
{
    if (weight == WEIGHT_TIME)
        json_decimal(j, v, 6);
    else
        json_int(j, v);
}

static void write_samples(struct firefox *f, enum weight weight)
{
    static const char *const types[] = {
        [WEIGHT_SAMPLES] = "samples", [WEIGHT_TIME] = "tracing-ms", [WEIGHT_BYTES] = "bytes"};
    const struct stacks *stacks = &f->e.stacks;
    struct json *j = &f->j;
    json_break(j);
    json_key(j, "samples");
    json_open(j, '{');
    json_member_int(j, "length", stacks->n);
    json_member(j, "weightType", str_of(types[weight]));
    json_key(j, "stack");
    json_open(j, '[');
    for (uint32_t i = 0; i < stacks->n; i++)
        json_int(j, f->leaves[i]);
    json_close(j, ']');
    json_key(j, "weight");
    json_open(j, '[');
    for (uint32_t i = 0; i < stacks->n; i++)
        write_weight(j, weight, weigh(&f->e, weight, stacks->items[i].value));
    json_close(j, ']');
    json_key(j, "time");
    json_open(j, '[');
    int64_t time = 0;
    for (uint32_t i = 0; i < stacks->n; i++) {
        int64_t v = weigh(&f->e, weight, stacks->items[i].value);
        write_weight(j, weight, time);
        if (__builtin_add_overflow(time, v == INT64_MIN ? INT64_MAX : unit_abs(v), &time))
            time = INT64_MAX;
    }
    json_close(j, ']');
    json_close(j, '}');
}

static void write_empty_table(struct json *j, const char *key, const char *const *columns)
{
    json_key(j, key);
    json_open(j, '{');
    json_member_int(j, "length", 0);
    for (; *columns; columns++)
        column_of(j, *columns, 0, "");
    json_close(j, '}');
}

static void write_thread(struct firefox *f, enum weight weight)
{
    static const char *const markers[] = {"data",  "name",     "startTime", "endTime",
                                          "phase", "category", NULL};
    static const char *const symbols[] = {"libIndex", "address", "name", "functionSize", NULL};
    struct json *j = &f->j;
    AUTO_BUF title = {0};
    stack_export_title(&f->e, &title);
    json_key(j, "threads");
    json_open(j, '[');
    json_open(j, '{');
    json_member(j, "name", (struct str){buf_str(&title), title.len});
    json_member(j, "processType", STR("default"));
    json_member(j, "pid", STR("0"));
    json_member_int(j, "tid", 0);
    json_member_bool(j, "isMainThread", true);
    json_member_int(j, "processStartupTime", 0);
    json_key(j, "processShutdownTime");
    json_null(j);
    json_member_int(j, "registerTime", 0);
    json_key(j, "unregisterTime");
    json_null(j);
    column_of(j, "pausedRanges", 0, "");
    write_empty_table(j, "markers", markers);
    write_empty_table(j, "nativeSymbols", symbols);
    write_strings(f);
    write_frames(f);
    write_functions(f);
    write_resources(f);
    write_stacks(f);
    write_samples(f, weight);
    json_close(j, '}');
    json_close(j, ']');
    j->out->failed |= title.failed;
}

static bool write_firefox(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    struct firefox f = {.j = {.out = out}};
    bool ok = stack_export_begin(&f.e, &report_firefox, GRANULARITY_FILEFUNCTIONS, ctx, err) &&
              (f.objects = modules_objects(&f.e.graph, err)) != NULL &&
              (make_tree(&f) || err_nomem(err));
    if (ok) {
        enum weight weight = weight_of(&f.e);
        json_open(&f.j, '{');
        write_meta(&f, weight);
        write_libs(&f);
        write_thread(&f, weight);
        json_close(&f.j, '}');
        buf_putc(out, '\n');
    }
    vec_release(&f.tree);
    free(f.leaves);
    free(f.objects);
    stack_export_end(&f.e);
    return ok;
}

const struct report_ops report_firefox = {
    .name = "firefox",
    .help = "Outputs a file for profiler.firefox.com",
    .ext = "firefox.json",
    .flags = REPORT_BINARY | REPORT_UNTRIMMED,
    .write = write_firefox,
};
