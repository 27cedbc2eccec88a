#include "xform/prune.h"

#include "base/buf.h"
#include "xform/match.h"

/* What a location does to the frames below it. */
enum { PASSES, CUTS_BELOW, CUTS_WITH_BELOW };

/* "^(PATTERN)$"; NULL if it does not compile (*err is ERR_USAGE) or no memory. */
static struct regex *whole_name(const char *pattern, struct err *err)
{
    AUTO_BUF text = {0};
    buf_printf(&text, "^(%s)$", pattern);
    if (text.failed) {
        err_nomem(err);
        return NULL;
    }
    return regex_new(buf_str(&text), err);
}

static bool matches_name(struct match *m, const struct profile_line *line)
{
    if (line->function == PROFILE_NONE)
        return false;
    uint32_t name = m->profile->functions[line->function].name;
    return name && match_string(m, name);
}

static bool prune(struct view *view, const struct regex *drop, const struct regex *keep,
                  struct err *err)
{
    struct match md, mk;
    uint8_t *marks = ARENA_ARRAY(&view->arena, uint8_t, view->profile->n_locations);
    bool any = false;
    if (!marks)
        return err_nomem(err);
    if (!match_init(&md, view, drop, true, err) ||
        (keep && !match_init(&mk, view, keep, true, err)))
        return false;
    for (uint32_t i = 0; i < view->profile->n_locations; i++) {
        struct view_location *l = &view->locations[i];
        uint32_t j = l->n; /* one more than the outermost line that matches */
        for (; j; j--) {
            const struct profile_line *line = &view->lines[l->first + j - 1];
            if (matches_name(&md, line) && !(keep && matches_name(&mk, line)))
                break;
        }
        if (!j)
            continue;
        any = true;
        marks[i] = j == l->n ? CUTS_WITH_BELOW : CUTS_BELOW;
        if (j < l->n) {
            l->first += j;
            l->n -= j;
        }
    }
    if (!any)
        return true;
    for (uint32_t i = 0; i < view->n_samples; i++) {
        struct view_sample *s = &view->samples[i];
        bool found_user = false; /* never cut all of a stack */
        for (uint32_t j = s->n_locs; j--;) {
            uint8_t mark = marks[s->locs[j]];
            if (mark == PASSES) {
                found_user = true;
            } else if (found_user) {
                uint32_t cut = j + (mark == CUTS_WITH_BELOW);
                s->locs += cut;
                s->n_locs -= cut;
                break;
            }
        }
    }
    return true;
}

bool prune_uninteresting(struct view *view, struct err *err)
{
    const struct profile *p = view->profile;
    struct err why = {0};
    if (!p->drop_frames)
        return true;
    struct regex *drop = whole_name(profile_cstr(p, p->drop_frames), &why), *keep = NULL;
    if (drop && p->keep_frames)
        keep = whole_name(profile_cstr(p, p->keep_frames), &why);
    bool ok = true;
    if (why.code == ERR_NOMEM)
        ok = err_nomem(err);
    else if (!why.code)
        ok = prune(view, drop, keep, err);
    regex_free(drop);
    regex_free(keep);
    return ok;
}

bool prune_from(struct view *view, const struct regex *re, struct err *err)
{
    struct match m;
    uint8_t *marks = ARENA_ARRAY(&view->arena, uint8_t, view->profile->n_locations);
    if (!marks)
        return err_nomem(err);
    if (!match_init(&m, view, re, true, err))
        return false;
    for (uint32_t i = 0; i < view->profile->n_locations; i++) {
        struct view_location *l = &view->locations[i];
        for (uint32_t j = 0; j < l->n; j++) {
            if (matches_name(&m, &view->lines[l->first + j])) {
                marks[i] = CUTS_BELOW;
                l->first += j;
                l->n -= j;
                break;
            }
        }
    }
    for (uint32_t i = 0; i < view->n_samples; i++) {
        struct view_sample *s = &view->samples[i];
        for (uint32_t j = 0; j < s->n_locs; j++) {
            if (marks[s->locs[j]]) {
                s->locs += j;
                s->n_locs -= j;
                break;
            }
        }
    }
    return true;
}
