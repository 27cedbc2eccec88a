/* bench_unwind: what a stack costs, beside glibc's backtrace() and libunwind: in
 * code without frame pointers, 10, 30 and 60 frames deep; the same stack again and
 * again (hot), and random paths through 2,000 functions.  And how long it takes to
 * compile the whole unwind table of libc and of libstdc++.
 * Each figure is the median of many measurements, each of one stack or one table. */
#include "agent/recording.h"
#include "agent/sampler.c" /* the walk as the handler does it; its parts are static */
#include "agent/timers.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#define N_FUNCTIONS 2000
#define N_RANDOM 4000
#define N_HOT 2000
#define HOT_BATCH 20 /* walks a measurement: one alone is too short for the clock */
#define TABLE_RUNS 25

const bool recording_is_hooked = true;

bool timers_frozen(void)
{
    return false;
}

bool trace_is_on;
void trace_sample(uint32_t stack)
{
}

struct path {
    uint32_t left, step;
    uint64_t random;
    void (*at_end)(void);
};

typedef void function(struct path *path);
static function *const functions[N_FUNCTIONS];

/* Calls stay calls. */
#ifdef __clang__
#define ALONE __attribute__((noinline))
#else
#define ALONE __attribute__((noipa))
#endif

static ALONE void end(struct path *path)
{
    path->at_end();
    __asm__ volatile("");
}

static inline __attribute__((always_inline)) void go_on(struct path *path)
{
    if (path->left-- == 0) {
        end(path);
    } else {
        path->random = path->random * 6364136223846793005u + 1442695040888963407u;
        uint64_t next = path->step ? path->left * path->step : path->random >> 33;
        functions[next % N_FUNCTIONS](path);
    }
}

