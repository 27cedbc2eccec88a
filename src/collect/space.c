#include "collect/space.h"

#include "os/maps.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define VDSO "[vdso]"

void space_release(struct space *space)
{
    vec_release(&space->areas);
    *space = (struct space){0};
}

void space_clear(struct space *space)
{
    vec_clear(&space->areas);
    space->exe = STR("");
    space->has_exe = false;
}

/* Index of the first area that ends above `address`. */
static size_t area_above(const struct space *space, uint64_t address)
{
    size_t low = 0, high = space->areas.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (space->areas.items[middle].limit <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct area *space_find(struct space *space, uint64_t address)
{
    size_t i = area_above(space, address);
    return i < space->areas.n && space->areas.items[i].start <= address ? &space->areas.items[i]
                                                                        : NULL;
}

static bool insert_area(struct space *space, const struct area *new)
{
    if (!vec_reserve(&space->areas, space->areas.n + 2))
        return false;
    size_t first = area_above(space, new->start), last = first;
    struct area *a = space->areas.items, pieces[3];
    size_t n_pieces = 0;
    if (first < space->areas.n && a[first].start < new->start) {
        pieces[n_pieces] = a[first];
        pieces[n_pieces++].limit = new->start;
    }
    pieces[n_pieces++] = *new;
    while (last < space->areas.n && a[last].start < new->limit)
        last++;
    if (last > first && a[last - 1].limit > new->limit) {
        struct area rest = a[last - 1];
        rest.offset += new->limit - rest.start;
        rest.start = new->limit;
        rest.mapping = PROFILE_NONE;
        pieces[n_pieces++] = rest;
    }
    memmove(a + first + n_pieces, a + last, (space->areas.n - last) * sizeof *a);
    memcpy(a + first, pieces, n_pieces * sizeof *a);
    space->areas.n += n_pieces - (last - first);
    return true;
}

bool space_is_file(struct str name)
{
    return name.len > 1 && name.p[0] == '/' && name.p[1] != '/' &&
           !str_has_prefix(name, STR("/memfd:"));
}

bool space_add(struct space *space, struct images *images, const struct space_map *map)
{
    bool vdso = str_eq(map->name, STR(VDSO));
    struct area area = {.start = map->start,
                        .limit = map->limit,
                        .offset = vdso ? 0 : map->offset,
                        .mapping = PROFILE_NONE};
    if (vdso || space_is_file(map->name)) {
        area.image = vdso ? images_get(images, map->name, STR(""))
                          : images_get_at(images, map->name, map->build_id, map->open_path);
        if (!area.image)
            return false;
        uint64_t shift;
        area.has_code = image_code_shift(area.image, area.offset, &shift);
        if (area.has_code)
            area.bias = area.start - (area.offset + shift);
        if (!space->has_exe)
            space->exe = area.image->path;
        space->has_exe = true;
    }
    return insert_area(space, &area);
}

static bool core_path(const struct mem_map *map, char *path, size_t size)
{
    struct stat st;
    int n = snprintf(path, size, "%s", map->path);
    return n > 0 && (size_t)n < size && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool space_set(struct space *space, struct images *images, pid_t pid, const struct mem_map *maps,
               size_t n)
{
    space_clear(space);
    for (size_t i = 0; i < n; i++) {
        char path[PATH_MAX];
        struct space_map map = {.start = maps[i].start,
                                .limit = maps[i].limit,
                                .offset = maps[i].offset,
                                .name = str_of(maps[i].path)};
        if (!maps[i].can_exec || map.limit <= map.start)
            continue;
        if (space_is_file(map.name) && (pid ? maps_path(pid, &maps[i], path, sizeof path)
                                            : core_path(&maps[i], path, sizeof path)))
            map.open_path = path;
        if (!space_add(space, images, &map))
            return false;
    }
    return true;
}

bool space_copy(struct space *to, const struct space *from)
{
    if (!vec_reserve(&to->areas, from->areas.n + 1))
        return false;
    if (from->areas.n)
        memcpy(to->areas.items, from->areas.items, from->areas.n * sizeof(struct area));
    to->areas.n = from->areas.n;
    to->exe = from->exe;
    to->has_exe = from->has_exe;
    return true;
}

struct ehtab_row space_row(struct space *space, struct images *images, uint64_t address)
{
    struct area *area = space_find(space, address);
    if (!area || !area->has_code)
        return (struct ehtab_row){.kind = EHTAB_NONE};
    return image_row(images, area->image, address - area->bias);
}

bool space_function(struct space *space, uint64_t address, uint64_t *start)
{
    struct area *area = space_find(space, address);
    if (!area || !area->has_code || !image_function(area->image, address - area->bias, start))
        return false;
    *start += area->bias;
    return true;
}

uint32_t space_locate(struct space *space, struct gather *gather, uint32_t process,
                      uint64_t address)
{
    struct area *area = space_find(space, address);
    if (!area || !area->image)
        return gather_jit_location(gather, process, address);
    const struct image *image = area->image;
    if (area->mapping == PROFILE_NONE)
        area->mapping =
            gather_mapping(gather, &(struct gather_map){image->path, image->build_id, area->start,
                                                        area->limit, area->offset});
    if (image->path.p[0] == '[')
        return gather_named_location(gather, area->mapping, address - area->start, image->path);
    return gather_location(gather, area->mapping, address - area->start);
}
