#include "page/page.h"

#include <string.h>

const struct page_ops *const page_registry[] = {
    &page_flamegraph,
    &page_graph,
    &page_top,
    &page_peek,
    &page_source,
    &page_disasm,
    &page_sandwich,
    &page_tags,
    &page_diff,
    &page_timeline,
    NULL,
};

const struct page_ops *page_find(const char *name)
{
    for (size_t i = 0; page_registry[i]; i++)
        if (!strcmp(page_registry[i]->name, name))
            return page_registry[i];
    return NULL;
}
