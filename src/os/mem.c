#include "os/mem.h"

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

bool mem_read(const struct mem *mem, uint64_t address, void *into, size_t n, struct err *err)
{
    if (mem->ops->read(mem, address, into, n) == n)
        return true;
    if (mem->proc && !proc_runs(mem->proc))
        return err_set(err, ERR_INPUT, "%s has ended", mem->name);
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

/* Pieces by address; `places` says in which order where they are not.  Runs of near ones
 * go through `bytes`. */
static void read_runs(const struct mem *mem, struct mem_piece *pieces, const struct place *places,
                      size_t n, uint8_t *bytes)
{
    for (size_t i = 0, end; i < n; i = end) {
        struct mem_piece *first = &pieces[places ? places[i].index : i];
        uint64_t start = first->address, limit;
        if (__builtin_add_overflow(start, first->n, &limit))
            limit = start; /* read_alone tells */
        for (end = i + 1; end < n; end++) {
            const struct mem_piece *next = &pieces[places ? places[end].index : end];
            uint64_t next_limit;
            if (next->address > limit + GAP_BYTES ||
                __builtin_add_overflow(next->address, next->n, &next_limit) ||
                next_limit - start > RUN_BYTES)
                break;
            if (next_limit > limit)
                limit = next_limit;
        }
        size_t got = end > i + 1 ? mem->ops->read(mem, start, bytes, limit - start) : 0;
        for (size_t k = i; k < end; k++) {
            struct mem_piece *piece = &pieces[places ? places[k].index : k];
            uint64_t at = piece->address - start;
            piece->ok = at <= got && piece->n <= got - at;
            if (piece->ok && got)
                memcpy(piece->into, bytes + at, piece->n);
            else
                read_alone(mem, piece);
        }
    }
}

bool mem_read_pieces(const struct mem *mem, struct mem_piece *pieces, size_t n)
{
    struct place *places = NULL;
    uint8_t *bytes = malloc(RUN_BYTES);
    bool sorted = is_sorted(pieces, n);
    if (!sorted)
        places = calloc(n, sizeof *places);
    if (!bytes || (!sorted && !places)) {
        for (size_t i = 0; i < n; i++)
            read_alone(mem, &pieces[i]);
    } else {
        for (size_t i = 0; places && i < n; i++)
            places[i] = (struct place){pieces[i].address, i};
        if (places)
            qsort(places, n, sizeof *places, compare_places);
        read_runs(mem, pieces, places, n, bytes);
    }
    free(places);
    free(bytes);
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
