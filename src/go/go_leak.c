/* goroutineleak: goroutines that wait for what nobody can reach, as a collection of Go 1.26 and
 * later finds them. */
#include "base/vec.h"
#include "go/go_gc.h"
#include "go/go_goroutine.h"
#include "go/go_goroutines.h"
#include "os/ptrace.h"

#include <time.h>

#define GOROUTINES_MAX (1u << 24)
#define PIECES 1024u  /* statuses that are read at once */
#define STOP_MAX 512u /* of them put back while the program stands still */
#define ROUNDS_MAX 20u
#define ROUND_NS 5000000

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

/* --- afterwards --- */

/* The runtime ends a program ("bad g->status in ready") that wakes what it took for leaked, as one
 * can that kept a weak pointer.  The mark has no other meaning once the collection has ended, and
 * the next search takes it back itself: so that is done here too, while no thread runs. */
struct unmarking {
    const struct go_program *program;
    VEC(uint64_t) marked; /* addresses of statuses */
    size_t first, n_left; /* how far it is; that could not be changed */
    struct err err;
};

static bool find_marked(struct unmarking *u)
{
    uint64_t at, n_at, array, n;
    uint64_t addresses[PIECES];
    uint32_t statuses[PIECES];
    struct mem_piece pieces[PIECES];
    const struct go_program *program = u->program;
    uint16_t field = program->layout.at[GO_G_ATOMICSTATUS];
    if (!go_program_global(program, GO_VAR_ALLGPTR, &at, &u->err) ||
        !go_program_global(program, GO_VAR_ALLGLEN, &n_at, &u->err) ||
        !go_program_number(program, n_at, 8, &n, &u->err) ||
        !go_program_number(program, at, 8, &array, &u->err))
        return false;
    for (uint64_t i = 0; i < n && n <= GOROUTINES_MAX; i += PIECES) {
        size_t n_here = n - i < PIECES ? n - i : PIECES;
        if (!mem_read(program->mem, array + i * 8, addresses, n_here * 8, &u->err))
            return false;
        for (size_t k = 0; k < n_here; k++)
            pieces[k] = (struct mem_piece){addresses[k] + field, &statuses[k], 4, false};
        mem_read_pieces(program->mem, pieces, n_here);
        for (size_t k = 0; k < n_here; k++)
            if (pieces[k].ok && *(uint32_t *)pieces[k].into == GO_STATUS_LEAKED &&
                !vec_push(&u->marked, pieces[k].address))
                return err_nomem(&u->err);
    }
    return true;
}

/* A search that is under way now is the program's own. */
static bool is_searching(const struct unmarking *u)
{
    uint64_t work, is_on;
    return !go_program_global(u->program, GO_VAR_WORK, &work, NULL) ||
           !go_program_number(u->program, work + u->program->layout.at[GO_WORK_LEAK_ENABLED], 1,
                              &is_on, NULL) ||
           is_on;
}

/* One byte: the others are 0.  A status with the collector's bit stays for another round. */
static void unmark(void *arg, const struct ptrace_stop *stop)
{
    struct unmarking *u = arg;
    const uint8_t waiting = GO_STATUS_WAITING;
    size_t end = u->first + STOP_MAX;
    if (stop->n_missing || is_searching(u))
        return;
    for (; u->first < u->marked.n && u->first < end; u->first++) {
        uint64_t at = u->marked.items[u->first];
        uint32_t status;
        if (!mem_read(u->program->mem, at, &status, sizeof status, NULL))
            continue;
        bool is_held = (status & ~0x1000u) == GO_STATUS_LEAKED && status != GO_STATUS_LEAKED;
        if (status == GO_STATUS_LEAKED && !mem_write(u->program->mem, at, &waiting, 1, &u->err))
            is_held = true;
        if (is_held)
            u->marked.items[u->n_left++] = at;
    }
}

static void unmark_all(const struct go_program *program, struct diag *diag)
{
    struct unmarking u = {.program = program};
    const struct proc *proc = mem_process(program->mem);
    if (mem_write_fd(program->mem) < 0) /* nothing was searched for */
        return;
    bool ok = find_marked(&u);
    for (unsigned round = 0; ok && u.marked.n && round < ROUNDS_MAX; round++) {
        size_t before;
        u.first = u.n_left = 0;
        do {
            before = u.first;
            ok = ptrace_while(proc, NULL, 0, unmark, &u, NULL, &u.err);
        } while (ok && u.first > before && u.first < u.marked.n);
        while (u.first < u.marked.n)
            u.marked.items[u.n_left++] = u.marked.items[u.first++];
        u.marked.n = u.n_left;
        if (u.marked.n)
            nanosleep(&(struct timespec){0, ROUND_NS}, NULL);
    }
    if (u.marked.n || !ok)
        diag_add(diag,
                 "Go's runtime still takes goroutines for leaked, since they could not be "
                 "unmarked%s%s: a program that reaches one all the same (through a weak pointer) "
                 "and wakes it is ended by it",
                 u.err.code ? ": " : "", u.err.code ? u.err.msg : "");
    vec_release(&u.marked);
}

static struct profile *leak_profile(struct go_program *program, const struct go_options *options,
                                    struct diag *diag, struct err *err)
{
    struct profile *profile =
        find(program, options, err)
            ? go_goroutine_profile(program, "goroutineleak", GO_STATUS_LEAKED, options, diag, err)
            : NULL;
    unmark_all(program, diag);
    return profile;
}

static bool leak_text(struct go_program *program, const struct go_options *options, struct buf *out,
                      struct diag *diag, struct err *err)
{
    bool ok =
        find(program, options, err) &&
        go_goroutine_text(program, "goroutineleak", GO_STATUS_LEAKED, options, out, diag, err);
    unmark_all(program, diag);
    return ok;
}

const struct go_kind_ops go_kind_goroutineleak = {
    .name = "goroutineleak",
    .help = "goroutines that nothing can wake any more (Go 1.26 on; runs a garbage collection)",
    .rate = GO_N_GLOBALS,
    .check = check,
    .profile = leak_profile,
    .text = leak_text,
};
