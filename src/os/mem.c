#include "os/mem.h"

#include "base/pool.h"
#include "os/maps.h"
#include "os/mem_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Pieces closer than this are read in one go: a page costs less than a system call. */
#define GAP_BYTES 4096
#define RUN_BYTES (256u << 10)
#define LARGE_BYTES (16u << 10) /* a piece that is worth the faster way by itself */
/* Many pieces are read by two threads: who stands still meanwhile does so for less time. */
#define N_PARTS 2
#define PART_PIECES 512

void mem_free(struct mem *mem)
{
    if (!mem)
        return;
    mem->ops->release(mem);
    if (mem->fd >= 0)
        close(mem->fd);
    arena_release(&mem->arena);
    free(mem);
}

const struct mem_map *mem_maps(const struct mem *mem, size_t *n)
{
    *n = mem->n_maps;
    return mem->maps;
}

const struct mem_map *mem_map_at(const struct mem *mem, uint64_t address)
{
    size_t low = 0, high = mem->n_maps;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (mem->maps[middle].limit <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < mem->n_maps && mem->maps[low].start <= address ? &mem->maps[low] : NULL;
}

const struct proc *mem_process(const struct mem *mem)
{
    return mem->proc;
}

const char *mem_name(const struct mem *mem)
{
    return mem->name;
}

const char *mem_executable(const struct mem *mem)
{
    return mem->executable;
}

bool mem_map_path(const struct mem *mem, const struct mem_map *map, char *path, size_t size)
{
    struct stat st;
    if (mem->proc)
        return maps_path(mem->proc->pid, map, path, size);
    int n = map->path[0] == '/' ? snprintf(path, size, "%s", map->path) : 0;
    return n > 0 && (size_t)n < size && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Memory that is not there is an error; of a program that is not there, there is nothing. */
static bool runs_another(const struct mem *mem)
{
    char byte;
    return mem->proc && mem->n_maps && pread(mem->fd, &byte, 1, (off_t)mem->maps[0].start) == 0;
}

bool mem_is_gone(const struct mem *mem)
{
    return mem->proc && (!proc_runs(mem->proc) || runs_another(mem));
}

bool mem_read(const struct mem *mem, uint64_t address, void *into, size_t n, struct err *err)
{
    if (mem->ops->read(mem, address, into, n) == n)
        return true;
    if (mem->proc && !proc_runs(mem->proc))
        return err_set(err, ERR_INPUT, "%s has ended", mem->name);
    if (runs_another(mem))
        return err_set(err, ERR_INPUT, "%s runs another program now", mem->name);
    return err_set(err, ERR_INPUT, "cannot read %zu bytes at %#llx of %s", n,
                   (unsigned long long)address, mem->name);
}

struct place {
    uint64_t address;
    size_t index;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return x->address < y->address ? -1 : x->address > y->address;
}

static bool is_sorted(const struct mem_piece *pieces, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (pieces[i].address < pieces[i - 1].address)
            return false;
    return true;
}

static void read_alone(const struct mem *mem, struct mem_piece *piece)
{
    piece->ok = mem->ops->read(mem, piece->address, piece->into, piece->n) == piece->n;
}

/* A part of many pieces: by address, or as `places` has them. */
struct part {
    const struct mem *mem;
    struct mem_piece *pieces;
    const struct place *places;
    size_t n;
    uint8_t *bytes; /* RUN_BYTES, or NULL: there was no memory */
    bool is_slow;   /* only by ops->read */
};

static struct mem_piece *piece_at(const struct part *part, size_t i)
{
    return &part->pieces[part->places ? part->places[i].index : i];
}

static size_t read_run(const struct part *part, uint64_t address, void *into, size_t n)
{
    const struct mem_ops *ops = part->mem->ops;
    size_t got = ops->read_fast && !part->is_slow ? ops->read_fast(part->mem, address, into, n) : 0;
    return got ? got : ops->read(part->mem, address, into, n);
}

/* Runs of near pieces go through part->bytes. */
static void read_runs(const struct part *part)
{
    uint8_t *bytes = part->bytes;
    for (size_t i = 0, end; i < part->n; i = end) {
        const struct mem_piece *first = piece_at(part, i);
        uint64_t start = first->address, limit;
        if (__builtin_add_overflow(start, first->n, &limit))
            limit = start; /* read_alone tells */
        for (end = i + 1; end < part->n; end++) {
            const struct mem_piece *next = piece_at(part, end);
            uint64_t next_limit;
            if (next->address > limit + GAP_BYTES ||
                __builtin_add_overflow(next->address, next->n, &next_limit) ||
                next_limit - start > RUN_BYTES)
                break;
            if (next_limit > limit)
                limit = next_limit;
        }
        if (end == i + 1 && first->n >= LARGE_BYTES) {
            struct mem_piece *piece = piece_at(part, i);
            piece->ok = read_run(part, start, piece->into, piece->n) == piece->n;
            continue;
        }
        size_t got = end > i + 1 ? read_run(part, start, bytes, limit - start) : 0;
        for (size_t k = i; k < end; k++) {
            struct mem_piece *piece = piece_at(part, k);
            uint64_t at = piece->address - start;
            piece->ok = at <= got && piece->n <= got - at;
            if (piece->ok && got)
                memcpy(piece->into, bytes + at, piece->n);
            else
                read_alone(part->mem, piece);
        }
    }
}

static void read_part(void *arg, size_t i)
{
    const struct part *part = (const struct part *)arg + i;
    if (part->bytes)
        read_runs(part);
    else
        for (size_t k = 0; k < part->n; k++)
            read_alone(part->mem, piece_at(part, k));
}

static void read_parts(const struct part *whole)
{
    struct part parts[N_PARTS];
    size_t n = whole->n < 2 * PART_PIECES ? 1 : N_PARTS;
    for (size_t i = 0; i < n; i++) {
        size_t first = whole->n * i / n, end = whole->n * (i + 1) / n;
        parts[i] = *whole;
        parts[i].n = end - first;
        if (parts[i].bytes)
            parts[i].bytes += i * RUN_BYTES;
        if (parts[i].places)
            parts[i].places += first;
        else if (parts[i].pieces)
            parts[i].pieces += first;
    }
    if (n > 1)
        pool_run(n, N_PARTS, read_part, parts);
    else
        read_part(parts, 0);
}

bool mem_read_pieces(const struct mem *mem, struct mem_piece *pieces, size_t n)
{
    struct place *places = is_sorted(pieces, n) ? NULL : calloc(n, sizeof *places);
    for (size_t i = 0; places && i < n; i++)
        places[i] = (struct place){pieces[i].address, i};
    if (places)
        qsort(places, n, sizeof *places, compare_places);
    /* One block for all: threads that come and go would have theirs mapped anew each time. */
    struct part whole = {mem, pieces, places, n, malloc(N_PARTS * RUN_BYTES), false};
    read_parts(&whole);
    bool is_same = !mem->ops->is_same || mem->ops->is_same(mem);
    if (!is_same) {
        /* An exec meanwhile, or what we look at to tell is no longer mapped. */
        whole.is_slow = true;
        read_parts(&whole);
    }
    free(places);
    free(whole.bytes);
    return !mem->proc || proc_runs(mem->proc);
}

bool mem_write(struct mem *mem, uint64_t address, const void *from, size_t n, struct err *err)
{
    if (!mem->can_write)
        return err_set(err, ERR_UNSUPPORTED, "%s cannot be written to", mem->name);
    if (!proc_runs(mem->proc))
        return err_set(err, ERR_INPUT, "%s has ended", mem->name);
    ssize_t done = pwrite(mem->fd, from, n, (off_t)address);
    if (done == (ssize_t)n)
        return true;
    return done < 0 ? err_sys(err, errno, "cannot write to %s", mem->name)
                    : err_set(err, ERR_IO, "cannot write to %s", mem->name);
}

int mem_write_fd(const struct mem *mem)
{
    return mem->can_write ? mem->fd : -1;
}
