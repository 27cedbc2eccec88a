#include "model/profile.h"

#include <stdlib.h>
#include <string.h>

struct profile *profile_new(void)
{
    struct profile *profile = calloc(1, sizeof *profile);
    if (profile)
        arena_init(&profile->arena);
    return profile;
}

void profile_free(struct profile *profile)
{
    while (profile) {
        struct profile *parent = profile->parent;
        arena_release(&profile->arena);
        free(profile);
        profile = parent;
    }
}

uint32_t profile_find_string(const struct profile *p, struct str s)
{
    for (uint32_t i = 0; i < p->n_strings; i++)
        if (str_eq(p->strings[i], s))
            return i;
    return PROFILE_NONE;
}

bool profile_add_comment(struct profile *p, struct str comment)
{
    uint32_t id = profile_find_string(p, comment);
    if (id == PROFILE_NONE) {
        struct str *strings = ARENA_ARRAY(&p->arena, struct str, (size_t)p->n_strings + 1);
        char *text = arena_strndup(&p->arena, comment.p, comment.len);
        if (!strings || !text)
            return false;
        memcpy(strings, p->strings, p->n_strings * sizeof *strings);
        id = p->n_strings++;
        strings[id] = (struct str){text, comment.len};
        p->strings = strings;
    }
    uint32_t *comments = ARENA_ARRAY(&p->arena, uint32_t, (size_t)p->n_comments + 1);
    if (!comments)
        return false;
    if (p->n_comments)
        memcpy(comments, p->comments, p->n_comments * sizeof *comments);
    comments[p->n_comments++] = id;
    p->comments = comments;
    return true;
}
