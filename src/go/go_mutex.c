#include "go/go_contention.h"
#include "go/go_rates.h"

static struct profile *mutex_profile(struct go_program *program, const struct go_options *options,
                                     struct diag *diag, struct err *err)
{
    (void)options;
    return go_rates_check(program, &go_kind_mutex, err)
               ? go_contention_profile(program, GO_VAR_XBUCKETS, diag, err)
               : NULL;
}

static bool mutex_text(struct go_program *program, const struct go_options *options,
                       struct buf *out, struct diag *diag, struct err *err)
{
    (void)options;
    return go_rates_check(program, &go_kind_mutex, err) &&
           go_contention_text(program, GO_VAR_XBUCKETS, out, diag, err);
}

const struct go_kind_ops go_kind_mutex = {
    .name = "mutex",
    .help = "time that others waited for mutexes, by where they were unlocked",
    .rate = GO_VAR_MUTEX_PROFILE_RATE,
    .rate_on = 1,
    .has_delta = true,
    .profile = mutex_profile,
    .text = mutex_text,
};
