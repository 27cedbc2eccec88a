#include "go/go_buckets.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Buckets lie in chunks that the runtime fills one after the other, one chunk a processor:
 * the chunks' memory is read a block at a time, and the last ones are kept. */
#define BLOCK_BYTES ((uint64_t)128 << 10)
#define N_BLOCKS 64

#define N_FUTURE 3           /* cycles that are counted ahead */
#define STACK_MAX 1024       /* the runtime's own limit */
#define BUCKETS_MAX 4000000u /* more than a GiB of the program's memory */
#define PCS_MAX (64u << 20)
#define TRIES 5

struct block {
    uint64_t start, limit; /* what is read; 0, 0: nothing */
    uint64_t used;         /* when it was last looked at */
    uint8_t *bytes;
};

struct walk {
    const struct go_program *program;
    struct block *blocks, *last;
    uint64_t clock;
    bool is_refreshed; /* the map of memory is as of now */
    enum go_global head;
    uint64_t type;
    uint64_t record_bytes;
    struct err *err;
};

static const char *list_name(enum go_global head)
{
    return head == GO_VAR_MBUCKETS   ? "allocations"
           : head == GO_VAR_BBUCKETS ? "blocked time"
                                     : "contended mutexes";
}

static bool bad_list(const struct walk *walk, uint64_t address, const char *what)
{
    return err_set(walk->err, ERR_INPUT, "the list of %s in %s cannot be read: %s at %#" PRIx64,
                   list_name(walk->head), mem_name(walk->program->mem), what, address);
}

/* The runtime's data: readable and writable. */
static const struct mem_map *map_at(struct walk *walk, uint64_t address)
{
    struct mem *mem = walk->program->mem;
    const struct mem_map *map = mem_map_at(mem, address);
    if ((!map || !map->can_write) && !walk->is_refreshed) {
        walk->is_refreshed = true;
        if (!mem_refresh(mem, walk->err))
            return NULL;
        map = mem_map_at(mem, address);
    }
    if (map && map->can_read && map->can_write)
        return map;
    bad_list(walk, address, "there is no data");
    return NULL;
}

/* The block that has the address, or the one that was not needed for longest. */
static struct block *find_block(struct walk *walk, uint64_t address)
{
    struct block *oldest = walk->blocks;
    for (size_t i = 0; i < N_BLOCKS; i++) {
        struct block *block = &walk->blocks[i];
        if (address >= block->start && address < block->limit)
            return block;
        if (block->used < oldest->used)
            oldest = block;
    }
    return oldest;
}

static bool fill_block(struct walk *walk, struct block *block, uint64_t address)
{
    const struct mem_map *map = map_at(walk, address);
    if (!map)
        return false;
    if (!block->bytes && !(block->bytes = malloc(BLOCK_BYTES)))
        return err_nomem(walk->err);
    uint64_t start = address / BLOCK_BYTES * BLOCK_BYTES, limit = start + BLOCK_BYTES;
    if (start < map->start)
        start = map->start;
    if (limit > map->limit || limit < start)
        limit = map->limit;
    block->start = block->limit = 0;
    struct mem_piece piece = {start, block->bytes, (uint32_t)(limit - start), false};
    if (mem_read_pieces(walk->program->mem, &piece, 1) && piece.ok) {
        block->start = start;
        block->limit = limit;
        return true;
    }
    /* Not all of it is there: what is wanted, or why not. */
    uint64_t page = address & ~(uint64_t)4095;
    start = start > page ? start : page;
    limit = limit - start > 4096 ? start + 4096 : limit;
    if (!mem_read(walk->program->mem, start, block->bytes, limit - start, walk->err))
        return false;
    block->start = start;
    block->limit = limit;
    return true;
}

static struct block *block_at(struct walk *walk, uint64_t address)
{
    struct block *block = walk->last;
    if (!block || address < block->start || address >= block->limit) {
        block = find_block(walk, address);
        if ((address < block->start || address >= block->limit) &&
            !fill_block(walk, block, address))
            return NULL;
        walk->last = block;
    }
    block->used = ++walk->clock;
    return block;
}

static bool copy(struct walk *walk, uint64_t address, void *into, size_t n)
{
    uint8_t *to = into;
    while (n) {
        const struct block *block = block_at(walk, address);
        if (!block)
            return false;
        size_t len = block->limit - address < n ? (size_t)(block->limit - address) : n;
        memcpy(to, block->bytes + (address - block->start), len);
        to += len;
        address += len;
        n -= len;
    }
    return true;
}

static uint64_t word_at(const uint8_t *bytes, uint64_t offset)
{
    uint64_t word;
    memcpy(&word, bytes + offset, sizeof word);
    return word;
}

/* --- records --- */

struct cycle {
    uint64_t allocs, frees, alloc_bytes, free_bytes;
};

