#include "agent/store.h"

#include "agent/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define PROBES_MAX 256
#define FEW_SLOTS (STORE_GRANULE / 4)
#define FEW_MAX (FEW_SLOTS / 2)
#define FEW_PROBES 16
#define NAMES_MAX 100000 /* images one process id ran */
#define PATH_BYTES 512

static bool make_ready(struct store *s, uint64_t offset, uint64_t n_bytes)
{
    if (offset > s->n_bytes || n_bytes > s->n_bytes - offset)
        return false;
    if (s->all_ready)
        return true;
    for (uint64_t g = offset / STORE_GRANULE; g <= (offset + n_bytes - 1) / STORE_GRANULE; g++) {
        if (__atomic_load_n(&s->ready[g], __ATOMIC_ACQUIRE))
            continue;
        if (raw4(SYS_madvise, (long)((char *)s->header + g * STORE_GRANULE), STORE_GRANULE,
                 MADV_POPULATE_WRITE, 0) != 0)
            return false;
        __atomic_store_n(&s->ready[g], 1, __ATOMIC_RELEASE);
    }
    return true;
}

static void *at(const struct store *s, uint64_t offset)
{
    return (char *)s->header + offset;
}

/* 0 when there is no room. */
static uint64_t heap_alloc(struct store *s, uint64_t n_bytes)
{
    struct wire_header *h = s->header;
    n_bytes = (n_bytes + 7) & ~7ull;
    uint64_t room = s->n_bytes - h->heap_offset;
    if (__atomic_load_n(&h->heap_used, __ATOMIC_RELAXED) > room)
        return 0;
    uint64_t used = __atomic_fetch_add(&h->heap_used, n_bytes, __ATOMIC_RELAXED);
    if (used > room || n_bytes > room - used || !make_ready(s, h->heap_offset + used, n_bytes))
        return 0;
    return h->heap_offset + used;
}

static uint64_t hash_stack(const struct store_stack *stack)
{
    uint64_t h = (stack->n_frames * 2ull + stack->complete) << 40 | (uint64_t)stack->kind << 32;
    h = ((h | stack->labels) ^ stack->key) * 0x9e3779b97f4a7c15u;
    for (uint32_t i = 0; i < stack->n_frames; i++) {
        h = (h ^ stack->frames[i]) * 0x9e3779b97f4a7c15u;
        h ^= h >> 32;
    }
    return h;
}

static bool is_same(const struct wire_stack *row, const struct store_stack *stack, uint64_t hash)
{
    return row->hash == hash && row->key == stack->key && row->kind == stack->kind &&
           row->labels == stack->labels && row->n_frames == stack->n_frames &&
           row->truncated == !stack->complete &&
           memcmp(row->frames, stack->frames, 8ull * stack->n_frames) == 0;
}

/* 0 when there is no room. */
static uint64_t make_row(struct store *s, const struct store_stack *stack, uint64_t hash)
{
    uint64_t made = heap_alloc(s, sizeof(struct wire_stack) + 8ull * stack->n_frames);
    if (!made)
        return 0;
    struct wire_stack *row = at(s, made);
    row->hash = hash;
    row->key = stack->key;
    row->kind = (uint8_t)stack->kind;
    row->labels = stack->labels;
    row->n_frames = (uint16_t)stack->n_frames;
    row->truncated = !stack->complete;
    memcpy(row->frames, stack->frames, 8ull * stack->n_frames);
    return made;
}

/* A stack that is looked for, or made. */
struct wanted {
    const struct store_stack *stack;
    uint64_t hash, made; /* `made`: the offset of its row; 0: none yet */
};

/* The stack's row in one of `n_probes` slots, from its hash on, of the table's first `mask` + 1.
 * NULL and *full: all have others; NULL else: no room, or it may not be made here. */
static struct wire_stack *look(struct store *s, struct wanted *w, uint64_t mask, uint64_t n_probes,
                               bool make, bool *full)
{
    *full = false;
    for (uint64_t probe = 0; probe < n_probes; probe++) {
        uint64_t slot_offset = s->header->slots_offset + 4 * ((w->hash + probe) & mask);
        if (!make_ready(s, slot_offset, 4))
            return NULL;
        uint32_t *slot = at(s, slot_offset), there = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
        if (there == 0) {
            if (!make || !(w->made = w->made ? w->made : make_row(s, w->stack, w->hash)))
                return NULL;
            if (__atomic_compare_exchange_n(slot, &there, (uint32_t)(w->made / 8), false,
                                            __ATOMIC_RELEASE, __ATOMIC_ACQUIRE))
                return at(s, w->made);
        }
        struct wire_stack *row = at(s, 8ull * there);
        if (is_same(row, w->stack, w->hash))
            return row;
    }
    *full = true;
    return NULL;
}

