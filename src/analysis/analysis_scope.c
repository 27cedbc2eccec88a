#include "analysis/analysis_scope.h"

bool analysis_scope_add(struct analysis_scope *scope, int64_t g, int64_t start_ns, int64_t end_ns)
{
    return vec_push(&scope->spans, (struct analysis_span){g, start_ns, end_ns});
}

void analysis_scope_release(struct analysis_scope *scope)
{
    vec_release(&scope->spans);
}

static int compare(const void *a, const void *b)
{
    const struct analysis_span *x = a, *y = b;
    if (x->g != y->g)
        return x->g < y->g ? -1 : 1;
    if (x->start_ns != y->start_ns)
        return x->start_ns < y->start_ns ? -1 : 1;
    return (x->end_ns > y->end_ns) - (x->end_ns < y->end_ns);
}

void analysis_scope_seal(struct analysis_scope *scope)
{
    struct analysis_span *s = scope->spans.items;
    size_t n = 0;
    if (!scope->spans.n)
        return;
    qsort(s, scope->spans.n, sizeof *s, compare);
    for (size_t i = 0; i < scope->spans.n; i++)
        if (!n || s[n - 1].g != s[i].g || s[n - 1].end_ns <= s[i].start_ns)
            s[n++] = s[i];
    scope->spans.n = n;
}

/* The first span of the goroutine that ends after `time_ns`, or the place where it would be. */
static size_t find(const struct analysis_scope *scope, int64_t g, int64_t time_ns)
{
    size_t low = 0, high = scope->spans.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct analysis_span *s = &scope->spans.items[middle];
        if (s->g < g || (s->g == g && s->end_ns <= time_ns))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool analysis_scope_has(const struct analysis_scope *scope, int64_t g)
{
    size_t at = find(scope, g, INT64_MIN);
    return at < scope->spans.n && scope->spans.items[at].g == g;
}

int64_t analysis_scope_clip(const struct analysis_scope *scope, int64_t g, int64_t start_ns,
                            int64_t end_ns)
{
    int64_t sum = 0;
    for (size_t i = find(scope, g, start_ns); i < scope->spans.n; i++) {
        const struct analysis_span *s = &scope->spans.items[i];
        if (s->g != g || s->start_ns >= end_ns)
            break;
        int64_t from = s->start_ns > start_ns ? s->start_ns : start_ns;
        int64_t to = s->end_ns < end_ns ? s->end_ns : end_ns;
        if (to > from)
            sum += to - from;
    }
    return sum;
}