static void add_cycle(const struct walk *walk, const uint8_t *record, uint64_t offset,
                      uint64_t size, struct cycle *sum)
{
    const uint16_t *at = walk->program->layout.at;
    uint64_t allocs = word_at(record, offset + at[GO_MEMCYCLE_ALLOCS]);
    uint64_t frees = word_at(record, offset + at[GO_MEMCYCLE_FREES]);
    bool has_bytes = at[GO_MEMCYCLE_ALLOC_BYTES] != GO_NO_FIELD;
    sum->allocs += allocs;
    sum->frees += frees;
    sum->alloc_bytes +=
        has_bytes ? word_at(record, offset + at[GO_MEMCYCLE_ALLOC_BYTES]) : allocs * size;
    sum->free_bytes +=
        has_bytes ? word_at(record, offset + at[GO_MEMCYCLE_FREE_BYTES]) : frees * size;
}

/* What is published: `active`, and the cycle that is about to be added to it.  `all`: what is
 * counted ahead too. */
static void read_allocations(const struct walk *walk, const uint8_t *record, uint32_t cycle,
                             bool all, struct go_bucket *bucket)
{
    const uint16_t *at = walk->program->layout.at;
    struct cycle sum = {0};
    add_cycle(walk, record, at[GO_MEMRECORD_ACTIVE], bucket->size, &sum);
    for (uint32_t i = 0; i < N_FUTURE; i++)
        if (all || i == cycle % N_FUTURE)
            add_cycle(walk, record, at[GO_MEMRECORD_FUTURE] + i * at[GO_MEMCYCLE_SIZE],
                      bucket->size, &sum);
    bucket->n_allocs = sum.allocs;
    bucket->n_frees = sum.frees;
    bucket->alloc_bytes = sum.alloc_bytes;
    bucket->free_bytes = sum.free_bytes;
}

/* The bucket at `address`, and the next one's. */
static bool read_bucket(struct walk *walk, uint64_t address, uint32_t cycle, bool all,
                        struct go_buckets *buckets, uint64_t *next)
{
    const uint16_t *at = walk->program->layout.at;
    uint8_t header[256], record[256];
    uint64_t n_header = at[GO_BUCKET_SIZE];
    if (address % 8)
        return bad_list(walk, address, "a bucket");
    if (!copy(walk, address, header, n_header))
        return false;
    uint64_t n_pcs = word_at(header, at[GO_BUCKET_NSTK]);
    if (word_at(header, at[GO_BUCKET_TYP]) != walk->type || n_pcs > STACK_MAX)
        return bad_list(walk, address, "something else than a bucket");
    if (buckets->items.n >= BUCKETS_MAX || buckets->pcs.n + n_pcs > PCS_MAX)
        return bad_list(walk, address, "more buckets than a program has");
    struct go_bucket bucket = {.first_pc = buckets->pcs.n,
                               .n_pcs = (uint32_t)n_pcs,
                               .size = word_at(header, at[GO_BUCKET_BYTES])};
    if (!vec_reserve(&buckets->pcs, buckets->pcs.n + n_pcs))
        return err_nomem(walk->err);
    if ((n_pcs && !copy(walk, address + n_header, buckets->pcs.items + buckets->pcs.n, n_pcs * 8)) ||
        !copy(walk, address + n_header + n_pcs * 8, record, walk->record_bytes))
        return false;
    buckets->pcs.n += n_pcs;
    if (walk->head == GO_VAR_MBUCKETS) {
        read_allocations(walk, record, cycle, all, &bucket);
    } else {
        memcpy(&bucket.count, record + at[GO_BLOCKRECORD_COUNT], 8);
        memcpy(&bucket.cycles, record + at[GO_BLOCKRECORD_CYCLES], 8);
    }
    if (!vec_push(&buckets->items, bucket))
        return err_nomem(walk->err);
    *next = word_at(header, at[GO_BUCKET_ALLNEXT]);
    return true;
}

static bool follow(struct walk *walk, uint32_t cycle, bool all, struct go_buckets *buckets)
{
    uint64_t head, address;
    if (!go_program_global(walk->program, walk->head, &head, walk->err) ||
        !go_program_number(walk->program, head, 8, &address, walk->err))
        return false;
    vec_clear(&buckets->items);
    vec_clear(&buckets->pcs);
    for (size_t i = 0; i < N_BLOCKS; i++)
        walk->blocks[i].start = walk->blocks[i].limit = 0;
    /* A list that goes round comes by the bucket that it passed a power of two ago. */
    uint64_t passed = 0, n = 0;
    for (; address; n++) {
        if (address == passed)
            return bad_list(walk, address, "it goes round");
        if ((n & (n - 1)) == 0)
            passed = address;
        if (!read_bucket(walk, address, cycle, all, buckets, &address))
            return false;
    }
    return true;
}

