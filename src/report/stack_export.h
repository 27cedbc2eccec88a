/* stack_export: what reports share that hand stacks on to other tools.
 *
 *   struct stack_export e;
 *   if (stack_export_begin(&e, &report_folded, GRANULARITY_FUNCTIONS, ctx, err)) ...
 *   stack_export_end(&e);
 *
 * Threads: one at a time each.  Signals: no. */
#ifndef SONDE_REPORT_STACK_EXPORT_H
#define SONDE_REPORT_STACK_EXPORT_H

#include "report/report_run.h"
#include "xform/stacks.h"

struct stack_export {
    struct report_run run;
    struct graph graph;
    struct stacks stacks;
};

/* Run the pipeline and add equal stacks up; what the user has not chosen a granularity
 * for is of `granularity`.  False and *err; end it in any case. */
bool stack_export_begin(struct stack_export *e, const struct report_ops *ops,
                        enum granularity granularity, const struct report_ctx *ctx,
                        struct err *err);
void stack_export_end(struct stack_export *e);

/* The name of a node without its place: the function, after its address where that
 * tells nodes apart; else the file, else the object file in brackets. */
void stack_export_name(const struct stack_export *e, uint32_t node, struct buf *out);

/* "primes cpu": what the picture is of. */
void stack_export_title(const struct stack_export *e, struct buf *out);

#endif
