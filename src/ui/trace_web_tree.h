/* trace_web_tree: a user task and those within it.
 * In: the ledger.  Out: rows of its tasks.  Threads: any.  Signals: no. */
#ifndef SONDE_UI_TRACE_WEB_TREE_H
#define SONDE_UI_TRACE_WEB_TREE_H

#include "analysis/analysis_ledger.h"
#include "ui/trace_web_sums.h"

struct trace_web_tree {
    struct trace_web_rows within; /* of ledger->tasks, each task in front of those within it */
    struct map ids;               /* of those, and of the task itself */
};

/* All that are within the task.  False: no memory; release it in any case.  O(all tasks). */
bool trace_web_tree(const struct analysis_ledger *ledger, uint64_t task,
                    struct trace_web_tree *out);
void trace_web_tree_release(struct trace_web_tree *tree);

#endif
