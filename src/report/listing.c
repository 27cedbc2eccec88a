#include "report/listing.h"

#include "xform/path.h"

#include <stdlib.h>
#include <string.h>

#define EXPAND 500      /* bytes of code before and behind samples */
#define NEIGHBORHOOD 32 /* bytes that a line may reach to code without one */

/* A sampled address. */
struct sampled {
    uint64_t address;
    int64_t flat, cum;
    uint32_t location; /* of interest; PROFILE_NONE: not */
    bool has_code;
    const char *why; /* it has none */
};

struct range {
    uint64_t begin, end, load; /* addresses of the process; object addresses are less by load */
    size_t first, n;           /* of sampled */
    struct code_object *object;
    int64_t score;
    struct code_slice code;
};

/* What is known of a function's name. */
struct name {
    bool is_interesting;
    struct str shown; /* p NULL: as it is */
};

enum seen { UNSEEN, NO_MATCH, MATCH };

struct lister {
    struct listing *listing;
    const struct view *view;
    const struct profile *profile;
    const struct regex *re;
    struct diag *diag;
    bool is_address;
    uint64_t address;
    VEC(struct sampled) sampled;
    struct map by_address; /* address -> sampled, until these are sorted */
    struct map made_up;    /* location without an address -> what stands for it - first */
    uint64_t next_made_up;
    uint8_t *functions;     /* [n_functions] enum seen */
    uint8_t *mappings;      /* [n_mappings] enum seen, of the file's name */
    struct intern texts;    /* names of functions */
    VEC(struct name) names; /* by id of texts */
    struct map name_of;     /* text of a frame -> id */
    struct code_mapping *opened;
    uint8_t *is_open;  /* [n_mappings] enum seen */
    const char **whys; /* [n_mappings] that are not open: why */
    VEC(struct range) ranges;
    struct buf scratch;
};

