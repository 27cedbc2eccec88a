/* bench_page: how long the page's data takes to make, and how much it is.
 *
 *   bench_page FILE VIEW [NAME=VALUE...] [/ VIEW [NAME=VALUE...]]...
 *
 * Each view is made as a request makes it: by a thread of its own, with the views of
 * earlier requests kept.  A line each: what, ms, ms of processors, bytes of JSON, of that gzipped,
 * and the memory of the process (most, now).  Options are the command line's; p, z, q, w are the
 * page's own. */
#include "base/gzip.h"
#include "base/pages.h"
#include "format/format.h"
#include "page/page.h"
#include "xform/pipeline_cache.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

struct request {
    const struct page_ops *page;
    struct page_ctx ctx;
    struct buf out;
    struct err err;
    bool ok;
};

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double cpu_ms(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

static long memory_kb(const char *what)
{
    char line[128];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, what, strlen(what)))
            kb = strtol(line + strlen(what), NULL, 10);
    if (f)
        fclose(f);
    return kb;
}

static void *serve(void *arg)
{
    struct request *r = arg;
    struct json j = {.out = &r->out};
    json_open(&j, '{');
    r->ok = r->page->write(&r->ctx, &j, &r->err);
    json_close(&j, '}');
    return NULL;
}

static bool set(struct request *r, struct report_options *options, char *text)
{
    char *value = strchr(text, '=');
    if (!value)
        return false;
    *value++ = 0;
    const char **own = !strcmp(text, "p")   ? &r->ctx.pivot
                       : !strcmp(text, "z") ? &r->ctx.zoom
                       : !strcmp(text, "q") ? &r->ctx.search
                                            : NULL;
    if (own)
        *own = value;
    else if (!strcmp(text, "w"))
        r->ctx.width = (unsigned)atoi(value);
    else if (!strcmp(text, "f"))
        r->ctx.report.regexp = value;
    for (const struct option_def *d = option_defs; d->name; d++)
        if (!strcmp(d->name, text))
            return report_options_set(options, d, value, &r->err);
    return true;
}

int main(int argc, char **argv)
{
    pages_prepare_heap();
    struct file file;
    struct diag diag;
    struct err err = {0};
    diag_init(&diag);
    if (argc < 3 || !file_map(&file, argv[1], &err))
        return 2;
    double begin = now_ms();
    struct profile *profile = format_read(argv[1], &file, &diag, &err);
    file_release(&file);
    if (!profile)
        return fprintf(stderr, "%s\n", err.msg), 2;
    struct pipeline_cache *cache = pipeline_cache_new(profile);
    printf("%-50s %7.1f ms  %29s most %ld now %ld MB\n", "read", now_ms() - begin, "",
           memory_kb("VmHWM:") >> 10, memory_kb("VmRSS:") >> 10);
    for (int i = 2; i < argc;) {
        struct report_options options;
        struct request r = {.page = page_find(argv[i])};
        char what[256];
        int n = snprintf(what, sizeof what, "%s", argv[i]);
        report_options_init(&options);
        r.ctx.report = (struct report_ctx){
            .profile = profile, .options = &options, .diag = &diag, .cache = cache};
        for (i++; i < argc && strcmp(argv[i], "/") != 0; i++) {
            n += snprintf(what + n, sizeof what - (size_t)n, " %s", argv[i]);
            if (!set(&r, &options, argv[i]))
                return fprintf(stderr, "%s: what is that?\n", argv[i]), 2;
        }
        i++;
        if (!r.page)
            return fprintf(stderr, "no such view\n"), 2;
        begin = now_ms();
        double cpu = cpu_ms();
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, &r))
            return 1;
        pthread_join(thread, NULL);
        double took = now_ms() - begin;
        cpu = cpu_ms() - cpu;
        uint8_t *packed = NULL;
        size_t packed_len = 0;
        begin = now_ms();
        if (r.ok && !gzip_deflate(r.out.data, r.out.len, 1, &packed, &packed_len, &err))
            return 1;
        free(packed);
        printf("%-50s %7.1f ms, %5.1f of processors, %8zu bytes, %7zu gz %4.1f ms, most %ld now "
               "%ld MB%s%s\n",
               what, took, cpu, r.out.len, packed_len, now_ms() - begin, memory_kb("VmHWM:") >> 10,
               memory_kb("VmRSS:") >> 10, r.ok ? "" : " ", r.ok ? "" : r.err.msg);
        if (getenv("BENCH_PAGE_OUT"))
            printf("%s\n", buf_str(&r.out));
        buf_release(&r.out);
    }
    pipeline_cache_free(cache);
    profile_free(profile);
    return 0;
}
