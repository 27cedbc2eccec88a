#include "go/go_gc.h"

#include <string.h>
#include <time.h>

#define PERIOD_NS 1000000
#define LIMIT_S 65 /* an idle program looks once in a minute */
#define POLL_NS 1000000

struct collector {
    const struct go_options *options;
    struct go_rates *rates;
    const struct go_program *program;
    uint64_t memstats, work;
};

static bool number(const struct collector *c, uint64_t base, enum go_field field, size_t n_bytes,
                   uint64_t *value, struct err *err)
{
    uint16_t offset = c->program->layout.at[field];
    return offset == GO_NO_FIELD
               ? err_set(err, ERR_UNSUPPORTED, "%s: %s cannot be asked for it from outside",
                         mem_name(c->program->mem), c->program->version)
               : go_program_number(c->program, base + offset, n_bytes, value, err);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* One that is stopped does not collect. */
static bool check_runs(const struct go_program *program, struct err *err)
{
    AUTO_BUF status = {0};
    if (!proc_text(mem_process(program->mem), "status", &status, err))
        return false;
    const char *state = strstr(buf_str(&status), "\nState:\t");
    return !state || (state[8] != 'T' && state[8] != 't') ||
           err_set(err, ERR_UNSUPPORTED, "%s is stopped, so it collects no garbage",
                   mem_name(program->mem));
}

static bool is_stopped(const struct go_options *options)
{
    return options->stop && options->stop(options->stop_arg);
}

/* Collections are due until `is_done`; then as before. */
static bool run_until(struct collector *c,
                      bool (*is_done)(const struct collector *c, uint64_t target, bool *done,
                                      struct err *err),
                      uint64_t target, struct err *err)
{
    const char *name = mem_name(c->program->mem);
    uint64_t last;
    if (!number(c, c->memstats, GO_MSTATS_LAST_GC, 8, &last, err))
        return false;
    if (!last)
        return err_set(err, ERR_UNSUPPORTED,
                       "%s has not collected garbage yet: only what comes after its first "
                       "collection can be asked for from outside",
                       name);
    if (!check_runs(c->program, err) ||
        !go_rates_set(c->rates, GO_VAR_FORCE_GC_PERIOD, PERIOD_NS, err))
        return false;
    /* What ends the collecting before this is no reason not to do it. */
    bool done = false, ok = true, was_stopped = is_stopped(c->options);
    for (double limit = seconds() + LIMIT_S; ok && !done && seconds() < limit;) {
        ok = is_done(c, target, &done, err);
        if (ok && !done && !was_stopped && is_stopped(c->options))
            ok = err_set(err, ERR_UNSUPPORTED, "%s has not collected garbage until it was stopped",
                         name);
        if (ok && !done)
            nanosleep(&(struct timespec){0, POLL_NS}, NULL);
    }
    if (!go_rates_restore_word(c->rates, GO_VAR_FORCE_GC_PERIOD, ok ? err : NULL) || !ok)
        return false;
    return done || err_set(err, ERR_UNSUPPORTED,
                           "%s has not collected garbage within %d seconds: its collector is off "
                           "(GOGC=off), or it does nothing at all",
                           name, LIMIT_S);
}

static bool open_collector(struct collector *c, const struct go_options *options, struct err *err)
{
    *c = (struct collector){
        .options = options, .rates = options->rates, .program = go_rates_program(options->rates)};
    return go_program_global(c->program, GO_VAR_MEMSTATS, &c->memstats, err);
}

static bool has_collected(const struct collector *c, uint64_t target, bool *done, struct err *err)
{
    uint64_t n;
    if (!number(c, c->memstats, GO_MSTATS_NUMGC, 4, &n, err))
        return false;
    *done = (int32_t)((uint32_t)n - (uint32_t)target) >= 0;
    return true;
}

bool go_gc_publish(const struct go_options *options, struct err *err)
{
    struct collector c;
    uint64_t n;
    return open_collector(&c, options, err) &&
           number(&c, c.memstats, GO_MSTATS_NUMGC, 4, &n, err) &&
           run_until(&c, has_collected, n + 2, err);
}

/* A collection takes `pending` as its own task (`enabled`), until it has ended. */
static bool has_looked(const struct collector *c, uint64_t target, bool *done, struct err *err)
{
    uint64_t pending, enabled;
    (void)target;
    if (!number(c, c->work, GO_WORK_LEAK_PENDING, 1, &pending, err) ||
        !number(c, c->work, GO_WORK_LEAK_ENABLED, 1, &enabled, err))
        return false;
    *done = !pending && !enabled;
    return true;
}

static bool run_until_looked(struct collector *c, struct err *err)
{
    bool ok = run_until(c, has_looked, 0, err);
    return go_rates_restore_word(c->rates, GO_VAR_WORK, ok ? err : NULL) && ok;
}

bool go_gc_find_leaks(const struct go_options *options, struct err *err)
{
    struct collector c;
    return open_collector(&c, options, err) &&
           go_program_global(c.program, GO_VAR_WORK, &c.work, err) &&
           go_rates_set(c.rates, GO_VAR_WORK, 1, err) && run_until_looked(&c, err);
}
