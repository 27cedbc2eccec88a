#include "xform/filter.h"

#include "base/pool.h"
#include "xform/match.h"

#include <string.h>

#define MAX_FILTERS 4
#define FRAMES_PER_FILTER 500000 /* fewer are not worth a thread */

enum { FOCUSED = 1, IGNORED = 2, SHOWS = 4 }; /* bits of a location */

/* The view's lines as a copy that may be written: filters take lines out of the
 * middle of a location. */
static struct profile_line *own_lines(struct view *view, struct err *err)
{
    size_t n = 0;
    for (uint32_t i = 0; i < view->profile->n_locations; i++)
        n += view->locations[i].n;
    struct profile_line *copy = ARENA_ARRAY(&view->arena, struct profile_line, n);
    if (!copy) {
        err_nomem(err);
        return NULL;
    }
    n = 0;
    for (uint32_t i = 0; i < view->profile->n_locations; i++) {
        struct view_location *l = &view->locations[i];
        if (l->n)
            memcpy(copy + n, view->lines + l->first, l->n * sizeof *copy);
        l->first = (uint32_t)n;
        n += l->n;
    }
    view->lines = copy;
    return copy;
}

/* Keep the lines of a location that match as `want` says; lines without a
 * function always stay. */
static void keep_lines(struct profile_line *lines, struct view_location *l, struct match *m,
                       bool want)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        struct profile_line *line = &lines[l->first + i];
        if (line->function == PROFILE_NONE || match_line(m, line) == want)
            lines[l->first + n++] = *line;
    }
    l->n = n;
}

static bool match_location(const struct view *view, struct match *m, uint32_t location)
{
    const struct view_location *l = &view->locations[location];
    for (uint32_t i = 0; i < l->n; i++)
        if (match_line(m, &view->lines[l->first + i]))
            return true;
    return match_mapping(m, location);
}

/* Goes through some of the samples. */
struct filter {
    const struct view *view;
    const uint8_t *marks; /* by location */
    uint32_t begin, end;
    uint32_t n; /* that are left, from `begin` on */
};

/* Keep samples with a focused frame, none ignored, and one that shows. */
static void keep_samples(void *arg, size_t which)
{
    struct filter *f = (struct filter *)arg + which;
    struct view_sample *samples = f->view->samples;
    for (uint32_t i = f->begin; i < f->end; i++) {
        uint8_t bits = 0; /* without branches: what comes cannot be foreseen */
        for (uint32_t k = 0; k < samples[i].n_locs; k++)
            bits |= f->marks[samples[i].locs[k]];
        if (bits == (FOCUSED | SHOWS))
            samples[f->begin + f->n++] = samples[i];
    }
}

static void filter_samples(struct view *view, const uint8_t *marks)
{
    struct filter filters[MAX_FILTERS] = {0};
    size_t n = (size_t)(view_count_frames(view) / FRAMES_PER_FILTER);
    n = n < 1 ? 1 : n > MAX_FILTERS ? MAX_FILTERS : n;
    for (size_t i = 0; i < n; i++)
        filters[i] = (struct filter){
            .view = view,
            .marks = marks,
            .begin = (uint32_t)((uint64_t)view->n_samples * i / n),
            .end = (uint32_t)((uint64_t)view->n_samples * (i + 1) / n),
        };
    pool_run(n, 0, keep_samples, filters);
    view->n_samples = filters[0].n;
    for (size_t i = 1; i < n; i++) {
        memmove(view->samples + view->n_samples, view->samples + filters[i].begin,
                filters[i].n * sizeof *view->samples);
        view->n_samples += filters[i].n;
    }
}

bool filter_names(struct view *view, const struct regex *focus, const struct regex *ignore,
                  const struct regex *hide, const struct regex *show, struct filter_found *found,
                  struct err *err)
{
    *found = (struct filter_found){0};
    if (!focus && !ignore && !hide && !show)
        return true;
    struct match mf, mi, mh, ms;
    struct profile_line *lines = NULL;
    uint8_t *marks = ARENA_ARRAY(&view->arena, uint8_t, view->profile->n_locations);
    if (!marks)
        return err_nomem(err);
    if ((focus && !match_init(&mf, view, focus, false, err)) ||
        (ignore && !match_init(&mi, view, ignore, false, err)) ||
        (hide && !match_init(&mh, view, hide, false, err)) ||
        (show && !match_init(&ms, view, show, false, err)))
        return false;
    if ((hide || show) && !(lines = own_lines(view, err)))
        return false;
    for (uint32_t i = 0; i < view->profile->n_locations; i++) {
        struct view_location *l = &view->locations[i];
        if (ignore && match_location(view, &mi, i)) {
            found->ignore = true;
            marks[i] = IGNORED;
        } else if (!focus || match_location(view, &mf, i)) {
            found->focus = true;
            marks[i] = FOCUSED;
        }
        if (hide && match_location(view, &mh, i)) {
            found->hide = true;
            if (match_mapping(&mh, i))
                l->n = 0;
            else
                keep_lines(lines, l, &mh, false);
            l->hidden = l->n == 0;
        }
        if (show) {
            if (!match_mapping(&ms, i))
                keep_lines(lines, l, &ms, true);
            if (l->n)
                found->show = true;
            else
                l->hidden = true;
        }
        if (!l->hidden)
            marks[i] |= SHOWS;
    }
    filter_samples(view, marks);
    return true;
}

bool filter_show_from(struct view *view, const struct regex *re, bool *found, struct err *err)
{
    struct match m;
    uint8_t *matched = ARENA_ARRAY(&view->arena, uint8_t, view->profile->n_locations);
    *found = false;
    if (!matched)
        return err_nomem(err);
    if (!match_init(&m, view, re, false, err))
        return false;
    for (uint32_t i = 0; i < view->profile->n_locations; i++) {
        struct view_location *l = &view->locations[i];
        matched[i] = match_mapping(&m, i);
        for (uint32_t j = l->n; !matched[i] && j--;) {
            if (match_line(&m, &view->lines[l->first + j])) {
                l->n = j + 1;
                matched[i] = true;
            }
        }
        *found |= matched[i];
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < view->n_samples; i++) {
        struct view_sample s = view->samples[i];
        while (s.n_locs &&
               (!matched[s.locs[s.n_locs - 1]] || view->locations[s.locs[s.n_locs - 1]].hidden))
            s.n_locs--;
        if (s.n_locs)
            view->samples[n++] = s;
    }
    view->n_samples = n;
    return true;
}
