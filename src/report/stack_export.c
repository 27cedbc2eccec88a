#include "report/stack_export.h"

bool stack_export_begin(struct stack_export *e, const struct report_ops *ops,
                        enum granularity granularity, const struct report_ctx *ctx, struct err *err)
{
    struct report_options options = *ctx->options;
    struct report_ctx own = *ctx;
    const struct graph_options graph_options = {.trim_path = options.trim_path,
                                                .source_path = options.source_path};
    *e = (struct stack_export){0};
    if (options.granularity == GRANULARITY_DEFAULT)
        options.granularity = granularity;
    own.options = &options;
    if (!report_begin(&e->run, ops, &own, err) ||
        !report_init_graph(&e->run, &graph_options, &e->graph, err) ||
        !stacks_init(&e->stacks, &e->graph, err))
        return false;
    uint32_t n = 0;
    for (uint32_t i = 0; i < e->stacks.n; i++) {
        struct stacks_item *item = &e->stacks.items[i];
        item->value = report_divided(&e->run, item->value);
        if (item->value > 0 || (item->value < 0 && !options.drop_negative))
            e->stacks.items[n++] = *item;
    }
    e->stacks.n = n;
    return true;
}

void stack_export_end(struct stack_export *e)
{
    stacks_release(&e->stacks);
    graph_release(&e->graph);
    report_end(&e->run);
}

void stack_export_name(const struct stack_export *e, uint32_t node, struct buf *out)
{
    const struct graph_info *info = &e->graph.nodes[node].info;
    struct str name = graph_name(&e->graph, node);
    struct str file = name.len ? STR("") : graph_file(&e->graph, node);
    struct str object = profile_str(e->graph.view->profile, info->objfile);
    graph_print_name(out, info->address, name, file, 0, 0, object, " ");
}

void stack_export_title(const struct stack_export *e, struct buf *out)
{
    struct str title = report_title(&e->run);
    buf_add(out, title.p, title.len);
    buf_puts(out, title.len && *e->run.pipeline.type ? " " : "");
    buf_puts(out, e->run.pipeline.type);
}
