/* The envelope of the answers of ./data/NAME, and ./data/meta. */
#include "ui/trace_web_parts.h"
#include "ui/trace_web_site.h"

#include "ui/web_answer.h"

#include <string.h>

static const struct {
    const char *name;
    trace_web_answer_fn *write;
} answers[] = {
    {"tracks", trace_web_tracks},
    {"tile", trace_web_tile},
    {"globals", trace_web_globals},
    {"arrows", trace_web_arrows},
    {"box", trace_web_box},
    {"range", trace_web_range},
    {"search", trace_web_search},
    {"overview", trace_web_overview},
    {"goroutines", trace_web_goroutines},
    {"goroutine", trace_web_goroutine},
    {"usertasks", trace_web_usertasks},
    {"usertask", trace_web_usertask},
    {"task", trace_web_task},
    {"userregions", trace_web_userregions},
    {"userregion", trace_web_userregion},
    {"gc", trace_web_gc},
    {"mmu", trace_web_mmu},
    {"mmuworst", trace_web_mmuworst},
    {"latency", trace_web_latency},
};

static trace_web_answer_fn *find(const char *name)
{
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        if (!strcmp(answers[i].name, name))
            return answers[i].write;
    return NULL;
}

static bool write_answer(struct web_call *call, trace_web_answer_fn *write, struct err *err)
{
    const struct trace_web_site *site = trace_web_site(call);
    const struct trace_web_model *model = trace_web_load_model(site->load);
    struct trace_web_ask ask = {.site = site,
                                .model = model,
                                .timeline = model->timeline,
                                .trace = model->trace,
                                .arena = &call->arena};
    struct json j = {.out = &call->response->body};
    if (!trace_query_parse(&ask.query, call->request->query, &call->arena, err))
        return false;
    json_open(&j, '{');
    if (!write(&ask, &j, err))
        return false;
    json_close(&j, '}');
    return !j.out->failed || err_nomem(err);
}

void trace_web_data(struct web_call *call)
{
    struct err err = {0};
    AUTO_BUF key = {0};
    struct web_response *response = call->response;
    const struct trace_web_site *site = trace_web_site(call);
    const char *name = strrchr(call->request->path, '/') + 1;
    trace_web_answer_fn *write = find(name);
    if (!write) {
        web_answer_error(response, 404, "there is no such answer");
        return;
    }
    if (!trace_web_load_model(site->load)) {
        web_answer_error(response, 503, "the trace is still being read");
        return;
    }
    buf_printf(&key, "%s?%s", name, call->request->query);
    if (!web_cache_get(site->cache, &key, response)) {
        if (!write_answer(call, write, &err)) {
            web_answer_fail(response, &err);
            return;
        }
        web_cache_put(site->cache, &key, response);
    }
    response->type = WEB_ANSWER_TYPE;
}

/* --- meta --- */

static const struct {
    const char *name, *title, *raw;
} profile_titles[] = {
    {"net", "Network waits", "io.pb.gz"},
    {"sync", "Synchronization waits", "block.pb.gz"},
    {"syscall", "System calls", "syscall.pb.gz"},
    {"sched", "Scheduling delays", "sched.pb.gz"},
    {"cpu", "CPU samples", "cpu.pb.gz"},
    {"gc", "Garbage collection", "gc.pb.gz"},
    {"regions", "User regions", "regions.pb.gz"},
    {"tasks", "User tasks", "tasks.pb.gz"},
    {"states", "All time of goroutines", "states.pb.gz"},
};

/* Has the profile anything in it? */
static bool has_samples(const struct trace_web_model *model, const char *name)
{
    const struct analysis_facts *f = model->facts;
    bool is_net = !strcmp(name, "net"), is_sync = !strcmp(name, "sync");
    for (size_t i = 0; (is_net || is_sync) && i < f->waits.reasons.n; i++)
        if (!strcmp(trace_web_profile_of(
                        trace_string(model->trace, f->waits.reasons.items[i].reason, NULL)),
                    name))
            return true;
    return !strcmp(name, "states") || (!strcmp(name, "syscall") && f->waits.syscalls.count) ||
           (!strcmp(name, "sched") && f->waits.sched.count) ||
           (!strcmp(name, "cpu") && f->n_samples) ||
           (!strcmp(name, "gc") && (f->gc.pauses.count || f->gc.active_ns || f->gc.sweep_ns)) ||
           (!strcmp(name, "regions") && f->user.region_kinds.n) ||
           (!strcmp(name, "tasks") && f->user.task_kinds.n);
}

static void write_profiles(struct json *j, const struct trace_web_model *model)
{
    json_key(j, "profiles");
    json_open(j, '[');
    for (size_t i = 0; model && i < sizeof profile_titles / sizeof *profile_titles; i++) {
        if (!has_samples(model, profile_titles[i].name))
            continue;
        json_open(j, '{');
        json_member(j, "name", str_of(profile_titles[i].name));
        json_member(j, "title", str_of(profile_titles[i].title));
        json_member(j, "raw", str_of(profile_titles[i].raw));
        json_close(j, '}');
    }
    json_close(j, ']');
}

/* What is known at the end only; zeros until then. */
static void write_stats(struct json *j, const struct trace_web_model *model)
{
    static const struct timeline_stats none;
    const struct timeline_stats *s = model ? &model->stats : &none;
    json_member_int(j, "duration", s->duration_ns);
    json_member_int(j, "wall", model ? model->wall_ms : 0);
    json_member_int(j, "goroutines", s->n_goroutines);
    json_key(j, "procs");
    json_open(j, '[');
    for (uint32_t i = 0; i < s->n_procs; i++)
        json_int(j, timeline_procs(model->timeline)[i]);
    json_close(j, ']');
    json_member_int(j, "threads", s->n_threads);
    json_member_int(j, "tasks", s->n_tasks);
    json_member_int(j, "regions", (int64_t)s->n_regions);
    json_member_int(j, "logs", (int64_t)s->n_logs);
    json_member_int(j, "samples", (int64_t)s->n_samples);
    json_member_int(j, "cycles", s->n_cycles);
}

/* Whose format it is, or what program it is of. */
static void write_format(struct json *j, const char *format, const struct trace_web_model *model)
{
    AUTO_BUF text = {0};
    if (model && model->is_native)
        buf_printf(&text, "native program %s", trace_origin(model->trace).program);
    json_member(j, "format", text.len && !text.failed ? str_of(buf_str(&text)) : str_of(format));
}

void trace_web_meta(struct web_call *call)
{
    const struct trace_web_site *site = trace_web_site(call);
    const struct trace_web_model *model = trace_web_load_model(site->load);
    const struct trace_web_progress progress = trace_web_load_progress(site->load);
    static const struct diag none;
    struct json j = {.out = &call->response->body};
    double share = progress.total ? (double)progress.done / (double)progress.total : 0;
    json_open(&j, '{');
    json_member(&j, "version", STR(SONDE_VERSION));
    json_member(&j, "title", str_of(site->title));
    write_format(&j, progress.format, model);
    json_member_bool(&j, "native", model && model->is_native);
    json_member_double(&j, "reading", model ? 1 : share < 0.999 ? share : 0.999);
    json_member_int(&j, "bytes", (int64_t)progress.total);
    json_member_int(&j, "events", (int64_t)progress.n_events);
    write_stats(&j, model);
    web_answer_notes(&j, model ? &model->diag : &none);
    write_profiles(&j, model);
    json_close(&j, '}');
    call->response->type = WEB_ANSWER_TYPE;
}
