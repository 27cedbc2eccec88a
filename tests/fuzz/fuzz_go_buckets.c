/* The memory of a Go program from 0x10000 on: the heads of its lists of buckets, the cycle of
 * its heap profile, buckets.  The first byte chooses the layout. */
#include "go/go_buckets.h"
#include "os/mem_ops.h"

#include <stdlib.h>
#include <string.h>

#define BASE 0x10000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct image {
    const uint8_t *bytes;
    size_t n;
};

static size_t read_image(const struct mem *mem, uint64_t address, void *into, size_t n)
{
    const struct image *image = mem->data;
    if (address < BASE || address - BASE >= image->n)
        return 0;
    size_t left = image->n - (size_t)(address - BASE);
    n = n < left ? n : left;
    memcpy(into, image->bytes + (address - BASE), n);
    return n;
}

static void release_image(struct mem *mem)
{
    (void)mem;
}

static const struct mem_ops image_ops = {read_image, release_image};

static void set_layout(struct go_layout *layout, bool has_bytes)
{
    uint16_t *at = layout->at;
    memset(at, 0xff, sizeof layout->at);
    at[GO_BUCKET_SIZE] = 48;
    at[GO_BUCKET_ALLNEXT] = 8;
    at[GO_BUCKET_TYP] = 16;
    at[GO_BUCKET_BYTES] = 32;
    at[GO_BUCKET_NSTK] = 40;
    at[GO_MEMCYCLE_SIZE] = has_bytes ? 32 : 16;
    at[GO_MEMRECORD_SIZE] = (uint16_t)(4 * at[GO_MEMCYCLE_SIZE]);
    at[GO_MEMRECORD_ACTIVE] = 0;
    at[GO_MEMRECORD_FUTURE] = at[GO_MEMCYCLE_SIZE];
    at[GO_MEMCYCLE_ALLOCS] = 0;
    at[GO_MEMCYCLE_FREES] = 8;
    at[GO_MEMCYCLE_ALLOC_BYTES] = has_bytes ? 16 : GO_NO_FIELD;
    at[GO_MEMCYCLE_FREE_BYTES] = has_bytes ? 24 : GO_NO_FIELD;
    at[GO_BLOCKRECORD_COUNT] = 0;
    at[GO_BLOCKRECORD_CYCLES] = 8;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum go_global heads[] = {GO_VAR_MBUCKETS, GO_VAR_BBUCKETS, GO_VAR_XBUCKETS};
    if (size < 1)
        return 0;
    struct image image = {data + 1, size - 1};
    struct mem_map map = {
        .start = BASE, .limit = BASE + image.n, .can_read = true, .can_write = true, .path = ""};
    struct mem mem = {.ops = &image_ops,
                      .maps = &map,
                      .n_maps = 1,
                      .name = "image",
                      .executable = "",
                      .fd = -1,
                      .data = &image};
    struct go_program program = {.mem = &mem, .version = "go1.24", .minor = 24};
    set_layout(&program.layout, data[0] & 1);
    for (int i = 0; i < 3; i++)
        program.globals[heads[i]] = BASE + 8 * (uint64_t)i;
    program.globals[GO_VAR_MPROF_CYCLE] = BASE + 24;
    for (int i = 0; i < 3; i++) {
        struct go_buckets buckets;
        struct err err = {0};
        if (!go_buckets_read(&program, heads[i], &buckets, &err))
            continue;
        uint64_t sum = 0;
        for (size_t k = 0; k < buckets.items.n; k++)
            for (uint32_t n = 0; n < buckets.items.items[k].n_pcs; n++)
                sum += buckets.pcs.items[buckets.items.items[k].first_pc + n];
        if (sum == 1 && buckets.items.n == 0)
            abort();
        go_buckets_release(&buckets);
    }
    return 0;
}
