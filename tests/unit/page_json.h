/* page_json: a view of the web page as text, for its tests.  What is written is checked to
 * be JSON. */
#ifndef SONDE_TESTS_PAGE_JSON_H
#define SONDE_TESTS_PAGE_JSON_H

#include "base/json_read.h"
#include "made.h"
#include "page/page.h"

struct page_json {
    struct report_options options; /* to be set before page_json_write */
    const char *regexp;            /* f */
    struct diag diag;              /* what it noted */
    struct buf text;
    struct err err;
};

static inline void page_json_init(struct page_json *p)
{
    *p = (struct page_json){.regexp = NULL};
    report_options_init(&p->options);
}

static inline bool page_json_write(struct page_json *p, const char *view, struct page_ctx ctx)
{
    struct json j = {.out = &p->text};
    ctx.report.options = &p->options;
    ctx.report.regexp = p->regexp;
    ctx.report.diag = &p->diag;
    p->text.len = 0;
    json_open(&j, '{');
    if (!page_find(view)->write(&ctx, &j, &p->err))
        return false;
    json_close(&j, '}');
    assert_false(p->text.failed);
    struct json_reader r = json_reader_of(p->text.data, p->text.len);
    json_skip(&r);
    if (!json_finish(&r, &p->err))
        fail_msg("%s: %s", p->err.msg, buf_str(&p->text));
    return true;
}

static inline void page_json_of(struct page_json *p, const char *view,
                                const struct profile *profile)
{
    if (!page_json_write(p, view, (struct page_ctx){.report.profile = profile}))
        fail_msg("%s: %s", view, p->err.msg);
}

static inline void page_json_has(const struct page_json *p, const char *part)
{
    if (!strstr(buf_str(&p->text), part))
        fail_msg("no %s in %s", part, buf_str(&p->text));
}

static inline void page_json_lacks(const struct page_json *p, const char *part)
{
    if (strstr(buf_str(&p->text), part))
        fail_msg("%s in %s", part, buf_str(&p->text));
}

static inline void page_json_release(struct page_json *p)
{
    buf_release(&p->text);
    diag_release(&p->diag);
}

/* A profile of one sample with two frames: `name` of the file `file`, called by itself.
 * Without a name there is no sample. */
static inline struct profile *page_json_profile(const char *name, const char *file, int64_t value)
{
    struct builder *b = builder_new(NULL);
    builder_type(b, builder_string(b, STR("cpu")), builder_string(b, STR("nanoseconds")));
    if (name) {
        struct profile_function f = {.name = builder_string(b, str_of(name)),
                                     .filename = builder_string(b, str_of(file))};
        struct profile_line line = {.function = builder_function(b, &f), .line = 7};
        struct profile_location l = {.address = 0x10, .mapping = PROFILE_NONE};
        uint32_t location = builder_location(b, &l, &line, 1), locs[] = {location, location};
        builder_sample(b, locs, 2, &value, NULL, 0);
    }
    struct profile *p = builder_seal(b, NULL);
    assert_non_null(p);
    return p;
}

/* What any view has to bear: nothing, one sample, the largest and the least numbers, names
 * that are no UTF-8 or look like HTML. */
static inline void page_json_hostile(const char *view)
{
    static const struct {
        const char *name;
        int64_t value;
    } cases[] = {{NULL, 0},
                 {"f", 1},
                 {"f", INT64_MAX},
                 {"f", INT64_MIN},
                 {"f", -5},
                 {"\xff\xfe(\x80", 1},
                 {"<script>\"\\\n", 3},
                 {"", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct profile *profile =
            page_json_profile(cases[i].name, "/no/such/\xf0.c", cases[i].value);
        struct page_json p;
        page_json_init(&p);
        struct page_ctx ctx = {.report.profile = profile};
        if (page_json_write(&p, view, ctx)) {
            page_json_has(&p, "\"values\":{");
            page_json_lacks(&p, "\xff");
        } else {
            assert_non_null(strchr(p.err.msg, ' ')); /* it says why */
        }
        page_json_release(&p);
        profile_free(profile);
    }
}

#endif
