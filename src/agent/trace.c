#include "agent/trace.h"

#include "agent/memory.h"
#include "agent/own.h"
#include "agent/raw.h"
#include "agent/timers.h"
#include "agent/trace_thread.h"
#include "agent/trace_wait.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define N_CHUNKS_MAX (TRACE_BYTES_USUAL / TRACE_RAW_CHUNK_BYTES)
#define N_THREADS_MAX 16384u
#define CHUNKS_AT_FIRST 64u
#define CHUNKS_AT_ONCE 16u
#define PROBES_MAX 128
#define LOST_A_TRY 1024 /* records lost before memory is looked for again */
#define HEADER_BYTES 4096u
#define FILE_BYTES_OLD (4u << 20) /* before Linux 5.14: allocated at once */

/* What a child by fork is not to have: in memory that is zero there. */
static struct trace_shared {
    struct trace_raw_header *header;
    struct trace_chunk *chunks;
    uint64_t n_chunks, n_mapped; /* bytes */
    bool is_file, all_ready;
    uint8_t ready[N_CHUNKS_MAX]; /* atomic; 1: the chunk's page is there */
} * shared;

bool trace_is_on;
uint32_t trace_clock, trace_epoch;
__thread struct trace_thread *trace_own;
static uint8_t taken[N_THREADS_MAX]; /* atomic */
static struct trace_thread *threads[N_THREADS_MAX];
static uint32_t next_thread;
static bool is_used;
static __thread bool is_over; /* the thread ends */

/* Memory. */

/* Whether the kernel takes the processor's clock for good. */
static uint32_t choose_clock(void)
{
    char name[8] = "";
    long fd = raw4(SYS_openat, AT_FDCWD,
                   (long)"/sys/devices/system/clocksource/clocksource0/current_clocksource",
                   O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return TRACE_CLOCK_MONOTONIC;
    long n = raw4(SYS_read, fd, (long)name, sizeof name - 1, 0);
    raw4(SYS_close, fd, 0, 0, 0);
    return n >= 3 && memcmp(name, "tsc", 3) == 0 ? TRACE_CLOCK_TSC : TRACE_CLOCK_MONOTONIC;
}

static void *map(int fd, uint64_t n_bytes)
{
    long p = raw6(SYS_mmap, 0, (long)n_bytes, PROT_READ | PROT_WRITE,
                  fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED, fd, 0);
    if (p < 0 && p > -4096) {
        errno = (int)-p;
        return NULL;
    }
    return (void *)p;
}

static bool make_shared(void)
{
    if (shared)
        return true;
    struct trace_shared *s = raw_alloc(sizeof *s);
    if (!s) {
        errno = ENOMEM;
        return false;
    }
    raw4(SYS_madvise, (long)s, sizeof *s, MADV_WIPEONFORK, 0);
    shared = s;
    return true;
}

static uint64_t limit_of(int resource)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    raw4(SYS_prlimit64, 0, resource, 0, (long)&limit);
    return limit.rlim_cur;
}

/* The memory of a new file. */
static struct trace_raw_header *map_file(const char *dir, int number, uint64_t *n_bytes,
                                         bool *all_ready)
{
    char path[512];
    uint64_t most = limit_of(RLIMIT_FSIZE);
    *n_bytes = *n_bytes < most ? *n_bytes : most & ~4095ull;
    if (snprintf(path, sizeof path, "%s/%d-%d" TRACE_RAW_SUFFIX, dir, raw_getpid(), number) >=
        (int)sizeof path)
        return NULL;
    long fd = raw4(SYS_openat, AT_FDCWD, (long)path,
                   O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        errno = (int)-fd;
        return NULL;
    }
    void *p = NULL;
    if (*n_bytes >= TRACE_BYTES_MIN && raw4(SYS_ftruncate, fd, (long)*n_bytes, 0, 0) == 0)
        p = map((int)fd, *n_bytes);
    if (p && raw4(SYS_madvise, (long)p, HEADER_BYTES, MADV_POPULATE_WRITE, 0) != 0) {
        *n_bytes = *n_bytes < FILE_BYTES_OLD ? *n_bytes : FILE_BYTES_OLD;
        *all_ready = raw4(SYS_fallocate, fd, 0, 0, (long)*n_bytes) == 0;
        if (!*all_ready) {
            raw_unmap(p, *n_bytes);
            p = NULL;
        }
    }
    raw4(SYS_close, fd, 0, 0, 0);
    if (!p)
        raw4(SYS_unlink, (long)path, 0, 0, 0);
    return p;
}