static int64_t add_wrapping(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* --- samples --- */

/* The sampled address, new if need be; NULL when memory runs out. */
static struct sampled *find_sampled(struct lister *l, uint64_t address)
{
    uint32_t next = (uint32_t)l->sampled.n;
    uint32_t i = map_get_or_put(&l->by_address, address, next);
    if (i == MAP_NONE)
        return NULL;
    if (i == next &&
        !vec_push(&l->sampled, (struct sampled){.address = address, .location = PROFILE_NONE}))
        return NULL;
    return &l->sampled.items[i];
}

/* An address beyond all mappings for a location that has none.  It wraps after a mapping
 * of everything.  False when memory runs out. */
static bool make_up_address(struct lister *l, uint32_t location, uint64_t *address)
{
    uint32_t i = map_get_or_put(&l->made_up, location, (uint32_t)l->made_up.n);
    *address = l->next_made_up + i;
    return i != MAP_NONE;
}

static uint32_t add_name(struct lister *l, uint32_t string)
{
    uint32_t id = intern_add(&l->texts, profile_str(l->profile, string));
    while (id != INTERN_NONE && l->names.n <= id) {
        if (!vec_push(&l->names, (struct name){0}))
            return INTERN_NONE;
    }
    return id;
}

static bool text_matches(const struct lister *l, uint32_t string)
{
    return regex_match(l->re, profile_str(l->profile, string));
}

/* Meet a function of a stack: note how it is shown, and whether it matches.  False
 * when memory runs out. */
static bool meet_function(struct lister *l, uint32_t function)
{
    const struct profile_function *f = &l->profile->functions[function];
    if (l->functions[function] != UNSEEN)
        return true;
    bool matches =
        text_matches(l, f->name) || text_matches(l, f->system_name) || text_matches(l, f->filename);
    l->functions[function] = matches ? MATCH : NO_MATCH;
    uint32_t id = add_name(l, f->system_name);
    if (id != INTERN_NONE)
        l->names.items[id].shown = profile_str(l->profile, f->name);
    return id != INTERN_NONE;
}

static bool mapping_matches(struct lister *l, uint32_t mapping)
{
    if (mapping >= l->profile->n_mappings)
        return false;
    if (l->mappings[mapping] == UNSEEN)
        l->mappings[mapping] =
            text_matches(l, l->profile->mappings[mapping].file) ? MATCH : NO_MATCH;
    return l->mappings[mapping] == MATCH;
}

/* The function of this line, sampled at s, is to be listed. */
static bool mark(struct lister *l, struct sampled *s, uint32_t location, uint32_t function)
{
    if (function == PROFILE_NONE)
        return true;
    const struct profile_function *f = &l->profile->functions[function];
    const uint32_t strings[] = {f->name, f->system_name};
    for (size_t i = 0; i < 2; i++) {
        uint32_t id = add_name(l, strings[i]);
        if (id == INTERN_NONE)
            return false;
        l->names.items[id].is_interesting = true;
    }
    if (s->location == PROFILE_NONE)
        s->location = location;
    return true;
}

/* What the samples come to at a location. */
struct location_sum {
    int64_t flat, cum;
    bool is_met;
};

static bool add_location(struct lister *l, uint32_t location, const struct location_sum *sum)
{
    const struct profile_location *row = &l->profile->locations[location];
    const struct view_location *lines = &l->view->locations[location];
    const struct profile_line *line = l->view->lines + lines->first;
    uint64_t address = row->address;
    if (!address && !make_up_address(l, location, &address))
        return false;
    struct sampled *s = find_sampled(l, address);
    if (!s)
        return false;
    s->cum = add_wrapping(s->cum, sum->cum);
    s->flat = add_wrapping(s->flat, sum->flat);
    for (uint32_t i = 0; i < lines->n; i++) {
        if (line[i].function != PROFILE_NONE && !meet_function(l, line[i].function))
            return false;
    }
    if (l->is_address && address == l->address)
        return !lines->n || mark(l, s, location, line[lines->n - 1].function);
    for (uint32_t i = 0; i < lines->n; i++) {
        uint32_t function = line[i].function;
        bool matches = (function != PROFILE_NONE && l->functions[function] == MATCH) ||
                       (i == 0 && mapping_matches(l, row->mapping));
        if (matches && !mark(l, s, location, function))
            return false;
    }
    return true;
}

/* Sum up a sample; locations that are new go to *order. */
static void sum_sample(const struct view *view, const struct view_sample *sample,
                       struct location_sum *sums, uint32_t *order, uint32_t *n)
{
    int64_t value = view_mean(view_value(view, sample), view_divisor(view, sample));
    uint32_t leaf = 0;
    while (leaf < sample->n_locs && view->locations[sample->locs[leaf]].hidden)
        leaf++;
    for (uint32_t k = sample->n_locs; k-- > leaf;) {
        uint32_t location = sample->locs[k];
        struct location_sum *sum = &sums[location];
        if (view->locations[location].hidden)
            continue;
        if (!sum->is_met)
            order[(*n)++] = location;
        sum->is_met = true;
        sum->cum = add_wrapping(sum->cum, value);
        if (k == leaf)
            sum->flat = add_wrapping(sum->flat, value);
    }
}

static bool add_samples(struct lister *l)
{
    size_t n_locations = (size_t)l->profile->n_locations + 1;
    struct location_sum *sums = calloc(n_locations, sizeof *sums);
    uint32_t *order = malloc(n_locations * sizeof *order), n = 0;
    bool ok = sums && order;
    for (uint32_t i = 0; ok && i < l->view->n_samples; i++)
        sum_sample(l->view, &l->view->samples[i], sums, order, &n);
    for (uint32_t i = 0; ok && i < n; i++)
        ok = add_location(l, order[i], &sums[order[i]]);
    free(sums);
    free(order);
    return ok;
}

static int by_address(const void *a, const void *b)
{
    const struct sampled *x = a, *y = b;
    return x->address < y->address ? -1 : x->address > y->address;
}

/* --- ranges of code --- */

static const char *keep_text(struct lister *l, const char *text)
{
    return arena_strndup(&l->listing->arena, text, strlen(text));
}

/* The mapping with its file open, or NULL; *ok is false when memory ran out. */
static struct code_mapping *open_mapping(struct lister *l, uint32_t mapping, bool *ok)
{
    struct err why = {0};
    if (mapping >= l->profile->n_mappings)
        return NULL;
    if (l->is_open[mapping] == UNSEEN) {
        bool is_open = code_open(&l->listing->code, mapping, &l->opened[mapping], &why);
        l->is_open[mapping] = is_open ? MATCH : NO_MATCH;
        if (!is_open) {
            diag_add(l->diag, "%s", why.msg);
            l->whys[mapping] = keep_text(l, why.msg);
        }
        *ok = why.code != ERR_NOMEM && (is_open || l->whys[mapping]);
    }
    return l->is_open[mapping] == MATCH ? &l->opened[mapping] : NULL;
}

/* Find out which addresses of interest have code. */
static bool find_code(struct lister *l)
{
    bool ok = true;
    for (size_t i = 0; ok && i < l->sampled.n; i++) {
        struct sampled *s = &l->sampled.items[i];
        uint64_t address;
        if (s->location == PROFILE_NONE)
            continue;
        uint32_t mapping = l->profile->locations[s->location].mapping;
        struct code_mapping *m = open_mapping(l, mapping, &ok);
        s->has_code = m && code_address(m, s->address, &address);
        if (!s->has_code)
            s->why = m                                  ? "the address is not in the file"
                     : mapping < l->profile->n_mappings ? l->whys[mapping]
                                                        : "the address is in no file";
    }
    return ok;
}

/* The range that begins with sampled address i; *next is the first not in it. */
static struct range make_range(const struct lister *l, size_t i, size_t *next)
{
    const struct sampled *s = l->sampled.items;
    uint32_t mapping = l->profile->locations[s[i].location].mapping;
    const struct profile_mapping *m = &l->profile->mappings[mapping];
    struct range r = {.begin = s[i].address, .end = s[i].address, .first = i};
    uint64_t address = 0;
    code_address(&l->opened[mapping], s[i].address, &address);
    r.load = s[i].address - address;
    r.object = l->opened[mapping].object;
    for (; i < l->sampled.n; i++) {
        if (!s[i].has_code)
            continue;
        if (i > r.first && (s[i].address > r.end + 2 * EXPAND || s[i].address >= m->limit))
            break;
        r.end = s[i].address;
        r.score = add_wrapping(r.score, s[i].flat);
    }
    *next = i;
    r.n = i - r.first;
    r.begin = m->start - r.begin >= EXPAND ? r.begin - EXPAND : m->start;
    r.end = m->limit - r.end >= EXPAND ? r.end + EXPAND : m->limit;
    return r;
}

static int by_score(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

static bool make_ranges(struct lister *l)
{
    for (size_t i = 0; i < l->sampled.n;) {
        if (!l->sampled.items[i].has_code)
            i++;
        else if (!vec_push(&l->ranges, make_range(l, i, &i)))
            return false;
    }
    if (l->ranges.n)
        qsort(l->ranges.items, l->ranges.n, sizeof *l->ranges.items, by_score);
    if (l->ranges.n > LISTING_MAX_RANGES) {
        diag_add(l->diag, "code in %zu places matches; shown are the %d with the most samples",
                 l->ranges.n, LISTING_MAX_RANGES);
        l->ranges.n = LISTING_MAX_RANGES;
    }
    return true;
}

static bool decode_ranges(struct lister *l, struct err *err)
{
    for (size_t i = 0; i < l->ranges.n; i++) {
        struct range *r = &l->ranges.items[i];
        struct err why = {0};
        if (code_decode(&l->listing->code, r->object, r->begin - r->load, r->end - r->load,
                        &r->code, &why))
            continue;
        if (why.code == ERR_NOMEM)
            return err_nomem(err);
        diag_add(l->diag, "%s", why.msg);
        const char *text = keep_text(l, why.msg);
        if (!text)
            return err_nomem(err);
        for (size_t k = r->first; k < r->first + r->n; k++) {
            l->sampled.items[k].has_code = false;
            l->sampled.items[k].why = text;
        }
    }
    return code_annotate(&l->listing->code, err);
}

/* --- entries --- */

/* "main.F[go.shape.int]" is "main.F[...]" in Go's profiles. */
static struct str go_short_name(struct lister *l, const char *text)
{
    const char *open = strchr(text, '['), *close = strrchr(text, ']');
    buf_clear(&l->scratch);
    if (!open || !close || close < open)
        return (struct str){text, 0};
    buf_add(&l->scratch, text, (size_t)(open - text));
    buf_puts(&l->scratch, "[...]");
    buf_puts(&l->scratch, close + 1);
    return (struct str){buf_str(&l->scratch), l->scratch.len};
}

/* The id of a frame's name, INTERN_NONE if no sample has it. */
static uint32_t find_name(struct lister *l, const char *text)
{
    uint64_t key = (uint64_t)(uintptr_t)text;
    uint32_t id = map_get(&l->name_of, key);
    if (id != MAP_NONE)
        return id - 1;
    id = intern_find(&l->texts, str_of(text));
    struct str go = id == INTERN_NONE ? go_short_name(l, text) : (struct str){"", 0};
    if (go.len)
        id = intern_find(&l->texts, go);
    map_put(&l->name_of, key, id + 1); /* INTERN_NONE wraps to 0 */
    return id;
}

/* A file's name without what leads to the working folder; p NULL when memory runs out. */
static struct str clean_file(struct lister *l, struct str file)
{
    static const char *const prefixes[] = {"/proc/self/cwd/", "./"};
    for (size_t i = 0; i < 2; i++) {
        struct str prefix = str_of(prefixes[i]);
        if (str_has_prefix(file, prefix))
            file = (struct str){file.p + prefix.len, file.len - prefix.len};
    }
    struct str clean = path_clean(file, &l->scratch);
    if (clean.p != file.p)
        clean.p = arena_strndup(&l->listing->arena, clean.p, clean.len);
    return clean;
}

/* A frame, from the object or from the profile. */
struct stack_frame {
    uint32_t name; /* id of texts, INTERN_NONE */
    const char *text;
    struct str file;
    int64_t line;
};

struct stack {
    struct stack_frame frames[FRAMES_MAX_INLINE];
    uint32_t n;
};

/* The calls from frame i down to frame 0, which are shared by all entries of an
 * instruction: of the calls [first, first + n - 1) the last i. */
static bool add_calls(struct listing *listing, const struct stack *stack, uint32_t *first)
{
    *first = (uint32_t)listing->calls.n;
    for (uint32_t i = stack->n ? stack->n - 1 : 0; i-- > 0;) {
        const struct stack_frame *f = &stack->frames[i];
        if (!vec_push(&listing->calls, (struct listing_call){f->file, f->line}))
            return false;
    }
    return true;
}

/* List an instruction at the lines of the functions of interest on its stack. */
static bool add_entries(struct lister *l, const struct stack *stack, uint32_t instruction)
{
    struct listing *listing = l->listing;
    uint32_t first;
    if (!add_calls(listing, stack, &first))
        return false;
    for (uint32_t i = 0; i < stack->n; i++) {
        const struct stack_frame *f = &stack->frames[i];
        if (f->name == INTERN_NONE || !l->names.items[f->name].is_interesting)
            continue;
        struct str shown = l->names.items[f->name].shown, file = clean_file(l, f->file);
        struct listing_entry entry = {
            .file = file,
            .line = f->line,
            .instruction = instruction,
            .first_call = first + (stack->n - 1 - i),
            .n_calls = i,
            .function = shown.p ? shown : str_of(f->text),
        };
        if (!file.p || !vec_push(&listing->entries, entry))
            return false;
    }
    return true;
}

/* Values of samples inside [address, address + length); none at the last address of all,
 * where the end wraps, as pprof's does. */
static void sum_samples(const struct lister *l, struct listing_instruction *in)
{
    const struct sampled *s = l->sampled.items;
    size_t low = 0;
    for (size_t high = l->sampled.n; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (s[middle].address < in->address)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < l->sampled.n && s[low].address < in->address + in->length; low++) {
        in->flat = add_wrapping(in->flat, s[low].flat);
        in->cum = add_wrapping(in->cum, s[low].cum);
    }
}

/* An address without code: its frames are the profile's. */
static bool list_address(struct lister *l, const struct sampled *s, struct stack *stack)
{
    const struct view_location *lines = &l->view->locations[s->location];
    stack->n = 0;
    for (uint32_t i = 0; i < lines->n && stack->n < FRAMES_MAX_INLINE; i++) {
        const struct profile_line *line = &l->view->lines[lines->first + i];
        if (line->function == PROFILE_NONE)
            continue;
        const struct profile_function *f = &l->profile->functions[line->function];
        struct str name = profile_str(l->profile, f->name);
        stack->frames[stack->n++] = (struct stack_frame){
            intern_find(&l->texts, name), name.p, profile_str(l->profile, f->filename), line->line};
    }
    struct listing_instruction in = {.address = s->address,
                                     .object_address = s->address,
                                     .length = 1,
                                     .why = s->why,
                                     .file = STR("")};
    if (stack->n) {
        in.file = stack->frames[0].file;
        in.line = stack->frames[0].line;
    }
    sum_samples(l, &in);
    return vec_push(&l->listing->instructions, in) &&
           add_entries(l, stack, (uint32_t)l->listing->instructions.n - 1);
}

static void make_stack(struct lister *l, const struct frame *frames, uint32_t n,
                       struct stack *stack)
{
    stack->n = n < FRAMES_MAX_INLINE ? n : FRAMES_MAX_INLINE;
    for (uint32_t i = 0; i < stack->n; i++)
        stack->frames[i] = (struct stack_frame){find_name(l, frames[i].name), frames[i].name,
                                                str_of(frames[i].file), frames[i].line};
}

/* All instructions of a range.  Those without a line are listed where the one before
 * is, if it is near. */
static bool list_range(struct lister *l, const struct range *r, struct stack *stack)
{
    const struct instruction *code = r->object->instructions.list.items + r->code.first;
    const struct frame *last_frames = NULL;
    uint32_t n, n_last = 0;
    uint64_t last = 0;
    for (size_t i = 0; i < r->code.n; i++) {
        const struct frame *frames = code_frames(r->object, code[i].address, &n);
        struct listing_instruction in = {
            .address = code[i].address + r->load,
            .object_address = code[i].address,
            .length = 1,
            .text = code[i].text,
            .file = n ? str_of(frames->file) : STR(""),
            .line = n ? frames->line : 0,
        };
        if (i + 1 < r->code.n && code[i + 1].address > code[i].address)
            in.length = (uint32_t)(code[i + 1].address - code[i].address);
        sum_samples(l, &in);
        if (!vec_push(&l->listing->instructions, in))
            return false;
        if (n && r->object->is_go && !frames->line) {
            n = n_last = 0; /* padding: Go's table knows the line of everything else */
        } else if (n && frames->line) {
            last_frames = frames;
            n_last = n;
            last = in.address;
        } else if (n_last && in.address - last <= NEIGHBORHOOD) {
            frames = last_frames;
            n = n_last;
        }
        make_stack(l, frames, n, stack);
        if (!add_entries(l, stack, (uint32_t)l->listing->instructions.n - 1))
            return false;
    }
    return true;
}

/* Where an entry belongs: the numbers of its file in order of names, and its line. */
struct place {
    uint32_t file, entry;
    int64_t line;
};

static int by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    return x->entry < y->entry ? -1 : x->entry > y->entry;
}

static int by_text(const void *a, const void *b, void *arg)
{
    const struct str *texts = arg;
    return str_cmp(texts[*(const uint32_t *)a], texts[*(const uint32_t *)b]);
}

/* By id of `files`: which it is in the order of names.  NULL when memory runs out. */
static uint32_t *rank_files(const struct intern *files)
{
    uint32_t *order = malloc(files->n * sizeof *order), *ranks = malloc(files->n * sizeof *ranks);
    if (order && ranks) {
        for (uint32_t i = 0; i < files->n; i++)
            order[i] = i;
        qsort_r(order, files->n, sizeof *order, by_text, files->strings);
        for (uint32_t i = 0; i < files->n; i++)
            ranks[order[i]] = i;
    } else {
        free(ranks);
        ranks = NULL;
    }
    free(order);
    return ranks;
}

/* Sort the entries by file, then line, else as they are. */
static bool sort_entries(struct lister *l)
{
    struct listing *listing = l->listing;
    size_t n = listing->entries.n;
    struct listing_entry *old = listing->entries.items, *sorted = malloc((n + 1) * sizeof *sorted);
    struct place *places = malloc((n + 1) * sizeof *places);
    struct intern files;
    bool ok = intern_init(&files, &listing->arena) && sorted && places;
    for (size_t i = 0; ok && i < n; i++) {
        bool is_same = i > 0 && old[i].file.p == old[i - 1].file.p;
        uint32_t file = is_same ? places[i - 1].file : intern_add(&files, old[i].file);
        places[i] = (struct place){file, (uint32_t)i, old[i].line};
        ok = file != INTERN_NONE;
    }
    uint32_t *ranks = ok ? rank_files(&files) : NULL;
    if (ranks) {
        for (size_t i = 0; i < n; i++)
            places[i].file = ranks[places[i].file];
        qsort(places, n, sizeof *places, by_place);
        for (size_t i = 0; i < n; i++)
            sorted[i] = old[places[i].entry];
        listing->entries.items = sorted;
        listing->entries.cap = n + 1;
        sorted = old;
    }
    ok = ranks != NULL;
    intern_release(&files);
    free(places);
    free(sorted);
    free(ranks);
    return ok;
}

static bool list_all(struct lister *l)
{
    struct stack stack;
    for (size_t i = 0; i < l->sampled.n; i++) {
        const struct sampled *s = &l->sampled.items[i];
        if (s->location != PROFILE_NONE && !s->has_code && !list_address(l, s, &stack))
            return false;
    }
    for (size_t i = 0; i < l->ranges.n; i++) {
        if (!list_range(l, &l->ranges.items[i], &stack))
            return false;
    }
    return sort_entries(l) && !l->scratch.failed;
}

/* --- the whole --- */

static bool lister_init(struct lister *l)
{
    const struct profile *p = l->profile;
    l->functions = calloc((size_t)p->n_functions + 1, 1);
    l->mappings = calloc((size_t)p->n_mappings + 1, 1);
    l->is_open = calloc((size_t)p->n_mappings + 1, 1);
    l->opened = calloc((size_t)p->n_mappings + 1, sizeof *l->opened);
    l->whys = calloc((size_t)p->n_mappings + 1, sizeof *l->whys);
    l->next_made_up = 1;
    for (uint32_t i = 0; i < p->n_mappings; i++) {
        if (p->mappings[i].limit > l->next_made_up)
            l->next_made_up = p->mappings[i].limit;
    }
    return intern_init(&l->texts, &l->listing->arena) && l->functions && l->mappings &&
           l->is_open && l->opened && l->whys;
}

static void lister_release(struct lister *l)
{
    vec_release(&l->sampled);
    vec_release(&l->ranges);
    vec_release(&l->names);
    map_release(&l->by_address);
    map_release(&l->made_up);
    map_release(&l->name_of);
    intern_release(&l->texts);
    buf_release(&l->scratch);
    free(l->functions);
    free(l->mappings);
    free(l->is_open);
    free(l->opened);
    free(l->whys);
}

static bool is_any_interesting(const struct lister *l)
{
    for (size_t i = 0; i < l->names.n; i++) {
        if (l->names.items[i].is_interesting)
            return true;
    }
    return false;
}

static bool run_lister(struct lister *l, struct err *err)
{
    if (!lister_init(l) || !add_samples(l))
        return err_nomem(err);
    if (!is_any_interesting(l))
        return err_set(err, ERR_USAGE, "no matches found for regexp: %s", regex_pattern(l->re));
    qsort(l->sampled.items, l->sampled.n, sizeof *l->sampled.items, by_address);
    if (!find_code(l) || !make_ranges(l))
        return err_nomem(err);
    return decode_ranges(l, err) && (list_all(l) || err_nomem(err));
}

bool listing_init(struct listing *listing, struct report_run *run, struct diag *diag,
                  struct err *err)
{
    const struct view *view = &run->pipeline.view;
    struct lister l = {.listing = listing,
                       .view = view,
                       .profile = view->profile,
                       .re = run->pipeline.argument,
                       .diag = diag};
    *listing = (struct listing){0};
    code_init(&listing->code, view->profile, run->options.intel_syntax, diag);
    l.is_address = code_parse_address(regex_pattern(l.re), &l.address);
    bool ok = run_lister(&l, err);
    lister_release(&l);
    return ok;
}

void listing_release(struct listing *listing)
{
    code_release(&listing->code);
    vec_release(&listing->instructions);
    vec_release(&listing->calls);
    vec_release(&listing->entries);
    arena_release(&listing->arena);
}
