/* goroutineleak: goroutines that wait for what nobody can reach, as a collection of Go 1.26 and
 * later finds them. */
#include "go/go_gc.h"
#include "go/go_goroutine.h"
#include "go/go_goroutines.h"

static bool check(const struct go_program *program, const struct go_options *options,
                  struct err *err)
{
    const char *name = mem_name(program->mem);
    const struct proc *proc = mem_process(program->mem);
    if (program->layout.at[GO_WORK_LEAK_PENDING] == GO_NO_FIELD)
        return err_set(err, ERR_UNSUPPORTED,
                       "%s is of %s: leaked goroutines are found by Go 1.26 and later", name,
                       program->version);
    return !proc || (options->gc && options->rates) ||
           err_set(err, ERR_UNSUPPORTED,
                   "leaked goroutines are found by a garbage collection of %s, which "
                   "'pid:%d/goroutineleak?gc=1' (or sonde record -p %d --gc) runs",
                   name, (int)proc->pid, (int)proc->pid);
}

/* What a collection has found before stays in a core file. */
static bool find(const struct go_program *program, const struct go_options *options,
                 struct err *err)
{
    return check(program, options, err) &&
           (!mem_process(program->mem) || go_gc_find_leaks(options, err));
}

/* The runtime does not expect what it took for leaked to be woken, and ends the program ("bad
 * g->status in ready").  Its own profile has the same danger. */
static void warn(const struct go_program *program, struct diag *diag)
{
    if (mem_process(program->mem))
        diag_add(diag,
                 "Go's runtime takes goroutines that it finds leaked for dead: a program that "
                 "reaches one all the same (through a weak pointer) and wakes it is ended by it");
}

static struct profile *leak_profile(struct go_program *program, const struct go_options *options,
                                    struct diag *diag, struct err *err)
{
    struct profile *profile =
        find(program, options, err)
            ? go_goroutine_profile(program, "goroutineleak", GO_STATUS_LEAKED, options, diag, err)
            : NULL;
    if (profile && profile->n_samples)
        warn(program, diag);
    return profile;
}

static bool leak_text(struct go_program *program, const struct go_options *options, struct buf *out,
                      struct diag *diag, struct err *err)
{
    return find(program, options, err) &&
           go_goroutine_text(program, "goroutineleak", GO_STATUS_LEAKED, options, out, diag, err);
}

const struct go_kind_ops go_kind_goroutineleak = {
    .name = "goroutineleak",
    .help = "goroutines that nothing can wake any more (Go 1.26 on; runs a garbage collection)",
    .rate = GO_N_GLOBALS,
    .check = check,
    .profile = leak_profile,
    .text = leak_text,
};
