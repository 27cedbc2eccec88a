#include "ui/trace_query.h"

#include "base/vec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define IDS_MAX 10000
#define TIME_MAX (INT64_MAX / 4) /* so that sums of some are numbers too */

const char *trace_query_text(const struct trace_query *query, const char *key)
{
    return web_query_get(&query->pairs, key);
}

static bool complain(const char *key, const char *value, const char *what, struct err *err)
{
    return err_set(err, ERR_USAGE, "'%.40s' is no value for the parameter %s, which is %s", value,
                   key, what);
}

/* All of the text, up to `end`, is a number; NULL: up to its end. */
static bool read_int(const char *text, const char *end, int64_t *value)
{
    char *stop;
    errno = 0;
    long long v = strtoll(text, &stop, 10);
    *value = v;
    return (*text == '-' || (*text >= '0' && *text <= '9')) && stop != text &&
           (end ? stop == end : !*stop) && !errno;
}

bool trace_query_int(const struct trace_query *query, const char *key, int64_t least, int64_t most,
                     int64_t *value, struct err *err)
{
    int64_t v;
    const char *text = trace_query_text(query, key);
    if (!text)
        return true;
    if (!read_int(text, NULL, &v) || v < least || v > most)
        return complain(key, text, "a whole number", err);
    *value = v;
    return true;
}

/* One "12.5ms" of a duration; moves *text behind it. */
static bool read_part(const char **text, double *ns)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"ns", 1},   {"us", 1e3}, {"\xc2\xb5s", 1e3}, {"\xce\xbcs", 1e3},
                 {"ms", 1e6}, {"s", 1e9},  {"m", 60e9},        {"h", 3600e9}};
    size_t n = strspn(*text, "0123456789.");
    char number[32], *end;
    if (!n || n >= sizeof number)
        return false;
    memcpy(number, *text, n);
    number[n] = '\0';
    double v = strtod(number, &end);
    if (*end)
        return false;
    *text += n;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t k = strlen(units[i].unit);
        if (!strncmp(*text, units[i].unit, k) && strcspn(*text, "0123456789.") == k) {
            *text += k;
            *ns += v * units[i].ns;
            return true;
        }
    }
    return false;
}

bool trace_query_duration(const struct trace_query *query, const char *key, int64_t *ns,
                          struct err *err)
{
    static const char what[] = "a length of time like 1.5ms";
    const char *text = trace_query_text(query, key), *p = text;
    double sum = 0;
    if (!text)
        return true;
    if (read_int(text, NULL, ns))
        return (*ns >= 0 && *ns <= TIME_MAX) || complain(key, text, what, err);
    do
        if (!read_part(&p, &sum) || sum > (double)TIME_MAX)
            return complain(key, text, what, err);
    while (*p);
    *ns = (int64_t)(sum + 0.5);
    return true;
}

bool trace_query_pc(const struct trace_query *query, const char *key, uint64_t *pc, struct err *err)
{
    char *end;
    const char *text = trace_query_text(query, key);
    if (!text)
        return true;
    errno = 0;
    *pc = strtoull(text, &end, 16);
    return (strchr("+- \t", *text) == NULL && !*end && !errno) ||
           complain(key, text, "a hexadecimal number", err);
}

static int by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* "1,2,3" */
static bool read_ids(struct trace_query *query, struct arena *arena, struct err *err)
{
    const char *text = trace_query_text(query, "goid");
    size_t n = 1, kept = 0;
    if (!text)
        return true;
    for (const char *p = text; *p; p++)
        n += *p == ',';
    int64_t *ids = n <= IDS_MAX ? ARENA_ARRAY(arena, int64_t, n) : NULL;
    if (!ids)
        return n <= IDS_MAX ? err_nomem(err)
                            : err_set(err, ERR_USAGE, "more than %d goroutines in goid", IDS_MAX);
    n = 0;
    for (const char *p = text;; p++) {
        const char *end = p + strcspn(p, ",");
        if (!read_int(p, end, &ids[n]) || ids[n] < 0)
            return complain("goid", text, "a list like 1,2,3", err);
        n++;
        p = end;
        if (!*p)
            break;
    }
    qsort(ids, n, sizeof *ids, by_id);
    for (size_t i = 0; i < n; i++)
        if (!kept || ids[i] != ids[kept - 1])
            ids[kept++] = ids[i];
    query->goids = ids;
    query->n_goids = kept;
    return true;
}

bool trace_query_parse(struct trace_query *query, const char *text, struct arena *arena,
                       struct err *err)
{
    *query = (struct trace_query){.end_ns = INT64_MAX};
    int64_t task = 0, n = TRACE_QUERY_ROWS, offset = 0;
    if (!web_query_parse(&query->pairs, text, arena, err) || !read_ids(query, arena, err) ||
        !trace_query_int(query, "start", -TIME_MAX, TIME_MAX, &query->start_ns, err) ||
        !trace_query_int(query, "end", -TIME_MAX, TIME_MAX, &query->end_ns, err) ||
        !trace_query_int(query, "task", 0, INT64_MAX, &task, err) ||
        !trace_query_int(query, "n", 0, UINT32_MAX, &n, err) ||
        !trace_query_int(query, "offset", 0, UINT32_MAX, &offset, err))
        return false;
    query->has_range = trace_query_text(query, "start") || trace_query_text(query, "end");
    if (query->end_ns < query->start_ns)
        return err_set(err, ERR_USAGE, "the parameter end is before start");
    query->name = trace_query_text(query, "name");
    query->task = (uint64_t)task;
    query->n_rows = n < TRACE_QUERY_ROWS_MAX ? (uint32_t)n : TRACE_QUERY_ROWS_MAX;
    query->offset = (uint32_t)offset;
    query->sort = trace_query_text(query, "sort");
    const char *direction = trace_query_text(query, "dir");
    query->has_direction = direction != NULL;
    query->is_ascending = direction && !strcmp(direction, "asc");
    if (direction && !query->is_ascending && strcmp(direction, "desc") != 0)
        return complain("dir", direction, "asc or desc", err);
    return true;
}
