#include "analysis/analysis_exec.h"

void analysis_parts_add(struct analysis_parts *pool, uint32_t *chain, uint32_t key, int64_t ns)
{
    unsigned n = 0;
    for (uint32_t at = *chain; at; at = pool->parts.items[at].next)
        if (pool->parts.items[at].key == key || ++n == ANALYSIS_PARTS_MAX) {
            pool->parts.items[at].ns += ns;
            return;
        }
    uint32_t at = pool->free;
    if (at) {
        pool->free = pool->parts.items[at].next;
    } else {
        if ((!pool->parts.n && !vec_push(&pool->parts, (struct analysis_part){0})) ||
            pool->parts.n > UINT32_MAX || !vec_push(&pool->parts, (struct analysis_part){0})) {
            pool->failed = true;
            return;
        }
        at = (uint32_t)(pool->parts.n - 1);
    }
    pool->parts.items[at] = (struct analysis_part){key, *chain, ns};
    *chain = at;
}

int64_t analysis_parts_get(const struct analysis_parts *pool, uint32_t chain, uint32_t key)
{
    for (; chain; chain = pool->parts.items[chain].next)
        if (pool->parts.items[chain].key == key)
            return pool->parts.items[chain].ns;
    return 0;
}

int64_t analysis_parts_sum(const struct analysis_parts *pool, uint32_t chain)
{
    int64_t sum = 0;
    for (; chain; chain = pool->parts.items[chain].next)
        sum += pool->parts.items[chain].ns;
    return sum;
}

void analysis_parts_drop(struct analysis_parts *pool, uint32_t *chain)
{
    while (*chain) {
        struct analysis_part *part = &pool->parts.items[*chain];
        uint32_t next = part->next;
        part->next = pool->free;
        pool->free = *chain;
        *chain = next;
    }
}

void analysis_parts_release(struct analysis_parts *pool)
{
    vec_release(&pool->parts);
    *pool = (struct analysis_parts){0};
}

static void add_chain(struct analysis_parts *pool, uint32_t *to, uint32_t from, int sign)
{
    for (; from; from = pool->parts.items[from].next)
        analysis_parts_add(pool, to, pool->parts.items[from].key,
                           pool->parts.items[from].ns * sign);
}

void analysis_exec_add(struct analysis_parts *pool, struct analysis_exec *to,
                       const struct analysis_exec *from, int sign)
{
    to->total_ns += from->total_ns * sign;
    to->exec_ns += from->exec_ns * sign;
    to->sched_ns += from->sched_ns * sign;
    to->syscall_ns += from->syscall_ns * sign;
    to->syscall_block_ns += from->syscall_block_ns * sign;
    add_chain(pool, &to->blocked, from->blocked, sign);
    add_chain(pool, &to->ranges, from->ranges, sign);
}

int64_t analysis_exec_blocked(const struct analysis_parts *pool, const struct analysis_exec *exec)
{
    return analysis_parts_sum(pool, exec->blocked);
}

int64_t analysis_exec_unknown(const struct analysis_parts *pool, const struct analysis_exec *exec)
{
    int64_t known = exec->exec_ns + exec->sched_ns + exec->syscall_ns + exec->syscall_block_ns +
                    analysis_exec_blocked(pool, exec);
    return known < exec->total_ns ? exec->total_ns - known : 0;
}

void analysis_exec_drop(struct analysis_parts *pool, struct analysis_exec *exec)
{
    analysis_parts_drop(pool, &exec->blocked);
    analysis_parts_drop(pool, &exec->ranges);
    *exec = (struct analysis_exec){0};
}
