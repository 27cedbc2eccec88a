/* analysis_profile_cpu: the samples of a CPU profile that was taken during the trace. */
#include "analysis/analysis.h"
#include "analysis/analysis_profile.h"
#include "analysis/analysis_window.h"

#define SAMPLE_NS 10000000 /* a trace does not tell the rate; Go's is 100 Hz */

static const struct analysis_types types = {.type = {"samples", "cpu"},
                                            .unit = {"count", "nanoseconds"},
                                            .period_type = "cpu",
                                            .period_unit = "nanoseconds",
                                            .period = SAMPLE_NS};

struct cpu {
    const struct trace *trace;
    const struct analysis_options *options;
    struct analysis_window window;
    struct analysis_profile profile;
};

static void *begin(const struct trace *trace, const struct analysis_options *options,
                   struct buf *out, struct err *err)
{
    (void)out;
    if (options->task) {
        err_set(err, ERR_USAGE, "CPU samples know no task; use -goroutine, -name or a time");
        return NULL;
    }
    struct cpu *cpu = calloc(1, sizeof *cpu);
    if (!cpu) {
        err_nomem(err);
        return NULL;
    }
    cpu->trace = trace;
    analysis_profile_init(&cpu->profile, trace);
    cpu->options = options;
    return cpu;
}

/* By the outermost frame, which is the function that a goroutine started with. */
static bool is_wanted(const struct cpu *cpu, const struct trace_event *sample)
{
    struct trace_stack stack = trace_stack(cpu->trace, (uint32_t)sample->args[0]);
    if (cpu->options->goroutine && sample->g != cpu->options->goroutine)
        return false;
    if (!cpu->options->goroutine_name)
        return true;
    if (!stack.n_frames)
        return false;
    const struct trace_frame *root = trace_frame(cpu->trace, stack.frames[stack.n_frames - 1]);
    return !strcmp(trace_string(cpu->trace, root->func, NULL), cpu->options->goroutine_name);
}

static void on_events(void *state, const struct trace_event *events, size_t n)
{
    struct cpu *cpu = state;
    if (n)
        analysis_window_begin(&cpu->window, cpu->options, events);
    for (size_t i = 0; i < n; i++)
        if (events[i].type == GOTRACE_CPU_SAMPLE &&
            analysis_window_clip_of(&cpu->window, events[i].g, events[i].time_ns,
                                    events[i].time_ns + 1) &&
            is_wanted(cpu, &events[i]))
            analysis_profile_add(&cpu->profile, (uint32_t)events[i].args[0], 0, 1, SAMPLE_NS);
}

static bool end(void *state, struct err *err)
{
    (void)state;
    (void)err;
    return true;
}

static struct profile *make_profile(const void *state, struct err *err)
{
    const struct cpu *cpu = state;
    return analysis_profile_seal(&cpu->profile, &types, err);
}

static void free_cpu(void *state)
{
    struct cpu *cpu = state;
    analysis_profile_release(&cpu->profile);
    free(cpu);
}

extern const struct analysis_ops analysis_profile_cpu;
const struct analysis_ops analysis_profile_cpu = {.name = "cpu",
                                                  .help = "CPU samples that are in the trace",
                                                  .group = ANALYSIS_PROFILE,
                                                  .extension = ".pb.gz",
                                                  .begin = begin,
                                                  .events = on_events,
                                                  .end = end,
                                                  .free = free_cpu,
                                                  .profile = make_profile};
