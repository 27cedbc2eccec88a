#include "go/go_contention.h"
#include "go/go_rates.h"

static struct profile *block_profile(struct go_program *program, const struct go_options *options,
                                     struct diag *diag, struct err *err)
{
    (void)options;
    return go_rates_check(program, &go_kind_block, err)
               ? go_contention_profile(program, GO_VAR_BBUCKETS, diag, err)
               : NULL;
}

static bool block_text(struct go_program *program, const struct go_options *options,
                       struct buf *out, struct diag *diag, struct err *err)
{
    (void)options;
    return go_rates_check(program, &go_kind_block, err) &&
           go_contention_text(program, GO_VAR_BBUCKETS, out, diag, err);
}

const struct go_kind_ops go_kind_block = {
    .name = "block",
    .help = "time that goroutines were blocked, by where they waited",
    .rate = GO_VAR_BLOCK_PROFILE_RATE,
    .rate_on = 10000,
    .has_delta = true,
    .profile = block_profile,
    .text = block_text,
};
