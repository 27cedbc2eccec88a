/* go_recipe: where a variable of the runtime is, by the instructions that refer to it.
 *
 * In: a reference as tools/go-layout wrote it, and a function's code.  Out: an address, and
 * by a vote of several whether it is beyond doubt.
 * Threads: any, nothing is shared.  Signals: safe. */
#ifndef SONDE_GO_RECIPE_H
#define SONDE_GO_RECIPE_H

#include "base/str.h"
#include "go/go_layout.h"

#include <stdbool.h>

/* The address of the reference's variable, according to the function whose code lies at
 * `address`.  Looked for where it was in the toolchain of the table, then in all of the
 * function (another patch release); false when it is not there or not clear.  `*is_exact`:
 * nothing has moved in the function. */
bool go_reference_follow(const struct go_reference *reference, struct str code, uint64_t address,
                         uint64_t *variable, bool *is_exact);

#define GO_VOTE_MAX 4
struct go_vote {
    uint64_t addresses[GO_VOTE_MAX];
    unsigned n_votes[GO_VOTE_MAX]; /* 0: free */
    unsigned n, n_exact;           /* of all references */
};

void go_vote_add(struct go_vote *vote, uint64_t address, bool is_exact);
/* The address that more than half of all references name; 0 if there is none.  `*is_sure`:
 * all agree, and there are two or nothing has moved around the one. */
uint64_t go_vote_winner(const struct go_vote *vote, bool *is_sure);

#endif
