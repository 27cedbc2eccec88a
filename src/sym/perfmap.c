#include "sym/perfmap.h"

#include "base/reader.h"
#include "base/vec.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAP_BYTES_MAX (1u << 30)
#define CLOCK_SLACK_NS 1000000000u /* file times lag behind the clock by a tick or more */
#define OVERLAP_MAX 1024           /* entries looked at for one address */

struct entry {
    uint64_t start, end, reach; /* reach: the largest end up to this entry */
    uint32_t rank;              /* line in the file */
    struct str name;
};

struct perfmap {
    struct file file;
    VEC(struct entry) entries;
};

static bool hex(struct str *line, uint64_t *value)
{
    size_t n = 0;
    *value = 0;
    if (str_has_prefix(*line, STR("0x")))
        *line = (struct str){line->p + 2, line->len - 2};
    for (; n < line->len && n < 16; n++) {
        char c = line->p[n];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                                : 16;
        if (digit == 16)
            break;
        *value = *value << 4 | digit;
    }
    if (n == 0 || n >= line->len || line->p[n] != ' ')
        return false;
    *line = (struct str){line->p + n + 1, line->len - n - 1};
    return true;
}

static bool read_line(struct perfmap *map, struct str line)
{
    uint64_t start, size, end;
    if (!hex(&line, &start) || !hex(&line, &size) || line.len == 0 || size == 0 ||
        __builtin_add_overflow(start, size, &end))
        return true;
    return vec_push(&map->entries, (struct entry){start, end, end, (uint32_t)map->entries.n, line});
}

static int by_start(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

struct perfmap *perfmap_open(const char *path, struct err *err)
{
    struct perfmap *map = calloc(1, sizeof *map);
    if (!map) {
        err_nomem(err);
        return NULL;
    }
    /* read, not mapped: the process may still be writing it */
    if (!file_read(&map->file, path, err)) {
        perfmap_free(map);
        return NULL;
    }
    const char *p = (const char *)map->file.data, *end = p + map->file.len;
    while (p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        const char *stop = nl ? nl : end;
        if (!read_line(map, (struct str){p, (size_t)(stop - p)})) {
            err_nomem(err);
            perfmap_free(map);
            return NULL;
        }
        p = nl ? nl + 1 : end;
    }
    if (map->entries.n)
        qsort(map->entries.items, map->entries.n, sizeof *map->entries.items, by_start);
    for (size_t i = 1; i < map->entries.n; i++) {
        struct entry *e = &map->entries.items[i];
        if (e[-1].reach > e->reach)
            e->reach = e[-1].reach;
    }
    return map;
}

struct perfmap *perfmap_of_process(pid_t pid, uint64_t since_unix_ns, struct diag *diag)
{
    char path[48];
    struct stat st;
    snprintf(path, sizeof path, "/tmp/perf-%d.map", (int)pid);
    if (lstat(path, &st) != 0)
        return NULL;
    uint64_t written = (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
    bool trusted = geteuid() == 0 || st.st_uid == geteuid() || st.st_uid == 0;
    if (!S_ISREG(st.st_mode) || !trusted || written + CLOCK_SLACK_NS < since_unix_ns ||
        st.st_size > MAP_BYTES_MAX) {
        diag_add(diag, "'%s' is not used: it is not the recorded process's", path);
        return NULL;
    }
    struct err err;
    struct perfmap *map = perfmap_open(path, &err);
    if (!map)
        diag_add(diag, "JIT code is not named: %s", err.msg);
    return map;
}

bool perfmap_is_path(const char *path, pid_t *pid)
{
    int n = 0;
    return sscanf(path, "/tmp/perf-%9d.map%n", pid, &n) == 1 && n && !path[n];
}

void perfmap_free(struct perfmap *map)
{
    if (!map)
        return;
    file_release(&map->file);
    vec_release(&map->entries);
    free(map);
}

struct str perfmap_find(const struct perfmap *map, uint64_t address)
{
    const struct entry *best = NULL;
    size_t low = 0;
    for (size_t high = map->entries.n; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (map->entries.items[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (unsigned n = 0; low > 0 && n < OVERLAP_MAX; low--, n++) {
        if (map->entries.items[low - 1].reach <= address)
            break;
        const struct entry *e = &map->entries.items[low - 1];
        if (e->end > address && (!best || e->rank > best->rank))
            best = e;
    }
    return best ? best->name : (struct str){"", 0};
}
