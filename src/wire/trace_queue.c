#include "wire/trace_queue.h"

#include <string.h>

/* A thread notes what it does in order: what says that it was before so many others was not. */
#define BACK_MAX 256u
/* So many that were taken may lie before those that are to come. */
#define GONE_MAX 64u

void trace_queue_release(struct trace_queue *q, const struct gotrace_memory *memory,
                         struct trace_queued *all)
{
    all->n_items -= q->n - q->first;
    all->n_text_bytes -= q->text.n;
    if (q->items)
        memory->release(q->items, q->max * sizeof *q->items);
    gotrace_release(memory, &q->text);
    *q = (struct trace_queue){0};
}

/* What was taken goes out of the way, with its texts. */
static void close_up(struct trace_queue *q, struct trace_queued *all)
{
    size_t n = q->n - q->first, from = q->text.n;
    for (size_t i = q->first; i < q->n; i++)
        if (q->items[i].record.n_text && q->items[i].text < from)
            from = q->items[i].text;
    if (n)
        memmove(q->items, q->items + q->first, n * sizeof *q->items);
    if (from && from < q->text.n)
        memmove(q->text.p, q->text.p + from, q->text.n - from);
    for (size_t i = 0; i < n; i++)
        if (q->items[i].record.n_text)
            q->items[i].text -= (uint32_t)from;
    q->first = 0;
    q->n = n;
    q->text.n -= from;
    all->n_text_bytes -= from;
}

static bool make_room(struct trace_queue *q, const struct gotrace_memory *memory,
                      struct trace_queued *all)
{
    if (q->first == q->n || (q->first > GONE_MAX && q->first > q->n / 2))
        close_up(q, all);
    void *items = q->items;
    bool ok = gotrace_grow(memory, &items, &q->max, q->n + 1, sizeof *q->items);
    q->items = items;
    return ok;
}

bool trace_queue_append(struct trace_queue *q, const struct gotrace_memory *memory,
                        struct trace_queued *all, const struct trace_item *item)
{
    if (!make_room(q, memory, all))
        return false;
    q->items[q->n++] = *item;
    all->n_items++;
    return true;
}

static bool add_text(struct trace_queue *q, const struct gotrace_memory *memory,
                     struct trace_queued *all, const struct trace_record *parts, size_t n)
{
    if (!gotrace_room(memory, &q->text, n))
        return false;
    all->n_text_bytes += n;
    for (size_t some; n; n -= some, parts++) {
        char bytes[TRACE_RAW_TEXT_BYTES];
        some = n < TRACE_RAW_TEXT_BYTES ? n : TRACE_RAW_TEXT_BYTES;
        memcpy(bytes, &parts->time, 8);
        memcpy(bytes + 8, &parts->a, 16);
        memcpy(q->text.p + q->text.n, bytes, some);
        q->text.n += some;
    }
    return true;
}

bool trace_queue_insert(struct trace_queue *q, const struct gotrace_memory *memory,
                        struct trace_queued *all, const struct trace_item *item,
                        const struct trace_record *parts)
{
    if (!make_room(q, memory, all))
        return false;
    uint32_t text = (uint32_t)q->text.n;
    if (item->record.n_text && !add_text(q, memory, all, parts, item->record.n_text))
        return false;
    size_t at = q->n, least = q->n - q->first > BACK_MAX ? q->n - BACK_MAX : q->first;
    while (at > least && q->items[at - 1].ns > item->ns)
        at--;
    memmove(q->items + at + 1, q->items + at, (q->n - at) * sizeof *q->items);
    q->items[at] = *item;
    q->items[at].text = text;
    if (at > q->first && q->items[at - 1].ns > item->ns)
        q->items[at].ns = q->items[at - 1].ns;
    q->n++;
    all->n_items++;
    return true;
}

void trace_queue_forget(struct trace_queue *q, enum trace_raw_type begin)
{
    for (size_t i = q->n, tries = 0; i > q->first && tries < 8; i--, tries++) {
        struct trace_record *r = &q->items[i - 1].record;
        if (r->type == begin) {
            r->type = TRACE_RAW_NONE;
            return;
        }
        if (r->type != TRACE_RAW_SAMPLE && r->type != TRACE_RAW_NONE)
            return;
    }
}

struct trace_item *trace_queue_next(const struct trace_queue *q)
{
    return q->first < q->n ? &q->items[q->first] : NULL;
}

struct trace_item trace_queue_take(struct trace_queue *q, struct trace_queued *all)
{
    all->n_items--;
    return q->items[q->first++];
}

const char *trace_queue_text(const struct trace_queue *q, const struct trace_item *item)
{
    return item->record.n_text ? (const char *)q->text.p + item->text : "";
}

void trace_queue_sort(struct trace_queue *q)
{
    size_t n = q->n - q->first;
    if (n < 2)
        return;
    struct trace_item *items = q->items + q->first, x;
    for (size_t start = n / 2, end = n; end > 1;) {
        if (start > 0) {
            x = items[--start];
        } else {
            x = items[--end];
            items[end] = items[0];
        }
        size_t at = start;
        for (size_t child; (child = 2 * at + 1) < end; at = child) {
            child += child + 1 < end && items[child].ns < items[child + 1].ns;
            if (x.ns >= items[child].ns)
                break;
            items[at] = items[child];
        }
        items[at] = x;
    }
}
