#include "sym/image.h"

#include "sym/eh_index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_BYTES 4096u

void images_init(struct images *images)
{
    *images = (struct images){0};
    arena_init(&images->arena);
}

void images_release(struct images *images)
{
    for (size_t i = 0; i < images->items.n; i++)
        elf_free(images->items.items[i]->elf);
    vec_release(&images->items);
    arena_release(&images->arena);
}

static void *alloc_page(void *arg, size_t n_bytes)
{
    return arena_calloc(arg, 1, n_bytes);
}

static struct ehtab_alloc page_alloc(struct images *images)
{
    return (struct ehtab_alloc){alloc_page, &images->arena};
}

/* The vdso has no file: a copy of ours, which is the same for all 64-bit
 * processes, becomes one for the moment of opening. */
static struct elf *open_vdso(void)
{
    const uint8_t *vdso = (const uint8_t *)(uintptr_t)getauxval(AT_SYSINFO_EHDR);
    const Elf64_Ehdr *header = (const void *)vdso;
    int fd = vdso ? memfd_create("vdso", MFD_CLOEXEC) : -1;
    if (fd < 0)
        return NULL;
    size_t n_bytes = header->e_shoff + (size_t)header->e_shnum * header->e_shentsize;
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct elf *elf = write(fd, vdso, n_bytes) == (ssize_t)n_bytes ? elf_open(path, NULL) : NULL;
    close(fd);
    return elf;
}

static const GElf_Phdr *find_segment(const struct elf *elf, uint32_t type, uint64_t address)
{
    const GElf_Phdr *segments;
    size_t n = elf_segments(elf, &segments);
    for (size_t i = 0; i < n; i++)
        if (segments[i].p_type == type &&
            (type != PT_LOAD || address - segments[i].p_vaddr < segments[i].p_filesz))
            return &segments[i];
    return NULL;
}

static void make_table(struct images *images, struct image *image)
{
    const GElf_Phdr *segments;
    size_t n = elf_segments(image->elf, &segments);
    uint64_t limit = 0;
    image->base = UINT64_MAX;
    for (size_t i = 0; i < n; i++) {
        if (segments[i].p_type != PT_LOAD)
            continue;
        uint64_t start = segments[i].p_vaddr & ~(uint64_t)(PAGE_BYTES - 1), end;
        if (__builtin_add_overflow(segments[i].p_vaddr, segments[i].p_memsz, &end))
            return;
        image->base = start < image->base ? start : image->base;
        limit = end > limit ? end : limit;
    }
    if (limit <= image->base)
        return;
    const GElf_Phdr *found = find_segment(image->elf, PT_GNU_EH_FRAME, 0);
    const GElf_Phdr *load = found ? find_segment(image->elf, PT_LOAD, found->p_vaddr) : NULL;
    struct ehtab_image bytes;
    uint64_t hdr;
    if (load) {
        struct str data = elf_loaded_data(image->elf, load->p_vaddr);
        bytes =
            (struct ehtab_image){(const uint8_t *)data.p, load->p_vaddr - image->base, data.len};
        hdr = found->p_vaddr - image->base;
    } else if (!eh_index_make(image->elf, image->base, &images->arena, &bytes, &hdr)) {
        return;
    }
    if (bytes.n_bytes &&
        ehtab_init(&image->table, &bytes, hdr, limit - image->base, page_alloc(images)))
        image->bytes = bytes;
}

static struct image *load(struct images *images, struct str path, struct str build_id,
                          const char *open_path)
{
    struct stat st;
    struct image *image = ARENA_NEW(&images->arena, struct image);
    if (!image || !(image->path.p = arena_strndup(&images->arena, path.p, path.len)))
        return NULL;
    image->path.len = path.len;
    if (str_eq(path, STR("[vdso]")))
        image->elf = open_vdso();
    else if (path.len && path.p[0] == '/' && !str_has_prefix(path, STR("//")))
        image->elf = elf_open(open_path ? open_path : image->path.p, NULL);
    if (image->elf && fstat(elf_fd(image->elf), &st) == 0) {
        image->device = st.st_dev;
        image->inode = st.st_ino;
    }
    if (image->elf && build_id.len && !str_eq(str_of(elf_build_id(image->elf)), build_id)) {
        elf_free(image->elf);
        image->elf = NULL;
    }
    if (image->elf && !build_id.len)
        build_id = str_of(elf_build_id(image->elf));
    if (!(image->build_id.p = arena_strndup(&images->arena, build_id.p, build_id.len)) ||
        !vec_push(&images->items, image)) {
        elf_free(image->elf);
        return NULL;
    }
    image->build_id.len = build_id.len;
    if (image->elf) {
        image->is_go = elf_is_go(image->elf);
        make_table(images, image);
    }
    return image;
}

struct image *images_get(struct images *images, struct str path, struct str build_id)
{
    return images_get_at(images, path, build_id, NULL);
}

struct image *images_get_at(struct images *images, struct str path, struct str build_id,
                            const char *open_path)
{
    struct stat st;
    bool by_file = !build_id.len && open_path && stat(open_path, &st) == 0;
    for (size_t i = 0; i < images->items.n; i++) {
        struct image *image = images->items.items[i];
        if (str_eq(image->path, path) && (!build_id.len || str_eq(image->build_id, build_id)) &&
            (!by_file || (image->device == st.st_dev && image->inode == st.st_ino)))
            return image;
    }
    return load(images, path, build_id, open_path);
}

const char *image_open_path(const struct image *image, char text[64])
{
    struct stat st;
    if (!image->elf || image->path.p[0] == '[')
        return NULL;
    if (stat(image->path.p, &st) == 0 && image->device == st.st_dev && image->inode == st.st_ino)
        return image->path.p;
    snprintf(text, 64, "/proc/self/fd/%d", elf_fd(image->elf));
    return text;
}

bool image_code_shift(const struct image *image, uint64_t offset, uint64_t *shift)
{
    const GElf_Phdr *segments;
    size_t n = image->elf ? elf_segments(image->elf, &segments) : 0;
    for (size_t i = 0; i < n; i++) {
        const GElf_Phdr *p = &segments[i];
        uint64_t start = p->p_offset & ~(uint64_t)(PAGE_BYTES - 1);
        if (p->p_type == PT_LOAD && (p->p_flags & PF_X) && offset >= start &&
            offset - start < p->p_filesz + (p->p_offset - start)) {
            *shift = p->p_vaddr - p->p_offset;
            return true;
        }
    }
    return false;
}

struct ehtab_row image_row(struct images *images, struct image *image, uint64_t address)
{
    if (!image->bytes.bytes || address < image->base)
        return (struct ehtab_row){.kind = EHTAB_NONE};
    return ehtab_find(&image->table, &image->bytes, address - image->base, page_alloc(images),
                      &images->scratch);
}

const char *images_locate(const struct images *images, const char *file, const char *build_id,
                          char text[64])
{
    for (size_t i = 0; i < images->items.n; i++) {
        const struct image *image = images->items.items[i];
        if (image->elf && str_eq(image->path, str_of(file)) &&
            str_eq(image->build_id, str_of(build_id)))
            return image_open_path(image, text);
    }
    return NULL;
}

bool image_function(const struct image *image, uint64_t address, uint64_t *start)
{
    if (!image->bytes.bytes || address < image->base ||
        !ehtab_function(&image->table, &image->bytes, address - image->base, start))
        return false;
    *start += image->base;
    return true;
}