static void fill_header(struct trace_raw_header *h, uint64_t n_bytes, bool keeps_last)
{
    *h = (struct trace_raw_header){.version = TRACE_RAW_VERSION,
                                   .header_bytes = sizeof *h,
                                   .file_bytes = n_bytes,
                                   .chunks_offset = HEADER_BYTES,
                                   .n_chunks = (n_bytes - HEADER_BYTES) / TRACE_RAW_CHUNK_BYTES,
                                   .pid = raw_getpid(),
                                   .clock = trace_clock,
                                   .keeps_last = keeps_last};
    if (h->n_chunks > N_CHUNKS_MAX)
        h->n_chunks = N_CHUNKS_MAX;
    h->n_used = keeps_last || h->n_chunks < CHUNKS_AT_FIRST ? h->n_chunks : CHUNKS_AT_FIRST;
    trace_raw_moment(trace_clock, &h->start_ticks, &h->start_ns);
    h->start_real_ns = raw_clock_ns(CLOCK_REALTIME);
    __atomic_store_n(&h->magic, TRACE_RAW_MAGIC, __ATOMIC_RELEASE);
}

bool trace_open(const char *dir, int number, uint64_t n_bytes, bool keeps_last)
{
    bool all_ready = false;
    n_bytes = (n_bytes + HEADER_BYTES + 4095) & ~4095ull;
    if (!make_shared())
        return false;
    trace_clock = choose_clock();
    struct trace_raw_header *h = shared->header;
    if (h && (dir || shared->is_file)) {
        errno = EBUSY;
        return false;
    }
    if (h) {
        /* Nobody reads it any more; who is still writing does no harm. */
        n_bytes = n_bytes < shared->n_mapped ? n_bytes : shared->n_mapped;
        raw4(SYS_madvise, (long)h, (long)shared->n_mapped, MADV_DONTNEED, 0);
        memset(shared->ready, 0, sizeof shared->ready);
    } else {
        h = dir ? map_file(dir, number, &n_bytes, &all_ready)
                : map(-1, TRACE_BYTES_USUAL + HEADER_BYTES);
    }
    if (!h)
        return false;
    shared->n_mapped = dir ? n_bytes : TRACE_BYTES_USUAL + HEADER_BYTES;
    raw4(SYS_madvise, (long)h, (long)shared->n_mapped, MADV_DONTFORK, 0);
    raw4(SYS_madvise, (long)h, (long)shared->n_mapped, MADV_DONTDUMP, 0);
    is_used = true;
    fill_header(h, n_bytes, keeps_last);
    shared->chunks = (struct trace_chunk *)((char *)h + HEADER_BYTES);
    shared->n_chunks = h->n_chunks;
    shared->is_file = dir != NULL;
    shared->all_ready = all_ready;
    __atomic_store_n(&shared->header, h, __ATOMIC_RELEASE);
    return true;
}

struct trace_raw_header *trace_memory(void)
{
    return shared ? shared->header : NULL;
}

void trace_start(void)
{
    __atomic_add_fetch(&trace_epoch, 1, __ATOMIC_RELEASE);
    __atomic_store_n(&trace_is_on, true, __ATOMIC_RELEASE);
}

void trace_stop(void)
{
    __atomic_store_n(&trace_is_on, false, __ATOMIC_RELEASE);
}

void trace_reset(void)
{
    trace_is_on = false;
    trace_own = NULL;
    if (!is_used)
        return;
    is_used = false;
    memset(taken, 0, sizeof taken);
    trace_wait_reset();
}

/* Chunks. */

/* Some pages at once, unless this process has noted little so far: one by one a fault costs more
 * than all records of its page.  In a file that
 * has no room for them touching them would be a SIGBUS; anonymous memory comes when it is touched
 * too. */
