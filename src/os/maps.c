#include "os/maps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* "START-LIMIT rwxp OFFSET DEV INODE   PATH" */
static bool parse_map(struct arena *arena, char *line, struct mem_map *map)
{
    unsigned long long start, limit, offset, inode;
    char mode[5];
    int n = 0;
    if (sscanf(line, "%llx-%llx %4s %llx %*s %llu %n", &start, &limit, mode, &offset, &inode, &n) <
            5 ||
        !n || limit < start)
        return false;
    static const char deleted[] = " (deleted)";
    size_t len = strlen(line + n), n_deleted = sizeof deleted - 1;
    if (len > n_deleted && strcmp(line + n + len - n_deleted, deleted) == 0)
        len -= n_deleted;
    *map = (struct mem_map){.start = start,
                            .limit = limit,
                            .offset = offset,
                            .can_read = mode[0] == 'r',
                            .can_write = mode[1] == 'w',
                            .can_exec = mode[2] == 'x',
                            .inode = inode,
                            .path = len ? arena_strndup(arena, line + n, len) : ""};
    return map->path != NULL;
}

bool maps_read(const struct proc *proc, struct arena *arena, const struct mem_map **maps, size_t *n,
               struct err *err)
{
    AUTO_BUF text = {0};
    if (!proc_text(proc, "maps", &text, err))
        return false;
    size_t n_lines = 0, n_maps = 0;
    for (const char *p = text.len ? text.data : NULL; p && (p = strchr(p, '\n')); p++)
        n_lines++;
    struct mem_map *all = ARENA_ARRAY(arena, struct mem_map, n_lines + 1);
    if (!all)
        return err_nomem(err);
    char *rest = NULL;
    for (char *line = text.len ? strtok_r(text.data, "\n", &rest) : NULL; line && n_maps < n_lines;
         line = strtok_r(NULL, "\n", &rest))
        n_maps += parse_map(arena, line, &all[n_maps]);
    *maps = all;
    *n = n_maps;
    return true;
}

static bool is_file(const char *path, struct stat *st)
{
    return stat(path, st) == 0 && S_ISREG(st->st_mode);
}

bool maps_named_path(pid_t pid, const char *name, char *path, size_t size)
{
    struct stat theirs, ours;
    int n = snprintf(path, size, "/proc/%d/root%s", (int)pid, name);
    if (n <= 0 || (size_t)n >= size || !is_file(path, &theirs))
        return false;
    if (is_file(name, &ours) && ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino)
        strcpy(path, name);
    return true;
}

bool maps_path(pid_t pid, const struct mem_map *map, char *path, size_t size)
{
    struct stat st;
    if (map->path[0] != '/')
        return false;
    /* The link in map_files opens deleted files too, but asks for more permissions. */
    if (maps_named_path(pid, map->path, path, size) && is_file(path, &st) &&
        st.st_ino == map->inode)
        return true;
    int n = snprintf(path, size, "/proc/%d/map_files/%llx-%llx", (int)pid,
                     (unsigned long long)map->start, (unsigned long long)map->limit);
    return n > 0 && (size_t)n < size && is_file(path, &st);
}
