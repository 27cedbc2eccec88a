/* The unwind tables of a module whose read-only segment is the input, .eh_frame_hdr
 * first: nothing outside it is read, and no look-up takes long. */
#include "unwind/ehtab.h"

#include <stdlib.h>

#define SPAN (64u << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *alloc(void *arg, size_t n)
{
    return calloc(1, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ehtab_scratch scratch;
    const struct ehtab_alloc allocator = {alloc, NULL};
    struct ehtab_image image = {data, 0x2000, size};
    struct ehtab tab;
    if (!ehtab_init(&tab, &image, 0x2000, SPAN, allocator))
        return 0;
    for (uint32_t at = 0; at < SPAN; at += 509)
        ehtab_find(&tab, &image, at, allocator, &scratch);
    for (uint32_t i = 0; i < tab.n_pages; i++)
        free(tab.pages[i]);
    free(tab.pages);
    return 0;
}
