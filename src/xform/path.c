#include "xform/path.h"

#include <string.h>

struct str path_base(struct str path)
{
    if (!path.len)
        return STR(".");
    while (path.len && path.p[path.len - 1] == '/')
        path.len--;
    if (!path.len)
        return STR("/");
    const char *slash = memrchr(path.p, '/', path.len);
    if (!slash)
        return path;
    return (struct str){slash + 1, path.len - (size_t)(slash + 1 - path.p)};
}

/* No empty, "." or ".." element and no slash at the end: clean as it is. */
static bool is_clean(struct str path)
{
    if (!path.len)
        return false;
    size_t begin = path.p[0] == '/';
    if (begin == path.len)
        return true;
    for (size_t i = begin; i <= path.len; i++) {
        if (i < path.len && path.p[i] != '/')
            continue;
        size_t n = i - begin;
        if (!n || (n == 1 && path.p[begin] == '.') ||
            (n == 2 && path.p[begin] == '.' && path.p[begin + 1] == '.'))
            return false;
        begin = i + 1;
    }
    return true;
}

struct str path_clean(struct str path, struct buf *scratch)
{
    if (is_clean(path))
        return path;
    buf_clear(scratch);
    bool rooted = path.len && path.p[0] == '/';
    if (rooted)
        buf_putc(scratch, '/');
    size_t fixed = scratch->len; /* ".." cannot go back beyond this */
    for (size_t i = 0; i < path.len;) {
        size_t n = 0;
        while (i + n < path.len && path.p[i + n] != '/')
            n++;
        const char *element = path.p + i;
        i += n + 1;
        if (!n || (n == 1 && element[0] == '.'))
            continue;
        bool up = n == 2 && element[0] == '.' && element[1] == '.';
        if (up && scratch->len > fixed) {
            while (scratch->len > fixed && scratch->data[scratch->len - 1] != '/')
                scratch->len--;
            if (scratch->len > fixed)
                scratch->len--;
            continue;
        }
        if (up && rooted)
            continue;
        if (scratch->len > (size_t)rooted)
            buf_putc(scratch, '/');
        buf_add(scratch, element, n);
        if (up)
            fixed = scratch->len;
    }
    if (!scratch->len)
        buf_putc(scratch, '.');
    return (struct str){scratch->data, scratch->len};
}

/* Take the first element off a list separated by ':'.  False when none is left. */
static bool next_in_list(const char **list, struct str *element)
{
    if (!*list || !**list)
        return false;
    const char *colon = strchrnul(*list, ':');
    *element = (struct str){*list, (size_t)(colon - *list)};
    *list = *colon ? colon + 1 : NULL;
    return true;
}

static bool cut_prefix(struct str *path, struct str prefix)
{
    bool has_slash = prefix.len && prefix.p[prefix.len - 1] == '/';
    if (!str_has_prefix(*path, prefix))
        return false;
    size_t n = prefix.len;
    if (!has_slash) {
        if (path->len == n || path->p[n] != '/')
            return false;
        n++;
    }
    *path = (struct str){path->p + n, path->len - n};
    return true;
}

struct str path_trim(struct str path, const char *trim_path, const char *source_path)
{
    struct str element;
    if (!trim_path || !*trim_path) {
        /* A folder of the same name as one that is searched is taken to be it. */
        while (next_in_list(&source_path, &element)) {
            struct str want = path_base(element);
            for (size_t i = 0; i + want.len + 2 <= path.len; i++) {
                if (path.p[i] == '/' && path.p[i + 1 + want.len] == '/' &&
                    !memcmp(path.p + i + 1, want.p, want.len)) {
                    size_t cut = i + want.len + 2;
                    return (struct str){path.p + cut, path.len - cut};
                }
            }
        }
    }
    while (next_in_list(&trim_path, &element))
        if (cut_prefix(&path, element))
            return path;
    if (!cut_prefix(&path, STR("/proc/self/cwd/./")))
        cut_prefix(&path, STR("/proc/self/cwd/"));
    return path;
}
