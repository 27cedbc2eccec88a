/* made: small profiles for tests, written as text, and views and graphs as text.
 *
 * A stack is a string of frames from the outermost to the innermost, one letter
 * each: "abc" is a calling b calling c.  A capital letter is a function inlined
 * into the one before it (one location), '?' a location without symbols.
 * Function x is in file "x.c", its lines are 10 * (place in the alphabet) + 1; all
 * are of one mapping, "/bin/prog", at address 0x1000 + 0x10 * letter. */
#ifndef SONDE_TESTS_MADE_H
#define SONDE_TESTS_MADE_H

#include "base/buf.h"
#include "model/builder.h"
#include "unit.h"
#include "xform/view.h"

#include <string.h>

struct made {
    struct profile *profile;
    struct view view;
};

struct made_stack {
    const char *frames;
    int64_t value;
};

static inline uint32_t made_function(struct builder *b, uint32_t *functions, char letter)
{
    uint32_t *f = &functions[(unsigned char)letter];
    if (!*f) {
        char name[] = {letter, 0}, file[] = {letter, '.', 'c', 0};
        struct profile_function fn = {
            .name = builder_string(b, str_of(name)),
            .filename = builder_string(b, str_of(file)),
            .start_line = 1,
        };
        *f = builder_function(b, &fn) + 1;
    }
    return *f - 1;
}

/* Equal ends of stacks that are one location ("bC") share it. */
static inline void made_init(struct made *m, const struct made_stack *stacks, size_t n,
                             const char *drop_frames, const char *keep_frames)
{
    struct builder *b = builder_new(NULL);
    struct {
        char text[8];
        uint32_t location;
    } known[64];
    uint32_t functions[128] = {0}, locs[64], n_known = 0;
    builder_type(b, builder_string(b, STR("cpu")), builder_string(b, STR("count")));
    builder_mapping(b, &(struct profile_mapping){.start = 0x1000,
                                                 .limit = 0x9000,
                                                 .file = builder_string(b, STR("/bin/prog"))});
    if (drop_frames)
        builder_header(b)->drop_frames = builder_string(b, str_of(drop_frames));
    if (keep_frames)
        builder_header(b)->keep_frames = builder_string(b, str_of(keep_frames));
    for (size_t i = 0; i < n; i++) {
        uint32_t n_locs = 0;
        for (size_t end = strlen(stacks[i].frames), k; end; end = k) {
            char text[8] = {0};
            for (k = end - 1; stacks[i].frames[k] >= 'A' && stacks[i].frames[k] <= 'Z';)
                k--;
            memcpy(text, stacks[i].frames + k, end - k);
            uint32_t j = 0;
            while (j < n_known && strcmp(known[j].text, text) != 0)
                j++;
            if (j == n_known) {
                struct profile_line lines[8];
                uint32_t n_lines = 0;
                for (size_t c = strlen(text); c-- && *text != '?';) {
                    char letter = (char)(text[c] | 0x20);
                    lines[n_lines++] = (struct profile_line){
                        .function = made_function(b, functions, letter),
                        .line = (letter - 'a') * 10 + 1,
                    };
                }
                struct profile_location loc = {.address = 0x1000 + 0x10 * (uint64_t)text[0]};
                known[n_known].location = builder_location(b, &loc, lines, n_lines);
                strcpy(known[n_known++].text, text);
            }
            locs[n_locs++] = known[j].location;
        }
        builder_sample(b, locs, n_locs, &stacks[i].value, NULL, 0);
    }
    m->profile = builder_seal(b, NULL);
    assert_non_null(m->profile);
    assert_true(view_init(&m->view, m->profile, NULL));
}

static inline void made_release(struct made *m)
{
    view_release(&m->view);
    profile_free(m->profile);
}

/* The samples that are left, as they were written: "abC:5 x:1". */
static inline void made_print(const struct made *m, struct buf *out)
{
    const struct view *v = &m->view;
    for (uint32_t i = 0; i < v->n_samples; i++) {
        buf_puts(out, i ? " " : "");
        for (uint32_t j = v->samples[i].n_locs; j--;) {
            const struct view_location *l = &v->locations[v->samples[i].locs[j]];
            if (!l->n && !l->hidden)
                buf_putc(out, '?');
            for (uint32_t k = l->n; k-- && !l->hidden;) {
                uint32_t f = v->lines[l->first + k].function;
                char c = profile_cstr(v->profile, v->profile->functions[f].name)[0];
                buf_putc(out, k == l->n - 1 ? c : (char)(c & ~0x20));
            }
        }
        buf_printf(out, ":%lld", (long long)view_value(v, &v->samples[i]));
    }
}

static inline void made_check(const struct made *m, const char *want)
{
    AUTO_BUF text = {0};
    made_print(m, &text);
    assert_string_equal(buf_str(&text), want);
}

#endif
