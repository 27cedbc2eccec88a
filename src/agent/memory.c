#include "agent/memory.h"

#include "agent/raw.h"

#define CHUNK_BYTES (256u << 10)

struct chunk {
    size_t size, used;
};

static struct chunk *current;

void *memory_alloc(size_t n_bytes)
{
    n_bytes = (n_bytes + 15) & ~(size_t)15;
    if (n_bytes > CHUNK_BYTES / 4)
        return raw_alloc(n_bytes);
    for (;;) {
        struct chunk *c = __atomic_load_n(&current, __ATOMIC_ACQUIRE);
        if (c) {
            size_t at = __atomic_fetch_add(&c->used, n_bytes, __ATOMIC_RELAXED);
            if (at + n_bytes <= c->size)
                return (char *)c + at;
        }
        struct chunk *more = raw_alloc(CHUNK_BYTES);
        if (!more)
            return NULL;
        *more = (struct chunk){CHUNK_BYTES, sizeof *more};
        if (!__atomic_compare_exchange_n(&current, &c, more, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_RELAXED))
            raw_unmap(more, CHUNK_BYTES);
    }
}

static void *alloc(void *arg, size_t n_bytes)
{
    return memory_alloc(n_bytes);
}

struct ehtab_alloc memory_for_ehtab(void)
{
    return (struct ehtab_alloc){alloc, NULL};
}