/* The stack counted from now on, or NULL.  The first ones are in the first slots: memory that is
 * written to for the first time costs more than all else here, and most processes have few. */
static struct wire_stack *intern(struct store *s, const struct store_stack *stack)
{
    struct wanted w = {.stack = stack, .hash = hash_stack(stack)};
    uint64_t mask = s->header->n_slots - 1;
    bool full, has_room = __atomic_load_n(&s->n_few, __ATOMIC_RELAXED) < FEW_MAX;
    if (mask > FEW_SLOTS) {
        struct wire_stack *row = look(s, &w, FEW_SLOTS - 1, FEW_PROBES, has_room, &full);
        if (row && w.made)
            __atomic_fetch_add(&s->n_few, 1, __ATOMIC_RELAXED);
        if (row || (has_room && !full))
            return row;
    }
    return look(s, &w, mask, PROBES_MAX, true, &full);
}

struct wire_stack *store_add(struct store *s, const struct store_stack *stack, uint64_t weight)
{
    struct wire_counts *counts = &s->header->counts[stack->kind];
    struct wire_stack *row = intern(s, stack);
    store_count(row ? &counts->n_samples : &counts->n_dropped, weight);
    if (row && !stack->complete)
        store_count(&counts->n_truncated, weight);
    return row;
}

uint32_t store_labels(struct store *s, const uint64_t *texts, uint32_t n_words)
{
    const struct store_stack labels = {
        .kind = WIRE_LABELS, .frames = texts, .n_frames = n_words, .complete = true};
    const struct wire_stack *row = intern(s, &labels);
    return row ? (uint32_t)(((uint64_t)row - (uint64_t)s->header) / 8) : 0;
}

