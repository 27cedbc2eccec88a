#include "collect/layout.h"

#include "sym/elf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES 4096u

static void read_segments(struct layout *layout, const struct elf *elf)
{
    const GElf_Phdr *segments;
    size_t n = elf_segments(elf, &segments);
    for (size_t i = 0; i < n; i++) {
        const GElf_Phdr *p = &segments[i];
        uint64_t in_page = p->p_vaddr % PAGE_BYTES, end;
        if (p->p_type != PT_LOAD || !(p->p_flags & PF_X) || in_page > p->p_offset ||
            __builtin_add_overflow(p->p_vaddr, p->p_memsz, &end) || end > UINT64_MAX - PAGE_BYTES ||
            layout->n_segments == LAYOUT_SEGMENTS_MAX)
            continue;
        layout->segments[layout->n_segments++] = (struct layout_segment){
            .vaddr = p->p_vaddr - in_page,
            .limit_vaddr = (end + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES,
            .offset = p->p_offset - in_page,
        };
    }
}

static struct layout *load(const char *path)
{
    struct layout *layout = calloc(1, sizeof *layout);
    if (!layout || !(layout->path = strdup(path))) {
        free(layout);
        return NULL;
    }
    struct elf *elf = path[0] == '/' ? elf_open(path, NULL) : NULL;
    if (elf) {
        snprintf(layout->build_id, sizeof layout->build_id, "%s", elf_build_id(elf));
        read_segments(layout, elf);
        elf_free(elf);
    }
    return layout;
}

static const struct layout *fitting(const struct layout *layout, const char *build_id)
{
    static const struct layout none;
    bool fits = !*build_id || strcmp(layout->build_id, build_id) == 0;
    return fits ? layout : &none;
}

const struct layout *layouts_get(struct layouts *layouts, const char *path, const char *build_id)
{
    for (size_t i = 0; i < layouts->items.n; i++)
        if (strcmp(layouts->items.items[i]->path, path) == 0)
            return fitting(layouts->items.items[i], build_id);
    struct layout *new = load(path);
    if (!new)
        return NULL;
    if (!vec_push(&layouts->items, new)) {
        free(new->path);
        free(new);
        return NULL;
    }
    return fitting(new, build_id);
}

void layouts_release(struct layouts *layouts)
{
    for (size_t i = 0; i < layouts->items.n; i++) {
        free(layouts->items.items[i]->path);
        free(layouts->items.items[i]);
    }
    vec_release(&layouts->items);
}

const struct layout_segment *layout_find(const struct layout *layout, uint64_t vaddr)
{
    for (size_t i = 0; i < layout->n_segments; i++)
        if (vaddr >= layout->segments[i].vaddr && vaddr < layout->segments[i].limit_vaddr)
            return &layout->segments[i];
    return NULL;
}
