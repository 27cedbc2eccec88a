#include "model/labels.h"

#include "base/vec.h"

#include <stdlib.h>

static int compare(const void *pa, const void *pb)
{
    const struct labels_item *a = pa, *b = pb;
    int c = a->label->is_num - b->label->is_num;
    if (!c)
        c = str_cmp(a->key, b->key);
    return c ? c : (a->label > b->label) - (a->label < b->label);
}

bool labels_load(struct labels *labels, const struct profile *profile, uint32_t sample)
{
    bool sorted = true;
    vec_clear(labels);
    if (!profile->label_first)
        return true;
    for (uint64_t i = profile->label_first[sample]; i < profile->label_first[sample + 1]; i++) {
        const struct profile_label *label = &profile->labels[i];
        struct labels_item item = {label, profile_str(profile, label->key)};
        if (!vec_push(labels, item))
            return false;
        sorted = sorted && (labels->n < 2 || compare(&labels->items[labels->n - 2], &item) < 0);
    }
    if (!sorted)
        qsort(labels->items, labels->n, sizeof *labels->items, compare);
    return true;
}

void labels_release(struct labels *labels)
{
    vec_release(labels);
}

size_t labels_run(const struct labels *labels, size_t first)
{
    const struct profile_label *label = labels->items[first].label;
    size_t end = first + 1;
    while (end < labels->n && labels->items[end].label->key == label->key &&
           labels->items[end].label->is_num == label->is_num)
        end++;
    return end - first;
}