bool store_module(struct store *s, uint32_t number, const struct wire_module *module,
                  const char *path)
{
    struct wire_header *h = s->header;
    uint64_t row_offset = h->modules_offset + (number - 1) * sizeof *module, path_offset = 0;
    if (number > h->n_modules_max || !make_ready(s, row_offset, sizeof *module))
        return false;
    if (path) {
        size_t n = strlen(path) + 1;
        path_offset = heap_alloc(s, n);
        if (!path_offset)
            return false;
        memcpy(at(s, path_offset), path, n);
    }
    struct wire_module *row = at(s, row_offset);
    if (__atomic_load_n(&row->ready, __ATOMIC_ACQUIRE))
        return true;
    struct wire_module copy = *module;
    copy.path_offset = (uint32_t)path_offset;
    copy.ready = 0;
    *row = copy;
    __atomic_store_n(&row->ready, 1, __ATOMIC_RELEASE);
    uint64_t n = __atomic_load_n(&h->n_modules, __ATOMIC_RELAXED);
    while (n < number && !__atomic_compare_exchange_n(&h->n_modules, &n, number, true,
                                                      __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
    return true;
}

static size_t read_file(const char *path, char *buf, size_t size)
{
    long n = -1, fd = raw4(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0);
    if (fd >= 0) {
        n = raw4(SYS_read, fd, (long)buf, (long)size - 1, 0);
        raw4(SYS_close, fd, 0, 0, 0);
    }
    n = n < 0 ? 0 : n;
    buf[n] = '\0';
    return (size_t)n;
}

static void fill_header(struct store *s, const struct store_options *options)
{
    struct wire_header *h = s->header;
    uint64_t n_slots = 1024;
    while (n_slots * 512 <= s->n_bytes)
        n_slots *= 2;
    h->magic = WIRE_MAGIC;
    h->version = WIRE_VERSION;
    h->header_bytes = sizeof *h;
    h->file_bytes = s->n_bytes;
    h->pid = raw_getpid();
    h->parent_pid = (int32_t)raw4(SYS_getppid, 0, 0, 0, 0);
    h->start_realtime_ns = raw_clock_ns(CLOCK_REALTIME);
    h->start_monotonic_ns = raw_clock_ns(CLOCK_MONOTONIC);
    h->period_ns = 1000000000u / options->hz;
    h->heap_rate = options->heap_rate;
    h->block_rate = options->block_rate;
    h->mutex_fraction = options->mutex_fraction;
    h->state = WIRE_RUNNING;
    h->hz = options->hz;
    h->kinds = options->kinds;
    size_t n = read_file("/proc/self/comm", h->comm, sizeof h->comm);
    if (n && h->comm[n - 1] == '\n')
        h->comm[n - 1] = '\0';
    long len = raw4(SYS_readlink, (long)"/proc/self/exe", (long)h->exe, sizeof h->exe - 1, 0);
    h->exe[len < 0 ? 0 : len] = '\0';
    h->modules_offset = (sizeof *h + 63) & ~63ull;
    h->n_modules_max = s->n_bytes / (16u << 10);
    uint64_t granule = n_slots > FEW_SLOTS ? STORE_GRANULE : 64;
    h->slots_offset =
        (h->modules_offset + h->n_modules_max * sizeof(struct wire_module) + granule - 1) &
        ~(granule - 1);
    h->n_slots = n_slots;
    h->heap_offset = h->slots_offset + 4 * n_slots;
}

/* Maps `n_bytes` of a new file (fd) or, with -1, of anonymous memory. */
static bool map(struct store *s, int fd, uint64_t n_bytes)
{
    if (fd >= 0 && raw4(SYS_ftruncate, fd, (long)n_bytes, 0, 0) != 0)
        return false;
    long p = raw6(SYS_mmap, 0, (long)n_bytes, PROT_READ | PROT_WRITE,
                  fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED, fd, 0);
    if (p < 0 && p > -4096)
        return false;
    s->header = (void *)p;
    s->n_bytes = n_bytes;
    if (make_ready(s, 0, sizeof(struct wire_header)))
        return true;
    /* Before Linux 5.14: a small file, all of it allocated now. */
    s->all_ready =
        fd < 0 || (n_bytes <= 4u << 20 && raw4(SYS_fallocate, fd, 0, 0, (long)n_bytes) == 0);
    if (s->all_ready)
        return true;
    raw_unmap(s->header, n_bytes);
    s->header = NULL;
    return false;
}

static uint64_t limit_of(int resource)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    raw4(SYS_prlimit64, 0, resource, 0, (long)&limit);
    return limit.rlim_cur;
}

/* A file larger than RLIMIT_FSIZE would be a SIGXFSZ; and a program that lives
 * under RLIMIT_AS keeps most of it. */
static bool map_what_fits(struct store *s, int fd)
{
    uint64_t file_max = fd < 0 ? RLIM_INFINITY : limit_of(RLIMIT_FSIZE);
    uint64_t memory_max = limit_of(RLIMIT_AS) / 16;
    for (uint64_t n = STORE_BYTES_MAX; n >= STORE_BYTES_MIN; n /= 4)
        if (n <= file_max && n <= memory_max && map(s, fd, n))
            return true;
    return false;
}

/* DIR/PID-N.suffix, N the number of this image among those the process ran. */
static bool name_file(char *name, size_t size, const char *dir, int n, const char *suffix)
{
    return snprintf(name, size, "%s/%d-%d%s", dir, raw_getpid(), n, suffix) < (int)size;
}

/* Makes the file and maps it; it gets its final name once it is filled. */
static bool open_file(struct store *s, const char *dir, int *n)
{
    char temporary[PATH_BYTES], final[PATH_BYTES];
    long fd = -EEXIST;
    for (*n = 0; *n < NAMES_MAX; ++*n) {
        if (!name_file(temporary, sizeof temporary, dir, *n, ".tmp") ||
            !name_file(final, sizeof final, dir, *n, WIRE_FILE_SUFFIX))
            return false;
        if (raw4(SYS_faccessat, AT_FDCWD, (long) final, 0, 0) == 0)
            continue;
        fd = raw4(SYS_openat, AT_FDCWD, (long)temporary,
                  O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd != -EEXIST)
            break;
    }
    if (fd < 0)
        return false;
    bool ok = map_what_fits(s, (int)fd);
    raw4(SYS_close, fd, 0, 0, 0);
    if (!ok)
        raw4(SYS_unlink, (long)temporary, 0, 0, 0);
    return ok;
}

static bool publish(const char *dir, int n)
{
    char temporary[PATH_BYTES], final[PATH_BYTES];
    return name_file(temporary, sizeof temporary, dir, n, ".tmp") &&
           name_file(final, sizeof final, dir, n, WIRE_FILE_SUFFIX) &&
           raw4(SYS_rename, (long)temporary, (long) final, 0, 0) == 0;
}

bool store_open(struct store *s, const char *dir, const struct store_options *options)
{
    static uint32_t last_serial;
    int n = 0;
    memset(s, 0, sizeof *s);
    s->is_file = dir != NULL;
    s->serial = __atomic_add_fetch(&last_serial, 1, __ATOMIC_RELAXED);
    if (dir ? !open_file(s, dir, &n) : !map_what_fits(s, -1))
        return false;
    /* A child starts a store of its own; a core dump has no use for it. */
    raw4(SYS_madvise, (long)s->header, (long)s->n_bytes, MADV_DONTFORK, 0);
    raw4(SYS_madvise, (long)s->header, (long)s->n_bytes, MADV_DONTDUMP, 0);
    fill_header(s, options);
    s->number = n;
    if (!dir || publish(dir, n))
        return true;
    store_close(s);
    return false;
}

void store_close(struct store *s)
{
    if (s->header)
        raw_unmap(s->header, s->n_bytes);
    memset(s, 0, sizeof *s);
}

void store_forget(struct store *s)
{
    memset(s, 0, sizeof *s);
}
