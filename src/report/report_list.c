/* list: the source of functions that match a regexp, each line with its values. */
#include "report/report_run.h"
#include "report/source_files.h"
#include "xform/path.h"
#include "xform/unit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

/* Lines shown around those with values. */
#define MARGIN 5

/* A graph node with what listing sorts by: function, file, line. */
struct listed {
    struct str name, file;
    int64_t line, start_line, flat, cum;
};

static int compare_listed(const void *left, const void *right)
{
    const struct listed *l = left, *r = right;
    int c = str_cmp(l->name, r->name);
    if (!c)
        c = str_cmp(l->file, r->file);
    return c ? c : (l->line > r->line) - (l->line < r->line);
}

static int64_t add_wrapping(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

struct lister {
    struct report_run *run;
    const char *search_path, *trim_path;
    struct buf *out;
};

static void print_value_or_dot(const struct lister *l, int64_t value)
{
    if (value)
        report_value_right(l->run, l->out, value, 10);
    else
        buf_puts(l->out, "         .");
}

/* The lines to show: from the function's first (or a margin before its values, where
 * that is not known) to a margin after its values. */
static void find_range(const struct listed *nodes, size_t n, int64_t *first, int64_t *last)
{
    *first = INT64_MAX;
    *last = INT64_MIN;
    for (size_t i = 0; i < n; i++) {
        int64_t start = nodes[i].start_line, end = add_wrapping(nodes[i].line, MARGIN);
        if (start == 0)
            start = add_wrapping(nodes[i].line, -MARGIN);
        *first = start < *first ? start : *first;
        *last = end > *last ? end : *last;
    }
    if (*first < 1)
        *first = 1;
}

static void print_lines(const struct lister *l, const struct source_file *source, int64_t first,
                        int64_t last, const struct listed *nodes, size_t n)
{
    struct str text;
    size_t k = 0;
    for (int64_t line = first; line <= last; line++) {
        if (!source_file_line(source, line, &text))
            break;
        int64_t flat = 0, cum = 0;
        while (k < n && nodes[k].line < line)
            k++;
        for (; k < n && nodes[k].line == line; k++) {
            flat = add_wrapping(flat, nodes[k].flat);
            cum = add_wrapping(cum, nodes[k].cum);
        }
        print_value_or_dot(l, flat);
        buf_putc(l->out, ' ');
        print_value_or_dot(l, cum);
        buf_printf(l->out, " %6" PRId64 ":", line);
        buf_add(l->out, text.p, text.len);
        buf_putc(l->out, '\n');
    }
}

/* The source of one function in one file.  False when memory runs out. */
static bool print_source(const struct lister *l, const struct listed *nodes, size_t n)
{
    int64_t first, last;
    find_range(nodes, n, &first, &last);
    if (first > last) /* hostile line numbers; the file is not even looked for */
        return true;
    struct source_file source;
    AUTO_BUF why = {0};
    bool found = source_file_read(&source, path_trim(nodes->file, l->trim_path, l->search_path),
                                  l->search_path, &why);
    if (found) {
        print_lines(l, &source, first, last, nodes, n);
    } else if (why.len) {
        buf_puts(l->out, " Error: ");
        buf_add(l->out, why.data, why.len);
        buf_putc(l->out, '\n');
    }
    source_file_release(&source);
    return found || (why.len && !why.failed);
}

/* The nodes of one function in one file.  False when memory runs out. */
static bool print_routine(const struct lister *l, const struct listed *nodes, size_t n)
{
    int64_t flat = 0, cum = 0;
    for (size_t i = 0; i < n; i++) {
        flat = add_wrapping(flat, nodes[i].flat);
        cum = add_wrapping(cum, nodes[i].cum);
    }
    buf_puts(l->out, "ROUTINE ======================== ");
    buf_add(l->out, nodes->name.p, nodes->name.len);
    buf_puts(l->out, " in ");
    buf_add(l->out, nodes->file.p, nodes->file.len);
    buf_putc(l->out, '\n');
    report_value_right(l->run, l->out, flat, 10);
    buf_putc(l->out, ' ');
    report_value_right(l->run, l->out, cum, 10);
    buf_puts(l->out, " (flat, cum) ");
    unit_print_percent(l->out, cum, l->run->pipeline.total);
    buf_puts(l->out, " of Total\n");
    return print_source(l, nodes, n);
}

static bool print_all(const struct lister *l, const struct listed *nodes, size_t n)
{
    buf_puts(l->out, "Total: ");
    report_value(l->run, l->out, l->run->pipeline.total);
    buf_putc(l->out, '\n');
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && str_eq(nodes[end].name, nodes[i].name);)
            end++;
        if (nodes[end - 1].file.len == 0) {
            buf_puts(l->out, "No source information for ");
            buf_add(l->out, nodes[i].name.p, nodes[i].name.len);
            buf_putc(l->out, '\n');
        }
        /* Nodes without a file sort first; they have nothing to show. */
        size_t k = i;
        while (k < end && nodes[k].file.len == 0)
            k++;
        for (size_t next; k < end; k = next) {
            for (next = k + 1; next < end && str_eq(nodes[next].file, nodes[k].file);)
                next++;
            if (!print_routine(l, nodes + k, next - k))
                return false;
        }
    }
    return true;
}

/* The nodes whose name matches, sorted; NULL when memory runs out. */
static struct listed *collect(struct report_run *run, const struct graph *g, size_t *n)
{
    struct listed *nodes = malloc((g->n_order + 1) * sizeof *nodes);
    *n = 0;
    for (uint32_t i = 0; nodes && i < g->n_order; i++) {
        uint32_t node = g->order[i];
        const struct graph_node *row = &g->nodes[node];
        struct str name = graph_name(g, node);
        if (regex_match(run->pipeline.argument, name))
            nodes[(*n)++] = (struct listed){name,           graph_file(g, node),
                                            row->info.line, row->info.start_line,
                                            row->flat,      row->cum};
    }
    if (nodes)
        qsort(nodes, *n, sizeof *nodes, compare_listed);
    return nodes;
}

static bool list_graph(struct report_run *run, const struct graph *g, const char *search_path,
                       struct buf *out, struct err *err)
{
    size_t n;
    struct listed *nodes = collect(run, g, &n);
    const struct lister l = {run, search_path, run->options.trim_path, out};
    bool ok = nodes && n && print_all(&l, nodes, n);
    if (nodes && !n)
        err_set(err, ERR_USAGE, "no matches found for regexp: %s",
                regex_pattern(run->pipeline.argument));
    else if (!ok)
        err_nomem(err);
    free(nodes);
    return ok;
}

static bool write_list(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    struct report_run run;
    struct graph g = {0};
    char *folder = NULL;
    bool ok = report_begin(&run, &report_list, ctx, err);
    const char *search_path = run.options.source_path;
    if (ok && (!search_path || !*search_path)) {
        search_path = folder = getcwd(NULL, 0);
        ok = folder || err_sys(err, errno, "cannot tell the current folder");
    }
    const struct graph_options options = {
        .obj_names = true,
        .drop_negative = run.options.drop_negative,
        .trim_path = run.options.trim_path,
        .source_path = run.options.source_path,
    };
    ok = ok && report_init_graph(&run, &options, &g, err) &&
         list_graph(&run, &g, search_path, out, err);
    graph_release(&g);
    report_end(&run);
    free(folder);
    return ok;
}

const struct report_ops report_list = {
    .name = "list",
    .help = "The source of functions that match, each line with its values",
    .flags = REPORT_TAKES_REGEXP | REPORT_UNTRIMMED,
    .granularity = GRANULARITY_LINES,
    .write = write_list,
};