static bool make_ready(uint64_t chunk)
{
    if (shared->all_ready || __atomic_load_n(&shared->ready[chunk], __ATOMIC_ACQUIRE))
        return true;
    if (timers_frozen())
        return !shared->is_file;
    bool is_short = __atomic_load_n(&shared->header->n_taken, __ATOMIC_RELAXED) < CHUNKS_AT_ONCE;
    uint64_t at_once = is_short ? 1 : CHUNKS_AT_ONCE, from = chunk - chunk % at_once,
             n = shared->n_chunks - from;
    n = n < at_once ? n : at_once;
    if (raw4(SYS_madvise, (long)&shared->chunks[from], (long)(n * TRACE_RAW_CHUNK_BYTES),
             MADV_POPULATE_WRITE, 0) != 0) {
        from = chunk;
        n = 1;
        if (shared->is_file && raw4(SYS_madvise, (long)&shared->chunks[chunk],
                                    TRACE_RAW_CHUNK_BYTES, MADV_POPULATE_WRITE, 0) != 0)
            return false;
    }
    for (uint64_t i = from; i < from + n; i++)
        __atomic_store_n(&shared->ready[i], 1, __ATOMIC_RELEASE);
    return true;
}

/* Takes this chunk, if that can be. */
static bool take_chunk(uint64_t i, uint64_t serial, int tid)
{
    struct trace_chunk *c = &shared->chunks[i];
    if (!make_ready(i))
        return false;
    uint32_t state = __atomic_load_n(&c->state, __ATOMIC_RELAXED);
    if (state != TRACE_CHUNK_FREE && (state != TRACE_CHUNK_FULL || !shared->header->keeps_last))
        return false;
    if (!__atomic_compare_exchange_n(&c->state, &state, TRACE_CHUNK_TAKEN, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
        return false;
    for (uint32_t j = 0; j < TRACE_RAW_RECORDS; j++)
        __atomic_store_n(&c->records[j].type, TRACE_RAW_NONE, __ATOMIC_RELAXED);
    c->tid = tid;
    c->serial = serial;
    c->n = 0;
    __atomic_store_n(&c->state, TRACE_CHUNK_OWNED, __ATOMIC_RELEASE);
    return true;
}

/* NULL: all are in use. */
static struct trace_chunk *find_chunk(struct trace_thread *t)
{
    struct trace_raw_header *h = shared->header;
    uint64_t serial = __atomic_add_fetch(&h->n_taken, 1, __ATOMIC_RELAXED),
             n_used = __atomic_load_n(&h->n_used, __ATOMIC_RELAXED);
    /* In order, where the oldest is overwritten; else where this thread's last one was, whose pages
     * came with it, and then wherever one is free. */
    uint64_t from = h->keeps_last ? serial : t->last_chunk;
    for (int i = 1; i <= PROBES_MAX; i++) {
        uint64_t at = (from + (uint64_t)i) % n_used;
        if (at < shared->n_chunks && take_chunk(at, serial, t->tid)) {
            t->last_chunk = at;
            return &shared->chunks[at];
        }
        if (i % 4 || h->keeps_last)
            continue;
        /* Elsewhere; and there should be more of them. */
        from = (from + serial) * 0x9e3779b97f4a7c15u >> 16;
        uint64_t more = 2 * n_used < shared->n_chunks ? 2 * n_used : shared->n_chunks;
        if (more > n_used && __atomic_compare_exchange_n(&h->n_used, &n_used, more, false,
                                                         __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            n_used = more;
    }
    return NULL;
}

static void close_chunk(struct trace_thread *t)
{
    struct trace_chunk *c = t->chunk;
    t->chunk = NULL;
    if (!c)
        return;
    c->n = t->n < TRACE_RAW_RECORDS ? t->n : TRACE_RAW_RECORDS;
    __atomic_store_n(&c->state, TRACE_CHUNK_FULL, __ATOMIC_RELEASE);
}

/* Records. */

static void lose(struct trace_thread *t)
{
    t->n_lost++;
    __atomic_fetch_add(&shared->header->n_lost, 1, __ATOMIC_RELAXED);
}

/* A chunk with room for n records. */
static bool next_chunk(struct trace_thread *t, uint32_t n)
{
    if (t->chunk) {
        uint32_t had = t->n;
        t->n = had < TRACE_RAW_RECORDS ? had : TRACE_RAW_RECORDS;
        close_chunk(t);
    } else if (t->n_lost % LOST_A_TRY) {
        return false;
    }
    struct trace_chunk *c = find_chunk(t);
    if (!c)
        return false;
    t->n = 0;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    t->chunk = c;
    if (t->n_lost) {
        const struct trace_record lost = {
            .time = trace_now(), .type = TRACE_RAW_LOST, .a = t->n_lost};
        t->n_lost = 0;
        trace_publish(&c->records[trace_take(t, 1)], &lost);
    }
    return true;
}

/* `at` is past the end of the chunk, or there is none. */
struct trace_record *trace_room(struct trace_thread *t, uint32_t at, uint32_t n)
{
    if (t->chunk)
        t->n = at;
    if (!next_chunk(t, n) || (at = trace_take(t, n)) + n > TRACE_RAW_RECORDS) {
        lose(t);
        return NULL;
    }
    return &t->chunk->records[at];
}

/* `text` goes on with zeros to the end of its last part. */
static void publish_text(struct trace_record *to, const struct trace_record *record,
                         const char *text, uint32_t n_parts)
{
    for (uint32_t i = 0; i < n_parts; i++) {
        struct trace_record part = {.type = TRACE_RAW_TEXT};
        memcpy(&part.time, text + i * TRACE_RAW_TEXT_BYTES, 8);
        memcpy(&part.a, text + i * TRACE_RAW_TEXT_BYTES + 8, 16);
        trace_publish(&to[1 + i], &part);
    }
    trace_publish(to, record);
}

static uint32_t text_parts(size_t n)
{
    return (uint32_t)((n + TRACE_RAW_TEXT_BYTES - 1) / TRACE_RAW_TEXT_BYTES);
}

void trace_add_texts(struct trace_thread *t, struct trace_record *record, const char *first,
                     size_t n_first, const char *second, size_t n_second)
{
    char text[TRACE_RAW_TEXT_MAX + TRACE_RAW_TEXT_BYTES];
    n_first = n_first < TRACE_RAW_TEXT_MAX / 2 ? n_first : TRACE_RAW_TEXT_MAX / 2;
    n_second = n_second < TRACE_RAW_TEXT_MAX - n_first ? n_second : TRACE_RAW_TEXT_MAX - n_first;
    size_t n = n_first + n_second;
    uint32_t n_parts = text_parts(n);
    memcpy(text, first, n_first);
    memcpy(text + n_first, second, n_second);
    memset(text + n, 0, TRACE_RAW_TEXT_BYTES);
    record->n_text = (uint16_t)n;
    if (record->type == TRACE_RAW_LOG)
        record->b = n_first;
    struct trace_record *to = trace_adds(t, 1 + n_parts);
    if (to)
        publish_text(to, record, text, n_parts);
    trace_added(t);
}

/* Threads. */

static struct trace_thread *take_thread(void)
{
    uint32_t from = __atomic_load_n(&next_thread, __ATOMIC_RELAXED);
    for (uint32_t n = 0; n < N_THREADS_MAX; n++) {
        uint32_t i = (from + n) % N_THREADS_MAX;
        if (__atomic_load_n(&taken[i], __ATOMIC_RELAXED) ||
            __atomic_exchange_n(&taken[i], 1, __ATOMIC_ACQUIRE))
            continue;
        if (!threads[i]) {
            threads[i] = raw_alloc(sizeof *threads[i]);
            if (threads[i])
                raw4(SYS_madvise, (long)threads[i], sizeof *threads[i], MADV_WIPEONFORK, 0);
        }
        if (!threads[i])
            __atomic_store_n(&taken[i], 0, __ATOMIC_RELEASE);
        __atomic_store_n(&next_thread, threads[i] ? i + 1 : i, __ATOMIC_RELAXED);
        return threads[i];
    }
    return NULL;
}

static void give_thread(struct trace_thread *t)
{
    t->tid = 0;
    for (uint32_t i = 0; i < N_THREADS_MAX; i++)
        if (threads[i] == t) {
            __atomic_store_n(&next_thread, i, __ATOMIC_RELAXED);
            __atomic_store_n(&taken[i], 0, __ATOMIC_RELEASE);
            return;
        }
}

static __attribute__((noinline)) struct trace_thread *enter(struct trace_birth birth,
                                                            bool was_there)
{
    struct trace_thread *t = trace_own;
    if (is_over || !shared || !__atomic_load_n(&shared->header, __ATOMIC_ACQUIRE) ||
        timers_frozen() || own_is_here())
        return NULL;
    if (!t && !(t = take_thread()))
        return NULL;
    t->tid = raw_gettid();
    t->chunk = NULL;
    t->n = TRACE_RAW_RECORDS;
    t->n_lost = 0;
    t->last_chunk = (uint64_t)t->tid * 0x9e3779b97f4a7c15u >> 32;
    t->is_adding = false;
    trace_wait_forget(&t->wait); /* of a trace before, that ended meanwhile */
    for (uint32_t i = 0; i < TRACE_CACHED; i++)
        t->cached[i].log.n = 0;
    t->epoch = __atomic_load_n(&trace_epoch, __ATOMIC_ACQUIRE);
    trace_own = t;
    const struct trace_record begin = {.time = trace_now(),
                                       .type = TRACE_RAW_BEGIN,
                                       .reason = was_there,
                                       .a = birth.ticks,
                                       .b = (uint32_t)birth.tid};
    trace_add(t, &begin);
    return t;
}

struct trace_thread *trace_enter(void)
{
    return enter((struct trace_birth){0}, true);
}

struct trace_birth trace_makes_thread(const void *run, const struct walk_regs *regs)
{
    struct trace_birth birth = {0};
    if (!trace_on() || !block_enter())
        return birth;
    struct trace_thread *t = trace_thread();
    if (t) {
        struct store *store = sampler_enter(WIRE_TRACE);
        birth = (struct trace_birth){trace_now(), t->tid};
        const struct trace_record create = {
            .time = birth.ticks,
            .type = TRACE_RAW_CREATE,
            .stack = trace_stack(t, regs),
            .a = store ? trace_row(store, sampler_function((uint64_t)run)) : 0};
        trace_add(t, &create);
        sampler_leave(WIRE_TRACE);
    }
    block_leave();
    return birth;
}

void trace_thread_begin(struct trace_birth birth)
{
    if (!trace_on() || recording_is_bare || !block_enter())
        return;
    enter(birth, false);
    block_leave();
}

void trace_thread_end(void)
{
    struct trace_thread *t = trace_own;
    is_over = true;
    if (!t || !block_enter())
        return;
    if (t->tid && t->epoch == trace_epoch && trace_on() && !recording_is_bare) {
        trace_wait_thread_ends(t);
        const struct trace_record end = {.time = trace_now(), .type = TRACE_RAW_EXIT};
        trace_add(t, &end);
        t->is_adding = true;
        close_chunk(t);
    }
    trace_wait_forget(&t->wait);
    trace_own = NULL;
    give_thread(t);
    block_leave();
}

/* n records in a handler: trace_own may be anything but half made. */
static struct trace_record *take_in_handler(uint32_t n)
{
    struct trace_thread *t = trace_own;
    if (!t || !t->tid || t->epoch != trace_epoch || recording_is_bare)
        return NULL;
    bool is_between = t->is_adding; /* it may be about to change the chunk */
    uint32_t at = t->chunk ? trace_take(t, n) : TRACE_RAW_RECORDS;
    if (at + n <= TRACE_RAW_RECORDS)
        return &t->chunk->records[at];
    if (!is_between)
        return trace_room(t, at, n);
    lose(t);
    return NULL;
}

void trace_sample(uint32_t stack)
{
    struct trace_record *to = take_in_handler(1);
    if (!to)
        return;
    const struct trace_record sample = {
        .time = trace_now(), .type = TRACE_RAW_SAMPLE, .stack = stack};
    trace_publish(to, &sample);
}

void trace_log_in_handler(const char *texts, size_t n_first, size_t n, uint64_t pc)
{
    struct store *store = sampler_enter(WIRE_TRACE);
    struct trace_record record = {.type = TRACE_RAW_LOG, .n_text = (uint16_t)n, .b = n_first};
    record.stack = store ? trace_row(store, sampler_function(pc)) : 0;
    struct trace_record *to = take_in_handler(1 + text_parts(n));
    record.time = trace_now();
    if (to)
        publish_text(to, &record, texts, text_parts(n));
    sampler_leave(WIRE_TRACE);
}

/* Stacks. */

uint32_t trace_walk(struct trace_cached *to, const struct walk_regs *regs)
{
    struct store *store = sampler_enter(WIRE_TRACE);
    to->log.n = 0;
    to->n_closed = modules_n_closed();
    to->stack = store ? trace_row(store, sampler_trace(regs, &to->log)) : 0;
    if (!store || to->log.n > SAMPLER_LOG_MAX)
        to->log.n = 0;
    to->pc = regs->pc;
    to->sp = regs->sp;
    to->bp = regs->bp;
    sampler_leave(WIRE_TRACE);
    return to->stack;
}
