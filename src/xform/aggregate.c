#include "xform/aggregate.h"

void aggregate(struct view *view, enum granularity granularity, bool noinlines)
{
    switch (granularity) {
    case GRANULARITY_DEFAULT:
    case GRANULARITY_FUNCTIONS:
        view->has_filename = view->has_line = view->has_address = false;
        break;
    case GRANULARITY_FILEFUNCTIONS:
        view->has_line = view->has_address = false;
        break;
    case GRANULARITY_FILES:
        view->has_function = view->has_line = view->has_address = false;
        break;
    case GRANULARITY_LINES:
        view->has_address = false;
        break;
    case GRANULARITY_ADDRESSES:
        break;
    }
    /* pprof leaves a profile as it is for addresses with inlines, columns included. */
    view->has_column = granularity == GRANULARITY_ADDRESSES && !noinlines;
    for (uint32_t i = 0; noinlines && i < view->profile->n_locations; i++) {
        struct view_location *l = &view->locations[i];
        if (l->n > 1) {
            l->first += l->n - 1;
            l->n = 1;
        }
    }
}
