/* legacy_thread: threadz profiles, the stacks of all threads of a C++ program. */
#include "base/regex.h"
#include "format/legacy.h"
#include "format/memory_map.h"

#define HEADER "--- threadz \\d+ ---"
#define THREAD "--- Thread [[:xdigit:]]+ \\(name: .*/\\d+\\) stack: ---"

struct thread_reader {
    struct legacy *l;
    struct text *t;
    struct regex *header, *thread;
};

static bool thread_probe(const uint8_t *data, size_t len)
{
    struct text t = text_of(data, len);
    return text_next_content(&t) && (text_contains(t.line, STR("--- threadz ")) ||
                                     text_contains(t.line, STR("--- Thread ")));
}

/* The lines of a thread, up to one that begins with "---" or the end.  *is_same: they
 * say that its stack is that of the thread before. */
static bool read_stack(struct thread_reader *r, bool *is_same, struct err *err)
{
    size_t n_before = r->l->frames.n;
    *is_same = false;
    while (text_next(r->t)) {
        struct str line = text_trim(r->t->line);
        if (str_has_prefix(line, STR("---")))
            break;
        bool is_first = r->l->frames.n == n_before;
        if (text_contains(line, STR("same as previous thread")))
            *is_same = true;
        else if (!legacy_push_text(r->l, line, is_first ? 0 : -1, -1))
            return text_malformed(r->t, err, "an address is too large");
    }
    if (*is_same || r->l->failed)
        r->l->frames.n = n_before;
    *is_same = r->l->frames.n == n_before;
    return true;
}

static bool read_threads(struct thread_reader *r, struct err *err)
{
    const int64_t one = 1;
    while (r->t->line.len && !memory_map_begins(r->t->line) &&
           !str_has_prefix(text_trim(r->t->line), STR("---- no stack trace for"))) {
        bool is_same;
        if (!regex_match(r->thread, r->t->line))
            return text_malformed(r->t, err, "not the first line of a thread");
        if (!read_stack(r, &is_same, err))
            return false;
        if (!is_same)
            legacy_sample(r->l, &one);
        else if (r->l->values.n)
            r->l->values.items[r->l->values.n - 1]++;
    }
    return true;
}

/* On to the line of the first thread. */
static bool read_header(struct thread_reader *r, struct err *err)
{
    text_next_content(r->t);
    if (regex_match(r->header, r->t->line))
        while (text_next(r->t) && !memory_map_begins(r->t->line) &&
               !str_has_prefix(r->t->line, STR("-")))
            ;
    return r->t->line.len > 0 || text_malformed(r->t, err, "no threads");
}

static struct profile *read_text(struct thread_reader *r, struct err *err)
{
    legacy_type(r->l, STR("thread"), STR("count"));
    legacy_period(r->l, STR("thread"), STR("count"), 1);
    r->header = regex_new_bytes(HEADER, err);
    r->thread = regex_new_bytes(THREAD, err);
    if (!r->header || !r->thread || !read_header(r, err) || !read_threads(r, err))
        return NULL;
    memory_map_seek(r->t);
    return legacy_seal(r->l, r->t, LEGACY_LEAF_TWICE, err);
}

static struct profile *thread_read(const uint8_t *data, size_t len, struct diag *diag,
                                   struct err *err)
{
    struct legacy l;
    struct text t = text_of(data, len);
    struct thread_reader r = {.l = &l, .t = &t};
    struct profile *profile = NULL;
    if (legacy_init(&l, len, diag, err))
        profile = read_text(&r, err);
    regex_free(r.header);
    regex_free(r.thread);
    legacy_release(&l);
    return profile;
}

const struct format_ops legacy_thread_format = {
    .name = "threadz",
    .help = "threadz: the stacks of all threads",
    .probe = thread_probe,
    .read = thread_read,
};
