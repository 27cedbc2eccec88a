/* The trace, or a part of it, in Chrome's format. */
#include "analysis/analysis_run.h"
#include "ui/trace_web_site.h"
#include "ui/web_answer.h"

#define EVENTS_MAX 1000000 /* of an answer, which is made in memory */

/* start and end are ns, as elsewhere: those of go tool trace count Chrome's events. */
static struct analysis_options options_of(const struct trace_query *query,
                                          const struct trace_web_model *model)
{
    return (struct analysis_options){
        .start_ns = query->start_ns > 0 ? query->start_ns : 0,
        .end_ns = query->end_ns >= model->stats.duration_ns ? 0
                  : query->end_ns > 0                       ? query->end_ns
                                                            : 1,
        .goroutine = query->n_goids ? query->goids[0] : 0,
        .goroutine_name = query->name,
        .task = query->task,
    };
}

static bool is_small(const struct trace_web_model *model, const struct analysis_options *options,
                     struct err *err)
{
    struct timeline_range range;
    int64_t end_ns = options->end_ns ? options->end_ns : model->stats.duration_ns;
    int64_t start_ns = options->start_ns < end_ns ? options->start_ns : end_ns;
    if (!timeline_range(model->timeline, NULL, start_ns, end_ns, &range, err))
        return false;
    uint64_t n = range.n_events;
    timeline_range_release(&range);
    return n <= EVENTS_MAX ||
           err_set(err, ERR_USAGE,
                   "that has %llu events: choose a shorter part with start= and end=, or use "
                   "sonde trace -export=chrome",
                   (unsigned long long)n);
}

static bool write_trace(struct web_call *call, struct err *err)
{
    struct trace_query query;
    struct diag diag;
    struct trace_web_load *load = trace_web_site(call)->load;
    const struct trace_web_model *model = trace_web_load_wait(load, err);
    struct analysis_task task = {.ops = analysis_find(ANALYSIS_EXPORT, "chrome"),
                                 .out = &call->response->body};
    if (!model || !trace_query_parse(&query, call->request->query, &call->arena, err))
        return false;
    if (query.n_goids > 1)
        return err_set(err, ERR_USAGE, "jsontrace is of one goroutine, or of all");
    const struct analysis_options options = options_of(&query, model);
    struct trace_reader *reader =
        is_small(model, &options, err) ? trace_web_load_again(load, err) : NULL;
    if (!reader)
        return false;
    diag_init(&diag);
    bool ok = analysis_run(reader, &options, &task, 1, &diag, err);
    analysis_release(&task, 1);
    diag_release(&diag);
    trace_reader_free(reader);
    return ok;
}

void trace_web_jsontrace(struct web_call *call)
{
    struct err err = {0};
    if (write_trace(call, &err))
        call->response->type = WEB_ANSWER_TYPE;
    else
        web_answer_fail(call->response, &err);
}
