/* analysis_sum_tasks: tasks that the program marked: percentiles by name, and the slowest with
 * what happened in them. */
#include "analysis/analysis_text.h"

static const char *task_name(const struct analysis_facts *f, uint32_t name)
{
    const char *text = trace_string(f->trace, name, NULL);
    return *text ? text : "(not known)";
}

/* "running 2ms, runnable 1ms, sync 8ms": what it went by. */
static void text_exec(struct buf *out, const struct analysis_facts *f, const char *who,
                      const struct analysis_exec *exec)
{
    struct analysis_part parts[4];
    size_t n = analysis_parts_sorted(&f->goroutines.parts, exec->blocked, parts, 4);
    const struct {
        const char *name;
        int64_t ns;
    } states[] = {{"running", exec->exec_ns},
                  {"runnable", exec->sched_ns},
                  {"in system calls", exec->syscall_ns + exec->syscall_block_ns}};
    const char *comma = "";
    if (!exec->total_ns)
        return;
    buf_printf(out, "      %s: ", who);
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (!states[i].ns)
            continue;
        buf_printf(out, "%s%s ", comma, states[i].name);
        analysis_text_time(out, states[i].ns);
        comma = ", ";
    }
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "%swaiting (%s) ", comma, analysis_text_reason(f->trace, parts[i].key));
        analysis_text_time(out, parts[i].ns);
        comma = ", ";
    }
    buf_putc(out, '\n');
}

static void text_longest(struct buf *out, const struct analysis_facts *f,
                         const struct analysis_wait *w)
{
    if (!w->ns)
        return;
    buf_puts(out, "      longest wait: ");
    analysis_text_time(out, w->ns);
    buf_printf(out, " (%s)",
               w->state == TRACE_GO_RUNNABLE  ? "for a processor"
               : w->state == TRACE_GO_SYSCALL ? "system call"
                                              : analysis_text_reason(f->trace, w->reason));
    if (w->stack) {
        buf_puts(out, " at ");
        analysis_text_site(out, f->trace, w->stack, "?");
    }
    if (w->waker_g != TRACE_NONE || w->is_open) {
        buf_puts(out, ", ");
        analysis_text_wait_by(out, f->trace, w);
    }
    buf_putc(out, '\n');
}

static void text_slow(struct buf *out, const struct analysis_facts *f,
                      const struct analysis_slow_task *slow)
{
    const struct analysis_user *u = &f->user;
    const struct analysis_task_row *task = &u->tasks.items[slow->task];
    const struct analysis_task_detail *d = &u->details.items[slow->detail];
    buf_puts(out, "  ");
    analysis_text_time(out, slow->ns);
    buf_printf(out, "%s  %s (task %llu) at ", task->end_ns == ANALYSIS_NEVER ? " unfinished" : "",
               task_name(f, task->name), (unsigned long long)task->id);
    analysis_text_time(out, task->start_ns - f->first_ns);
    buf_putc(out, '\n');
    text_exec(out, f,
              analysis_words(f->trace).is_native ? "thread that began it"
                                                 : "goroutine that began it",
              &d->own);
    text_exec(out, f, "others in its regions", &d->others);
    text_longest(out, f, &d->longest);
    for (uint32_t at = d->first_log; at; at = u->logs.items[at].next) {
        const struct analysis_log *log = &u->logs.items[at];
        buf_puts(out, "      +");
        analysis_text_time(out, log->time_ns - task->start_ns);
        if (log->category)
            buf_printf(out, " %s:", trace_string(f->trace, log->category, NULL));
        buf_printf(out, " %s\n", trace_string(f->trace, log->message, NULL));
    }
    if (d->n_logs > ANALYSIS_LOGS_MAX)
        buf_printf(out, "      ... %u more logs\n", d->n_logs - ANALYSIS_LOGS_MAX);
}

static void text(const void *state, struct buf *out)
{
    const struct analysis_facts *f = state;
    const struct analysis_user *u = &f->user;
    const struct analysis_kinds *kinds = &u->task_kinds;
    struct analysis_table t;
    size_t shown = analysis_n_rows(f, kinds->n);
    uint64_t count = analysis_kinds_count(kinds);
    buf_printf(out, "tasks: %llu\n", (unsigned long long)count);
    if (!count)
        return;
    uint32_t *order = analysis_kinds_sorted(out, kinds);
    analysis_table_begin(&t, "rrrrrrrrl",
                         "count\0unfinished\0total\0" ANALYSIS_PERCENTILES "\0task\0");
    for (size_t i = 0; order && i < shown; i++) {
        const struct analysis_kind *k = &kinds->items[order[i]];
        analysis_table_kind(&t, k);
        analysis_table_text(&t, task_name(f, k->name));
    }
    analysis_table_end(&t, out);
    analysis_text_more(out, kinds->n, shown);
    free(order);
    if (u->slowest.n)
        buf_puts(out, "\nslowest\n");
    for (size_t i = 0; i < u->slowest.n; i++)
        text_slow(out, f, analysis_top_at(&u->slowest, i));
}

static void json_slow(struct json *j, const struct analysis_facts *f,
                      const struct analysis_slow_task *slow)
{
    const struct analysis_user *u = &f->user;
    const struct analysis_task_row *task = &u->tasks.items[slow->task];
    const struct analysis_task_detail *d = &u->details.items[slow->detail];
    json_open(j, '{');
    json_member_int(j, "id", (int64_t)task->id);
    json_member_int(j, "parent", task->parent == TRACE_NO_TASK ? 0 : (int64_t)task->parent);
    analysis_json_string(j, "name", f->trace, task->name);
    json_member_int(j, "ns", slow->ns);
    json_member_int(j, "start_ns", task->start_ns - f->first_ns);
    json_member_bool(j, "finished", task->end_ns != ANALYSIS_NEVER);
    json_member_int(j, "n_regions", d->n_regions);
    analysis_json_exec_as(j, "time", f, &d->own);
    analysis_json_exec_as(j, "others", f, &d->others);
    json_key(j, "longest_wait");
    if (d->longest.ns)
        analysis_json_wait(j, f, &d->longest);
    else
        json_null(j);
    json_member_int(j, "n_logs", d->n_logs);
    json_key(j, "logs");
    json_open(j, '[');
    for (uint32_t at = d->first_log; at; at = u->logs.items[at].next) {
        const struct analysis_log *log = &u->logs.items[at];
        json_open(j, '{');
        json_member_int(j, "start_ns", log->time_ns - f->first_ns);
        json_member_int(j, "goroutine", log->g);
        analysis_json_string(j, "category", f->trace, log->category);
        analysis_json_string(j, "message", f->trace, log->message);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
}

static void json(const void *state, struct buf *out)
{
    const struct analysis_facts *f = state;
    const struct analysis_user *u = &f->user;
    struct json j = {.out = out};
    json_open(&j, '{');
    analysis_json_kinds(&j, f, &u->task_kinds, false);
    json_key(&j, "slowest");
    json_open(&j, '[');
    for (size_t i = 0; i < u->slowest.n; i++)
        json_slow(&j, f, analysis_top_at(&u->slowest, i));
    json_close(&j, ']');
    json_close(&j, '}');
}

extern const struct analysis_ops analysis_sum_tasks;
const struct analysis_ops analysis_sum_tasks = {
    .name = "tasks",
    .help = "Tasks of the program by name: percentiles; the slowest with their logs",
    .group = ANALYSIS_SUMMARY,
    .begin = analysis_facts_begin_user,
    .events = analysis_facts_events,
    .end = analysis_facts_end,
    .free = analysis_facts_free,
    .text = text,
    .json = json};