/* Frames of several sizes. */
#define NAME(a, b, c, d) f_##a##b##c##d
#define FUNCTION(a, b, c, d)                                                                       \
    static ALONE void NAME(a, b, c, d)(struct path * path)                                         \
    {                                                                                              \
        volatile char room[8 + (1##b##c##d * 7) % 23 * 8];                                         \
        room[0] = 1;                                                                               \
        go_on(path);                                                                               \
        (void)room[0];                                                                             \
    }
#define ADDRESS(a, b, c, d) NAME(a, b, c, d),
#define TEN(M, a, b, c)                                                                            \
    M(a, b, c, 0)                                                                                  \
    M(a, b, c, 1)                                                                                  \
    M(a, b, c, 2)                                                                                  \
    M(a, b, c, 3)                                                                                  \
    M(a, b, c, 4) M(a, b, c, 5) M(a, b, c, 6) M(a, b, c, 7) M(a, b, c, 8) M(a, b, c, 9)
#define HUNDRED(M, a, b)                                                                           \
    TEN(M, a, b, 0)                                                                                \
    TEN(M, a, b, 1)                                                                                \
    TEN(M, a, b, 2)                                                                                \
    TEN(M, a, b, 3)                                                                                \
    TEN(M, a, b, 4) TEN(M, a, b, 5) TEN(M, a, b, 6) TEN(M, a, b, 7) TEN(M, a, b, 8) TEN(M, a, b, 9)
#define THOUSAND(M, a)                                                                             \
    HUNDRED(M, a, 0)                                                                               \
    HUNDRED(M, a, 1)                                                                               \
    HUNDRED(M, a, 2)                                                                               \
    HUNDRED(M, a, 3)                                                                               \
    HUNDRED(M, a, 4)                                                                               \
    HUNDRED(M, a, 5) HUNDRED(M, a, 6) HUNDRED(M, a, 7) HUNDRED(M, a, 8) HUNDRED(M, a, 9)

THOUSAND(FUNCTION, 0)
THOUSAND(FUNCTION, 1)

static function *const functions[N_FUNCTIONS] = {THOUSAND(ADDRESS, 0) THOUSAND(ADDRESS, 1)};

static struct store store;
static double samples[N_RANDOM];
static uint32_t n_samples, n_batch, n_frames;
static void (*walk)(void);
static int (*libunwind_backtrace)(void **, int);

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, uint32_t n)
{
    qsort(values, n, sizeof *values, ascending);
    return values[n / 2];
}

static double clock_cost_ns(void)
{
    double costs[1001];
    for (uint32_t i = 0; i < 1001; i++) {
        struct timespec a, b;
        clock_gettime(CLOCK_MONOTONIC, &a);
        clock_gettime(CLOCK_MONOTONIC, &b);
        costs[i] = (double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec);
    }
    return median(costs, 1001);
}

static __attribute__((noinline)) void measure(void)
{
    struct timespec a, b;
    if (n_batch > 1)
        walk();
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (uint32_t i = 0; i < n_batch; i++)
        walk();
    clock_gettime(CLOCK_MONOTONIC, &b);
    double ns = (double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec);
    samples[n_samples++] = ns;
}

static inline __attribute__((always_inline)) struct walk_regs here(void)
{
    struct walk_regs r = {0};
    __asm__ volatile("lea (%%rip), %0\n\tmov %%rsp, %1\n\tmov %%rbp, %2"
                     : "=r"(r.pc), "=r"(r.sp), "=r"(r.bp));
    return r;
}

/* The walk as in sampler_sample, without what is done with its result. */
static __attribute__((noinline)) void walk_only(void)
{
    static const struct walk_ops ops = {read_word, row_at};
    struct context *c = &contexts[0];
    bool complete;
    c->store = &store;
    c->place = NULL;
    memset(c->pages, 0xff, sizeof c->pages);
    struct walk_regs regs = here();
    c->stack_lo = regs.sp;
    c->stack_size = own_stack.hi - regs.sp - 7;
    n_frames = walk_stack(&ops, c, regs, c->frames, WIRE_STACK_MAX, &complete);
    if (!complete) {
        fprintf(stderr, "bench_unwind: a stack was cut after %u frames\n", n_frames);
        exit(1);
    }
}

static __attribute__((noinline)) void walk_and_store(void)
{
    struct walk_regs r = here();
    ucontext_t uc;
    uc.uc_mcontext.gregs[REG_RIP] = (greg_t)r.pc;
    uc.uc_mcontext.gregs[REG_RSP] = (greg_t)r.sp;
    uc.uc_mcontext.gregs[REG_RBP] = (greg_t)r.bp;
    uc.uc_mcontext.gregs[REG_RDI] = 0;
    sampler_sample(&store, &uc, 1);
}

static __attribute__((noinline)) void walk_glibc(void)
{
    void *frames[WIRE_STACK_MAX];
    n_frames = (uint32_t)backtrace(frames, WIRE_STACK_MAX);
}

static __attribute__((noinline)) void walk_libunwind(void)
{
    void *frames[WIRE_STACK_MAX];
    n_frames = (uint32_t)libunwind_backtrace(frames, WIRE_STACK_MAX);
}

static void report(const char *name, void (*how)(void), double clock_ns)
{
    static const uint32_t depths[] = {10, 30, 60};
    static uint32_t n_frames_at[3];
    walk = how;
    printf("%-28s", name);
    for (int random = 0; random < 2; random++)
        for (uint32_t d = 0; d < 3; d++) {
            n_samples = 0;
            n_batch = random ? 1 : HOT_BATCH;
            for (uint32_t i = 0; i < (random ? N_RANDOM : N_HOT); i++) {
                struct path path = {depths[d], random ? 0 : 31, i * 0x9e3779b97f4a7c15u, measure};
                functions[0](&path);
            }
            double ns = (median(samples, n_samples) - clock_ns) / n_batch;
            if (n_frames)
                n_frames_at[d] = n_frames;
            n_frames = 0;
            printf(" %7.0f (%5.1f)", ns, ns / n_frames_at[d]);
        }
    printf("\n");
}

/* Tables. */

struct bump {
    char *memory;
    size_t used, size;
};

static void *bump_alloc(void *arg, size_t n_bytes)
{
    struct bump *b = arg;
    size_t at = b->used;
    b->used += (n_bytes + 15) & ~(size_t)15;
    return b->used <= b->size ? b->memory + at : NULL;
}

static void table(const char *library)
{
    static struct ehtab_scratch scratch;
    static struct ehtab tab;
    void *handle = dlopen(library, RTLD_NOW);
    struct link_map *map = NULL;
    struct dl_find_object found;
    if (!handle || dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0 ||
        _dl_find_object(map->l_ld, &found) != 0) {
        printf("%-28s not here\n", library);
        return;
    }
    const struct placement *p = modules_find((uint64_t)found.dlfo_map_start, &store);
    if (!p || !p->module->hdr)
        return;
    struct bump memory = {NULL, 0, 64u << 20};
    memory.memory =
        mmap(NULL, memory.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory.memory == MAP_FAILED)
        return;
    struct ehtab_alloc alloc = {bump_alloc, &memory};
    struct ehtab_image image = modules_image(p);
    uint64_t n_rows = 0;
    double ms[TABLE_RUNS];
    for (uint32_t run = 0; run < TABLE_RUNS; run++) {
        struct timespec a, b;
        memset(memory.memory, 0, memory.used);
        memory.used = 0;
        clock_gettime(CLOCK_MONOTONIC, &a);
        ehtab_init(&tab, &image, p->module->hdr, p->module->span, alloc);
        for (uint64_t at = p->module->text_lo; at < p->module->text_limit; at += EHTAB_PAGE_BYTES)
            ehtab_find(&tab, &image, at, alloc, &scratch);
        clock_gettime(CLOCK_MONOTONIC, &b);
        ms[run] = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
    }
    for (uint32_t i = 0; i < tab.n_pages; i++)
        n_rows += tab.pages[i] ? tab.pages[i]->n_rows : 0;
    printf("%-28s %.2f ms, %llu rows, %zu KiB\n", library, median(ms, TABLE_RUNS),
           (unsigned long long)n_rows, memory.used >> 10);
    munmap(memory.memory, memory.size);
}

int main(void)
{
    if (!store_open(&store, NULL, &(struct store_options){.kinds = 1u << WIRE_CPU, .hz = 100})) {
        fprintf(stderr, "bench_unwind: no memory\n");
        return 1;
    }
    uint64_t top = getauxval(AT_RANDOM);
    sampler_own_stack(top - (1u << 20), top);
    modules_closing_is_told();
    double clock_ns = clock_cost_ns();
    printf("ns a stack (ns a frame)        hot: 10            30              60   "
           "random: 10            30              60\n");
    report("sonde: unwind", walk_only, clock_ns);
    report("sonde: unwind and store", walk_and_store, clock_ns);
    report("glibc backtrace()", walk_glibc, clock_ns);
    void *libunwind = dlopen("libunwind.so.8", RTLD_NOW);
    libunwind_backtrace =
        libunwind ? (int (*)(void **, int))dlsym(libunwind, "unw_backtrace") : NULL;
    if (libunwind_backtrace)
        report("libunwind unw_backtrace()", walk_libunwind, clock_ns);
    else
        printf("libunwind                    not installed\n");
    printf("\ncompiling the whole unwind table\n");
    table("libc.so.6");
    table("libstdc++.so.6");
    return 0;
}
