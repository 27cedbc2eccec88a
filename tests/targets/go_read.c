/* go_read PID KIND [debug=N] [gc] [enable=MS] [OUTPUT]: one of Go's profiles read out of a running
 * program, as the library gives it, without what `sonde` does to profiles on the way.
 * go_read PID word NAME: a word of the runtime that may be written (MemProfileRate ...). */
#include "format/pprof_write.h"
#include "go/go_kind.h"
#include "go/go_rates.h"

#include <inttypes.h>
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
        if (!go_rates_enable(r->options.rates, kind, 0, diag, err))
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

static bool open_program(struct request *r, pid_t pid, bool write, struct err *err)
{
    return proc_open(&r->proc, pid, err) && (r->mem = mem_of_process(&r->proc, write, err)) &&
           (r->program = go_program_open(r->mem, err));
}

static bool answer(struct request *r, pid_t pid, const struct go_kind_ops *kind, struct buf *out,
                   struct diag *diag, struct err *err)
{
    bool is_leak = kind == &go_kind_goroutineleak;
    r->options.gc |= is_leak;
    bool writes = r->options.gc || r->enable_ms >= 0;
    if (!open_program(r, pid, writes, err) ||
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

static bool show_word(struct request *r, pid_t pid, const char *name, struct err *err)
{
    static const struct {
        const char *name;
        enum go_global word;
    } words[] = {{"MemProfileRate", GO_VAR_MEM_PROFILE_RATE},
                 {"blockprofilerate", GO_VAR_BLOCK_PROFILE_RATE},
                 {"mutexprofilerate", GO_VAR_MUTEX_PROFILE_RATE},
                 {"forcegcperiod", GO_VAR_FORCE_GC_PERIOD}};
    uint64_t value;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].name, name) == 0) {
            if (!open_program(r, pid, false, err) ||
                !go_rates_get(r->program, words[i].word, &value, err))
                return false;
            printf("%" PRIu64 "\n", value);
            return true;
        }
    return err_set(err, ERR_USAGE, "there is no word %s", name);
}

static void release(struct request *r)
{
    go_rates_free(r->options.rates);
    go_program_free(r->program);
    mem_free(r->mem);
    proc_release(&r->proc);
}

int main(int argc, char **argv)
{
    struct request r = {.enable_ms = -1};
    struct buf out = {0};
    struct diag diag;
    struct err err = {0};
    const struct go_kind_ops *kind = argc > 2 ? go_kind_find(argv[2]) : NULL;
    const char *path = "/dev/stdout";
    if (argc == 4 && strcmp(argv[2], "word") == 0) {
        bool ok = show_word(&r, atoi(argv[1]), argv[3], &err);
        if (!ok)
            fprintf(stderr, "%s\n", err.msg);
        release(&r);
        return ok ? 0 : err_exit_status(&err);
    }
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
    release(&r);
    buf_release(&out);
    diag_release(&diag);
    return ok ? 0 : err_exit_status(&err);
}
