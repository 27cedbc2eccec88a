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

/* What is asked of names; NULL: nothing. */
struct questions {
    struct match *focus, *ignore, *hide, *show;
};

/* Goes through some of the locations and some of the samples. */
struct filter {
    struct view *view;
    const struct questions *ask;
    struct profile_line *lines; /* the view's own, where lines are taken out */
    uint8_t *marks;             /* by location */
    uint32_t first_location, end_location;
    struct filter_found found;
    uint32_t begin, end; /* samples */
    uint32_t n;          /* that are left, from `begin` on */
};

static void mark_location(struct filter *f, uint32_t i)
{
    const struct questions *ask = f->ask;
    struct view_location *l = &f->view->locations[i];
    if (ask->ignore && match_location(f->view, ask->ignore, i)) {
        f->found.ignore = true;
        f->marks[i] = IGNORED;
    } else if (!ask->focus || match_location(f->view, ask->focus, i)) {
        f->found.focus = true;
        f->marks[i] = FOCUSED;
    }
    if (ask->hide && match_location(f->view, ask->hide, i)) {
        f->found.hide = true;
        if (match_mapping(ask->hide, i))
            l->n = 0;
        else
            keep_lines(f->lines, l, ask->hide, false);
        l->hidden = l->n == 0;
    }
    if (ask->show) {
        if (!match_mapping(ask->show, i))
            keep_lines(f->lines, l, ask->show, true);
        if (l->n)
            f->found.show = true;
        else
            l->hidden = true;
    }
    if (!l->hidden)
        f->marks[i] |= SHOWS;
}

static void mark_locations(void *arg, size_t which)
{
    struct filter *f = (struct filter *)arg + which;
    for (uint32_t i = f->first_location; i < f->end_location; i++)
        mark_location(f, i);
}

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

static uint32_t share(uint32_t n, size_t i, size_t n_shares)
{
    return (uint32_t)((uint64_t)n * i / n_shares);
}

static void filter_view(struct view *view, const struct questions *ask, struct profile_line *lines,
                        uint8_t *marks, struct filter_found *found)
{
    struct filter filters[MAX_FILTERS] = {0};
    size_t n = pool_share(view_count_frames(view), FRAMES_PER_FILTER, MAX_FILTERS);
    for (size_t i = 0; i < n; i++)
        filters[i] = (struct filter){
            .view = view,
            .ask = ask,
            .lines = lines,
            .marks = marks,
            .first_location = share(view->profile->n_locations, i, n),
            .end_location = share(view->profile->n_locations, i + 1, n),
            .begin = share(view->n_samples, i, n),
            .end = share(view->n_samples, i + 1, n),
        };
    pool_run(n, 0, mark_locations, filters);
    pool_run(n, 0, keep_samples, filters);
    view->n_samples = 0;
    for (size_t i = 0; i < n; i++) {
        memmove(view->samples + view->n_samples, view->samples + filters[i].begin,
                filters[i].n * sizeof *view->samples);
        view->n_samples += filters[i].n;
        found->focus |= filters[i].found.focus;
        found->ignore |= filters[i].found.ignore;
        found->hide |= filters[i].found.hide;
        found->show |= filters[i].found.show;
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
    const struct questions ask = {focus ? &mf : NULL, ignore ? &mi : NULL, hide ? &mh : NULL,
                                  show ? &ms : NULL};
    filter_view(view, &ask, lines, marks, found);
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
