/* match: a regexp asked about strings of a profile, each at most once.
 * Threads: any number may ask.  Signals: no. */
#ifndef SONDE_XFORM_MATCH_H
#define SONDE_XFORM_MATCH_H

#include "base/regex.h"
#include "xform/view.h"

struct match {
    const struct profile *profile;
    const struct regex *re;
    bool simplify; /* ask about match_simplify(text) instead */
    uint8_t *memo; /* [n_strings], atomic: not asked, no, yes */
};

/* `re` and the view are borrowed; the memory is the view's.  False with ERR_NOMEM. */
bool match_init(struct match *m, struct view *view, const struct regex *re, bool simplify,
                struct err *err);
bool match_string(struct match *m, uint32_t string);
/* A line's function: by its name or its file. */
bool match_line(struct match *m, const struct profile_line *line);
/* The file of a location's mapping. */
bool match_mapping(struct match *m, uint32_t location);

/* A function's name as pprof's pruning sees it: without a leading dot and
 * without what follows the first '(' (but "(anonymous namespace)" and
 * "operator()" stay). */
struct str match_simplify(struct str name);

#endif
