#include "go/go_ticks.h"

#include <time.h>
#include <x86intrin.h>

#define MEASURE_NS 20000000
#define N_TRIES 8
#define LEAST_NS 5000000 /* what Go takes for enough */
#define APART 0.02       /* of the clock's rate: more is another number */
#define SLOWEST 100e6    /* of clocks that there are; what Go works out is neither when its */
#define FASTEST 20e9     /* arithmetic overflows, or the program was stopped meanwhile */

struct moment {
    int64_t ticks, ns;
};

/* Both clocks at once; of some tries that which was least held up. */
static struct moment now(void)
{
    struct moment best = {0};
    int64_t least = INT64_MAX;
    for (int i = 0; i < N_TRIES; i++) {
        struct timespec time;
        int64_t before = (int64_t)__rdtsc();
        clock_gettime(CLOCK_MONOTONIC, &time);
        int64_t took = (int64_t)__rdtsc() - before;
        if (took >= least)
            continue;
        least = took;
        best = (struct moment){before + took / 2, (int64_t)time.tv_sec * 1000000000 + time.tv_nsec};
    }
    return best;
}

static double rate_between(struct moment from, struct moment to)
{
    return (double)(to.ticks - from.ticks) * 1e9 / (double)(to.ns - from.ns);
}

static double measured(void)
{
    struct moment from = now();
    struct timespec pause = {0, MEASURE_NS};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, &pause) != 0) {
    }
    return rate_between(from, now());
}

static bool is_near(double rate, double own)
{
    return rate > own * (1 - APART) && rate < own * (1 + APART);
}

static bool find(const struct go_program *program, int64_t *ticks, struct diag *diag,
                 struct err *err)
{
    /* runtime.ticks: a lock, from Go 1.22 on when and at which tick the program began, and the
     * number, once it is known; up to 1.19 a word lies before it. */
    enum { N_WORDS = 4 };
    int64_t words[N_WORDS] = {0};
    uint64_t address = program->globals[GO_VAR_TICKS];
    bool has_start = program->minor >= 22;
    bool is_core = mem_process(program->mem) == NULL;
    size_t n_words = has_start ? N_WORDS : N_WORDS - 1;
    if (address && !mem_read(program->mem, address, words, n_words * sizeof *words, err))
        return false;
    int64_t known = has_start ? words[3] : words[1] ? words[1] : words[2];
    if (is_core && (double)known > SLOWEST && (double)known < FASTEST) {
        *ticks = known;
        return true;
    }
    double own = measured();
    *ticks = (int64_t)own;
    if (is_core) {
        diag_add(diag,
                 "%s does not tell how long a tick of its clock was; times are those of this "
                 "machine's clock",
                 mem_name(program->mem));
    } else if (is_near((double)known, own)) {
        *ticks = known;
    } else if (has_start && words[1] > 0) {
        struct moment start = {words[1], words[2]}, end = now();
        if (end.ns - start.ns > LEAST_NS && end.ticks > start.ticks &&
            is_near(rate_between(start, end), own))
            *ticks = (int64_t)rate_between(start, end);
    }
    return true;
}

bool go_ticks_per_second(struct go_program *program, int64_t *ticks, struct diag *diag,
                         struct err *err)
{
    if (!program->ticks && !find(program, &program->ticks, diag, err))
        return false;
    *ticks = program->ticks;
    return true;
}
