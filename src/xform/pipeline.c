#include "xform/pipeline.h"

#include "xform/aggregate.h"
#include "xform/filter.h"
#include "xform/prune.h"
#include "xform/tag_filter.h"
#include "xform/tag_frames.h"

static bool is_set(const char *s)
{
    return s && *s;
}

static bool compile(struct regex **re, const char *name, const char *pattern, struct err *err)
{
    if (!is_set(pattern))
        return true;
    *re = regex_new(pattern, err);
    return *re || err_wrap(err, "parsing %s regexp", name);
}

static void note_no_match(struct diag *diag, bool is_asked, bool found, const char *option)
{
    if (is_asked && !found)
        diag_add(diag, "%s expression matched no samples", option);
}

static bool compile_tags(struct tag_filter **filter, const char *name, const char *expression,
                         struct diag *diag, struct err *err)
{
    if (is_set(expression))
        *filter = tag_filter_new(name, expression, diag, err);
    return *filter || !is_set(expression);
}

/* All expressions of the options, NULL where not set. */
struct expressions {
    struct regex *focus, *ignore, *hide, *show, *show_from, *prune_from, *tagshow, *taghide;
    struct tag_filter *tagfocus, *tagignore;
};

static bool compile_all(struct expressions *e, const struct pipeline_options *o, struct diag *diag,
                        struct err *err)
{
    *e = (struct expressions){0};
    return compile(&e->focus, "focus", o->focus, err) &&
           compile(&e->ignore, "ignore", o->ignore, err) &&
           compile(&e->hide, "hide", o->hide, err) && compile(&e->show, "show", o->show, err) &&
           compile(&e->show_from, "show_from", o->show_from, err) &&
           compile_tags(&e->tagfocus, "tagfocus", o->tagfocus, diag, err) &&
           compile_tags(&e->tagignore, "tagignore", o->tagignore, diag, err) &&
           compile(&e->prune_from, "prune_from", o->prune_from, err) &&
           compile(&e->tagshow, "tagshow", o->tagshow, err) &&
           compile(&e->taghide, "taghide", o->taghide, err);
}

static void release_all(struct expressions *e)
{
    regex_free(e->focus);
    regex_free(e->ignore);
    regex_free(e->hide);
    regex_free(e->show);
    regex_free(e->show_from);
    regex_free(e->prune_from);
    regex_free(e->tagshow);
    regex_free(e->taghide);
    tag_filter_free(e->tagfocus);
    tag_filter_free(e->tagignore);
}

static bool filter_frames(struct view *view, const struct expressions *e, struct diag *diag,
                          struct err *err)
{
    struct filter_found found;
    bool found_from = false;
    if (!filter_names(view, e->focus, e->ignore, e->hide, e->show, &found, err))
        return false;
    note_no_match(diag, e->focus, found.focus, "Focus");
    note_no_match(diag, e->ignore, found.ignore, "Ignore");
    note_no_match(diag, e->hide, found.hide, "Hide");
    note_no_match(diag, e->show, found.show, "Show");
    if (e->show_from && !filter_show_from(view, e->show_from, &found_from, err))
        return false;
    note_no_match(diag, e->show_from, found_from, "ShowFrom");
    return true;
}

static bool filter_tags(struct view *view, const struct label_units *units,
                        const struct expressions *e, struct diag *diag, struct err *err)
{
    bool focused = false, ignored = false, shown = false, hidden = false;
    if ((e->tagfocus || e->tagignore) &&
        !tag_filter_samples(view, units, e->tagfocus, e->tagignore, &focused, &ignored, err))
        return false;
    note_no_match(diag, e->tagfocus, focused, "TagFocus");
    note_no_match(diag, e->tagignore, ignored, "TagIgnore");
    if (!tag_filter_keys(view, e->tagshow, e->taghide, &shown, &hidden, err))
        return false;
    note_no_match(diag, e->tagshow, shown, "TagShow");
    note_no_match(diag, e->taghide, hidden, "TagHide");
    return true;
}

static bool apply_filters(struct pipeline *p, const struct pipeline_options *o, struct diag *diag,
                          struct err *err)
{
    struct expressions e;
    bool ok = compile_all(&e, o, diag, err) && filter_frames(&p->view, &e, diag, err) &&
              filter_tags(&p->view, &p->label_units, &e, diag, err) &&
              (!e.prune_from || prune_from(&p->view, e.prune_from, err));
    release_all(&e);
    return ok;
}

static bool add_tag_frames(struct view *view, const struct pipeline_options *o, struct diag *diag,
                           struct err *err)
{
    struct tag_frames_found found;
    if (!is_set(o->tagroot) && !is_set(o->tagleaf))
        return true;
    if (!tag_frames_add(view, o->tagroot, o->tagleaf, o->unit ? o->unit : "", &found, err))
        return false;
    note_no_match(diag, is_set(o->tagroot), found.roots, "TagRoot");
    note_no_match(diag, is_set(o->tagleaf), found.leaves, "TagLeaf");
    return true;
}

bool pipeline_take_argument(struct pipeline *p, const char *argument, struct err *err)
{
    p->argument = argument ? regex_new(argument, err) : NULL;
    return p->argument || !argument || err_wrap(err, "parsing argument regexp %s", argument);
}

bool pipeline_run(struct pipeline *p, const struct profile *profile,
                  const struct pipeline_options *o, struct diag *diag, struct err *err)
{
    struct view *view = &p->view;
    *p = (struct pipeline){0};
    if (!view_init(view, profile, err) || !prune_uninteresting(view, err) ||
        !label_units_init(&p->label_units, profile, diag, err) ||
        !add_tag_frames(view, o, diag, err))
        return false;
    if (o->relative_percentages && !apply_filters(p, o, diag, err))
        return false;
    if (!view_find_type(profile, o->sample_index, &view->type, err))
        return false;
    view->is_mean = o->mean;
    p->type = profile_cstr(profile, profile->types[view->type].type);
    if (o->mean && !(p->type = arena_printf(&view->arena, "mean_%s", p->type)))
        return err_nomem(err);
    p->unit = profile_cstr(profile, profile->types[view->type].unit);
    if (!pipeline_take_argument(p, o->argument, err))
        return false;
    p->total = view_total(view);
    if (!o->relative_percentages && !apply_filters(p, o, diag, err))
        return false;
    aggregate(view, o->granularity, o->noinlines);
    view->has_column |= o->showcolumns;
    return true;
}

void pipeline_release(struct pipeline *p)
{
    view_release(&p->view);
    label_units_release(&p->label_units);
    regex_free(p->argument);
    *p = (struct pipeline){0};
}
