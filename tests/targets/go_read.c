/* go_read PID KIND [debug=N] [gc] [enable=MS] [OUTPUT]: one of Go's profiles read out of a running
 * program, as the library gives it, without what `sonde` does to profiles on the way. */
#include "format/pprof_write.h"
#include "go/go_kind.h"
#include "go/go_rates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct request {
    struct proc proc;
    struct mem *mem;
    struct go_program *program;
    struct go_options options;
    long enable_ms; /* -1: not */
};

static bool take(struct request *r, const struct go_kind_ops *kind, struct buf *out,
                 struct diag *diag, struct err *err)
{
    if (r->enable_ms >= 0) {
        if (!go_rates_enable(r->options.rates, kind, diag, err))
            return false;
        usleep((useconds_t)r->enable_ms * 1000);
    }
    if (r->options.debug)
        return kind->text(r->program, &r->options, out, diag, err);
    struct profile *profile = kind->profile(r->program, &r->options, diag, err);
    bool ok = profile && pprof_write(profile, out, err);
    profile_free(profile);
    return ok;
}

static bool answer(struct request *r, pid_t pid, const struct go_kind_ops *kind, struct buf *out,
                   struct diag *diag, struct err *err)
{
    bool writes = r->options.gc || r->enable_ms >= 0 || kind->writes;
    if (!proc_open(&r->proc, pid, err) || !(r->mem = mem_of_process(&r->proc, writes, err)) ||
        !(r->program = go_program_open(r->mem, err)) ||
        (writes && !(r->options.rates = go_rates_open(r->program, err))))
        return false;
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    bool ok = take(r, kind, out, diag, err);
    clock_gettime(CLOCK_MONOTONIC, &after);
    if (ok && getenv("TIMES"))
        fprintf(stderr, "%.1f ms\n",
                (double)(after.tv_sec - before.tv_sec) * 1e3 +
                    (double)(after.tv_nsec - before.tv_nsec) * 1e-6);
    return ok;
}

int main(int argc, char **argv)
{
    struct request r = {.enable_ms = -1};
    struct buf out = {0};
    struct diag diag;
    struct err err = {0};
    const struct go_kind_ops *kind = argc > 2 ? go_kind_find(argv[2]) : NULL;
    const char *path = "/dev/stdout";
    if (!kind) {
        fprintf(stderr, "go_read PID KIND [debug=N] [gc] [enable=MS] [OUTPUT]\n");
        return 2;
    }
    for (int i = 3; i < argc; i++) {
        if (strncmp(argv[i], "debug=", 6) == 0)
            r.options.debug = (unsigned)atoi(argv[i] + 6);
        else if (strncmp(argv[i], "enable=", 7) == 0)
            r.enable_ms = atol(argv[i] + 7);
        else if (strcmp(argv[i], "gc") == 0)
            r.options.gc = true;
        else
            path = argv[i];
    }
    diag_init(&diag);
    bool ok = answer(&r, atoi(argv[1]), kind, &out, &diag, &err);
    for (size_t i = 0; i < diag.n; i++)
        fprintf(stderr, "note: %s\n", diag.texts[i]);
    FILE *file = ok ? fopen(path, "wb") : NULL;
    if (file && (fwrite(out.data, 1, out.len, file) != out.len || fclose(file) != 0))
        ok = false;
    if (!ok || !file)
        fprintf(stderr, "%s\n", err.msg);
    go_rates_free(r.options.rates);
    go_program_free(r.program);
    mem_free(r.mem);
    proc_release(&r.proc);
    buf_release(&out);
    diag_release(&diag);
    return ok ? 0 : err_exit_status(&err);
}
