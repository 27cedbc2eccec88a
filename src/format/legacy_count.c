/* legacy_count: what Go counts by stack, as text: "goroutine profile: total 7", then
 * "2 @ 0x45 0x67" a line.  threadcreate and a program's own profiles too. */
#include "format/go_comments.h"
#include "format/legacy.h"
#include "format/memory_map.h"

/* "NAME profile: total N"; what the name is. */
static bool parse_header(struct str line, struct str *name)
{
    const struct str middle = STR(" profile: total ");
    const char *at = memmem(line.p, line.len, middle.p, middle.len);
    if (!at || at == line.p)
        return false;
    *name = (struct str){line.p, (size_t)(at - line.p)};
    struct str rest = {at + middle.len, line.len - name->len - middle.len}, digits;
    for (size_t i = 0; i < name->len; i++)
        if (name->p[i] == ' ' || (name->p[i] >= '\t' && name->p[i] <= '\r' && name->p[i] != '\v'))
            return false;
    return text_take_digits(&rest, false, &digits) && rest.len == 0;
}

static bool count_probe(const uint8_t *data, size_t len)
{
    struct text t = text_of(data, len);
    struct str name;
    return text_next_content(&t) && parse_header(t.line, &name);
}

/* "N @ 0x1 0x2", and nothing else. */
static bool parse_sample(struct str line, struct str *count, struct str *addresses)
{
    if (!text_take_digits(&line, false, count) || !text_take(&line, ' ') || !text_take(&line, '@'))
        return false;
    *addresses = line;
    do {
        if (!text_take(&line, ' ') || !text_take(&line, '0') || !text_take(&line, 'x'))
            return false;
        struct str digits = line;
        while (line.len && *line.p != ' ' && text_addresses((struct str){line.p, 1}).len &&
               *line.p != 'x')
            text_take(&line, *line.p);
        if (line.p == digits.p)
            return false;
    } while (line.len);
    return true;
}

static bool read_samples(struct legacy *l, struct go_comments *comments, struct text *t,
                         struct err *err)
{
    while (text_next(t)) {
        struct str count, addresses;
        int64_t value;
        if (text_is_comment(t->line)) {
            go_comments_add(comments, t->line);
            continue;
        }
        if (str_has_prefix(t->line, STR("---")))
            break;
        if (!parse_sample(t->line, &count, &addresses) || !text_number(count, &value))
            return text_malformed(t, err, "not a sample");
        go_comments_flush(comments);
        if (!legacy_push_text(l, addresses, -1, -1))
            return text_malformed(t, err, "an address is too large");
        legacy_sample(l, &value);
    }
    go_comments_flush(comments);
    return true;
}

static struct profile *read_text(struct legacy *l, struct text *t, struct err *err)
{
    struct go_comments comments = {.l = l};
    struct str name = STR("");
    text_next_content(t);
    parse_header(t->line, &name);
    legacy_type(l, name, STR("count"));
    legacy_period(l, name, STR("count"), 1);
    bool ok = read_samples(l, &comments, t, err);
    go_comments_release(&comments);
    if (!ok)
        return NULL;
    memory_map_seek(t);
    return legacy_seal(l, t, 0, err);
}

static struct profile *count_read(const uint8_t *data, size_t len, struct diag *diag,
                                  struct err *err)
{
    struct legacy l;
    struct text t = text_of(data, len);
    struct profile *profile = NULL;
    if (legacy_init(&l, len, diag, err))
        profile = read_text(&l, &t, err);
    legacy_release(&l);
    return profile;
}

const struct format_ops legacy_count_format = {
    .name = "count",
    .help = "what Go counts, as text: goroutine, threadcreate, a program's own profiles",
    .probe = count_probe,
    .read = count_read,
};
