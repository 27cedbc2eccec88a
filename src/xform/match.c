#include "xform/match.h"

#include <string.h>

enum { NOT_ASKED, NO, YES };

bool match_init(struct match *m, struct view *view, const struct regex *re, bool simplify,
                struct err *err)
{
    *m = (struct match){.profile = view->profile, .re = re, .simplify = simplify};
    m->memo = ARENA_ARRAY(&view->arena, uint8_t, view->profile->n_strings);
    return m->memo || err_nomem(err);
}

bool match_string(struct match *m, uint32_t string)
{
    uint8_t answer = __atomic_load_n(&m->memo[string], __ATOMIC_RELAXED);
    if (answer == NOT_ASKED) {
        struct str s = profile_str(m->profile, string);
        if (m->simplify)
            s = match_simplify(s);
        answer = regex_match(m->re, s) ? YES : NO; /* the same on each thread */
        __atomic_store_n(&m->memo[string], answer, __ATOMIC_RELAXED);
    }
    return answer == YES;
}

bool match_line(struct match *m, const struct profile_line *line)
{
    if (line->function == PROFILE_NONE)
        return false;
    const struct profile_function *f = &m->profile->functions[line->function];
    return match_string(m, f->name) || match_string(m, f->filename);
}

bool match_mapping(struct match *m, uint32_t location)
{
    uint32_t mapping = m->profile->locations[location].mapping;
    return mapping != PROFILE_NONE && match_string(m, m->profile->mappings[mapping].file);
}

struct str match_simplify(struct str name)
{
    static const struct str stay[] = {{"(anonymous namespace)", 21}, {"operator()", 10}};
    if (name.len && name.p[0] == '.')
        name = (struct str){name.p + 1, name.len - 1};
    if (!name.len || !memchr(name.p, '(', name.len))
        return name;
    for (size_t i = 0; i < name.len;) {
        struct str rest = {name.p + i, name.len - i};
        if (str_has_prefix(rest, stay[0]))
            i += stay[0].len;
        else if (str_has_prefix(rest, stay[1]))
            i += stay[1].len;
        else if (name.p[i] == '(')
            return (struct str){name.p, i};
        else
            i++;
    }
    return name;
}