static bool is_empty(const struct go_buckets *buckets)
{
    for (size_t i = 0; i < buckets->items.n; i++)
        if (buckets->items.items[i].n_allocs || buckets->items.items[i].n_frees)
            return false;
    return true;
}

/* Until no collection ends meanwhile. */
static bool follow_allocations(struct walk *walk, struct go_buckets *buckets)
{
    uint64_t address, before, after;
    if (!go_program_global(walk->program, GO_VAR_MPROF_CYCLE, &address, walk->err))
        return false;
    for (int i = 0; i < TRIES; i++) {
        /* Bit 0 tells that the cycle is being added to what is published, or was. */
        if (!go_program_number(walk->program, address, 4, &before, walk->err) ||
            !follow(walk, (uint32_t)before >> 1, false, buckets))
            return false;
        /* As long as nothing is published, Go shows all that is counted. */
        if (is_empty(buckets) && !follow(walk, (uint32_t)before >> 1, true, buckets))
            return false;
        if (!go_program_number(walk->program, address, 4, &after, walk->err))
            return false;
        if (before == after)
            return true;
    }
    buckets->is_torn = true;
    return true;
}

static bool has_fields(const struct go_program *program, const enum go_field *fields, size_t n,
                       uint64_t limit)
{
    for (size_t i = 0; i < n; i++)
        if (program->layout.at[fields[i]] == GO_NO_FIELD ||
            program->layout.at[fields[i]] + (uint64_t)8 > limit)
            return false;
    return true;
}

/* Do the fields lie where they can be read?  A layout may come from a program's DWARF. */
static bool check_layout(struct walk *walk)
{
    static const enum go_field header[] = {GO_BUCKET_ALLNEXT, GO_BUCKET_TYP, GO_BUCKET_BYTES,
                                           GO_BUCKET_NSTK};
    static const enum go_field cycle[] = {GO_MEMCYCLE_ALLOCS, GO_MEMCYCLE_FREES};
    static const enum go_field bytes[] = {GO_MEMCYCLE_ALLOC_BYTES, GO_MEMCYCLE_FREE_BYTES};
    static const enum go_field blocked[] = {GO_BLOCKRECORD_COUNT, GO_BLOCKRECORD_CYCLES};
    const struct go_program *program = walk->program;
    const uint16_t *at = program->layout.at;
    bool ok = at[GO_BUCKET_SIZE] <= 256 && has_fields(program, header, 4, at[GO_BUCKET_SIZE]);
    if (walk->head == GO_VAR_MBUCKETS) {
        walk->record_bytes = at[GO_MEMRECORD_SIZE];
        ok = ok && walk->record_bytes <= 256 && at[GO_MEMCYCLE_SIZE] <= 64 &&
             has_fields(program, cycle, 2, at[GO_MEMCYCLE_SIZE]) &&
             (at[GO_MEMCYCLE_ALLOC_BYTES] == GO_NO_FIELD ||
              has_fields(program, bytes, 2, at[GO_MEMCYCLE_SIZE])) &&
             at[GO_MEMRECORD_ACTIVE] + at[GO_MEMCYCLE_SIZE] <= walk->record_bytes &&
             at[GO_MEMRECORD_FUTURE] + N_FUTURE * at[GO_MEMCYCLE_SIZE] <= walk->record_bytes;
    } else {
        walk->record_bytes = 0;
        for (int i = 0; i < 2; i++)
            if (at[blocked[i]] + (uint64_t)8 > walk->record_bytes)
                walk->record_bytes = at[blocked[i]] + (uint64_t)8;
        ok = ok && walk->record_bytes <= 256;
    }
    return ok || err_set(walk->err, ERR_UNSUPPORTED,
                         "%s: %s keeps its counts of %s in a way that is not known",
                         mem_name(program->mem), program->version, list_name(walk->head));
}

bool go_buckets_read(const struct go_program *program, enum go_global head,
                     struct go_buckets *buckets, struct err *err)
{
    struct walk walk = {.program = program,
                        .head = head,
                        .type = head == GO_VAR_MBUCKETS   ? 1
                                : head == GO_VAR_BBUCKETS ? 2
                                                          : 3,
                        .err = err};
    *buckets = (struct go_buckets){0};
    if (!check_layout(&walk))
        return false;
    walk.blocks = calloc(N_BLOCKS, sizeof *walk.blocks);
    if (!walk.blocks)
        return err_nomem(err);
    bool ok = head == GO_VAR_MBUCKETS ? follow_allocations(&walk, buckets)
                                      : follow(&walk, 0, false, buckets);
    for (size_t i = 0; i < N_BLOCKS; i++)
        free(walk.blocks[i].bytes);
    free(walk.blocks);
    if (!ok)
        go_buckets_release(buckets);
    return ok;
}

void go_buckets_release(struct go_buckets *buckets)
{
    vec_release(&buckets->items);
    vec_release(&buckets->pcs);
}
