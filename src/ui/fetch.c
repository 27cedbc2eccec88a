#include "ui/fetch.h"

#include "base/pool.h"
#include "base/reader.h"
#include "format/format.h"
#include "model/builder.h"
#include "model/merge.h"
#include "ui/convert.h"
#include "ui/live_source.h"
#include "ui/progress.h"
#include "ui/remote.h"
#include "ui/trace_name.h"
#include "xform/view.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* So many sources are in memory at once. */
#define CHUNK 128

/* Can it be read more than once?  What is read from a pipe is gone. */
static bool is_regular(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool fetch_is_object_file(const char *path)
{
    char magic[4];
    if (!is_regular(path))
        return false;
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return fd >= 0 && read(fd, magic, sizeof magic) == sizeof magic &&
           !memcmp(magic, "\177ELF", sizeof magic);
}

/* Put the binary and the build ID of the command line into the first mapping;
 * a profile without mappings gets one for all addresses, so that the binary can
 * be looked up for it.  Takes `profile` over; NULL when memory runs out. */
static struct profile *adopt_binary(struct profile *profile, const struct fetch_request *request,
                                    struct err *err)
{
    bool add_mapping = profile->n_mappings == 0;
    bool set_file = request->binary != NULL;
    bool set_build_id = request->build_id && (add_mapping || profile->mappings[0].build_id == 0);
    if (!add_mapping && !set_file && !set_build_id)
        return profile;

    struct builder *b = builder_new_from(profile, err);
    if (!b) {
        profile_free(profile);
        return NULL;
    }
    struct profile_mapping first = {.id = 1};
    if (!add_mapping)
        first = profile->mappings[0];
    if (set_file)
        first.file = builder_string(b, str_of(request->binary));
    if (set_build_id)
        first.build_id = builder_string(b, str_of(request->build_id));
    builder_mapping(b, &first);
    for (uint32_t i = 1; i < profile->n_mappings; i++)
        builder_mapping(b, &profile->mappings[i]);
    for (uint32_t i = 0; i < profile->n_functions; i++)
        builder_function(b, &profile->functions[i]);
    for (uint32_t i = 0; i < profile->n_locations; i++) {
        struct profile_location location = profile->locations[i];
        if (add_mapping)
            location.mapping = 0;
        builder_location(b, &location, profile->lines + location.first_line, location.n_lines);
    }
    return builder_seal_over(b, profile, err);
}

/* A pipe is left alone: what writes to it would end when it is closed again. */
static struct profile *read_ahead(const char *name, bool without_stacks, struct diag *diag)
{
    struct stat st;
    AUTO_FD fd = stat(name, &st) == 0 && S_ISREG(st.st_mode)
                     ? open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
                     : -1;
    return fd >= 0 ? format_read_ahead(fd, without_stacks, diag) : NULL;
}

/* What a file, or a server, has. */
static struct profile *read_bytes(const char *name, const struct fetch_request *request,
                                  struct url *url, struct diag *diag, struct err *err)
{
    /* Samples are told apart by their stacks where there are several profiles. */
    bool is_alone = request->n_sources == 1 && request->n_bases == 0;
    struct profile *profile = read_ahead(name, request->without_stacks && is_alone, diag);
    *url = (struct url){0};
    if (profile)
        return profile;
    AUTO_FILE file = {0};
    return source_read(name, &request->source, &file, url, err)
               ? format_read(name, &file, diag, err)
               : NULL;
}

/* What a program has: told by itself, where it has a server of libsonde's, else read from
 * outside. */
static struct profile *read_live(const char *name, const struct fetch_request *request,
                                 struct url *url, struct diag *diag, struct err *err)
{
    struct live_name live;
    AUTO_BUF server = {0};
    struct profile *profile = NULL;
    if (live_name_parse(&live, name, err)) {
        if (live.seconds == 0 && request->source.seconds > 0)
            live.seconds = request->source.seconds;
        profile = live_source_server(&live, &server, diag)
                      ? read_bytes(buf_str(&server), request, url, diag, err)
                      : live_source_profile(&live, diag, err);
        url->is_process = true;
    }
    live_name_release(&live);
    return profile;
}

static struct profile *read_source(const char *name, const struct fetch_request *request,
                                   struct url *url, struct diag *diag, struct err *err)
{
    bool is_live = live_name_is(name) && access(name, F_OK) != 0;
    bool is_trace = trace_name_is(name) && access(name, F_OK) != 0;
    struct profile *profile = is_live    ? read_live(name, request, url, diag, err)
                              : is_trace ? trace_name_profile(name, &request->source, diag, err)
                                         : read_bytes(name, request, url, diag, err);
    if (profile && profile->n_types == 0) {
        err_set(err, ERR_INPUT, "cannot read '%s': the profile has no sample types", name);
        profile_free(profile);
        return NULL;
    }
    /* A trace has all the names that it will ever have. */
    return profile && !is_trace ? adopt_binary(profile, request, err) : profile;
}

/* The sources, or the bases, on their way to one profile. */
struct side {
    const struct fetch_request *request;
    const char *kind; /* "sources", "bases" */
    char *const *names;
    size_t n;
    struct profile *sum;
    struct remote remote;
    struct diag diag;
    struct err err;
};

struct chunk {
    const struct side *side;
    size_t start, n;
    struct profile *profiles[CHUNK]; /* NULL where reading failed, and once it is merged */
    bool is_read[CHUNK];
    struct url urls[CHUNK]; /* without text: not from a server */
    struct diag diags[CHUNK];
    struct err errs[CHUNK];

    /* Where each is merged as soon as it is read. */
    struct profile *first; /* the sum so far, or the first one that could be read; until a second */
    struct merge *merge;   /* from the second one on */
    bool is_refused;       /* they have not all the same types */
};

static void chunk_clear(struct chunk *chunk)
{
    for (size_t i = 0; i < chunk->n; i++) {
        diag_release(&chunk->diags[i]);
        url_release(&chunk->urls[i]);
        chunk->errs[i] = (struct err){0};
    }
}

static void read_one(void *arg, size_t i)
{
    struct chunk *chunk = arg;
    chunk->profiles[i] = read_source(chunk->side->names[chunk->start + i], chunk->side->request,
                                     &chunk->urls[i], &chunk->diags[i], &chunk->errs[i]);
    chunk->is_read[i] = chunk->profiles[i] != NULL;
}

/* Merge `n` profiles, which are freed, into one. */
static struct profile *merge_all(struct profile **profiles, size_t n, struct err *err)
{
    if (n == 1)
        return profiles[0];
    struct profile *merged = NULL;
    if (convert_units(profiles, n, err))
        merged = merge_profiles((const struct profile *const *)profiles, n, err);
    for (size_t i = 0; i < n; i++)
        profile_free(profiles[i]);
    return merged;
}

/* Merge a profile of the chunk, and free it. */
static void merge_one(void *arg, size_t i)
{
    struct chunk *chunk = arg;
    struct profile *profile = chunk->profiles[i];
    bool is_begun = chunk->merge || chunk->is_refused;
    chunk->profiles[i] = NULL;
    if (!profile)
        return;
    if (!is_begun && !chunk->first) {
        chunk->first = profile;
        return;
    }
    if (!is_begun) {
        bool is_sum = chunk->first == chunk->side->sum;
        struct merge_source first = {.profile = chunk->first,
                                     .taken = is_sum ? NULL : &chunk->first};
        chunk->merge = merge_begin(&first, chunk->n);
        if (!is_sum)
            profile_free(chunk->first);
        chunk->first = NULL;
    }
    chunk->is_refused = chunk->is_refused || !chunk->merge || !merge_add(chunk->merge, profile);
    profile_free(profile);
}

/* Read a chunk and merge each source while others are being read.  False when they do not all
 * have the same types: then they are needed all at once, and side->sum is as it was.
 * Else it is the new sum; NULL where there is none, or side->err. */
static bool read_one_by_one(struct side *side, struct chunk *chunk)
{
    chunk->first = side->sum;
    pool_run_in_order(chunk->n, read_one, merge_one, chunk);
    if (chunk->is_refused) {
        merge_free(chunk->merge);
        chunk_clear(chunk);
        return false;
    }
    if (chunk->merge) {
        profile_free(side->sum);
        side->sum = merge_end(chunk->merge, &side->err);
    } else {
        side->sum = chunk->first;
    }
    return true;
}

/* Read a chunk, then merge it; side->sum as above. */
static void read_all_at_once(struct side *side, struct chunk *chunk)
{
    struct profile *good[CHUNK + 1];
    size_t n_good = 0;
    if (side->sum)
        good[n_good++] = side->sum;
    pool_run(chunk->n, 0, read_one, chunk);
    for (size_t i = 0; i < chunk->n; i++) {
        if (chunk->profiles[i] && chunk->urls[i].text.len)
            chunk->profiles[i] =
                remote_note(&side->remote, chunk->profiles[i], &chunk->urls[i], &chunk->errs[i]);
        chunk->is_read[i] = chunk->profiles[i] != NULL;
        if (chunk->is_read[i])
            good[n_good++] = chunk->profiles[i];
    }
    side->sum = n_good ? merge_all(good, n_good, &side->err) : NULL;
}

static void add_notes(struct diag *diag, const struct diag *more)
{
    for (size_t k = 0; k < more->n; k++)
        diag_add(diag, "%s", more->texts[k]);
}

/* Are there several sources, all of which can be read again? */
static bool can_be_read_again(const struct chunk *chunk)
{
    bool ok = chunk->n > 1 || chunk->side->sum;
    for (size_t i = 0; ok && i < chunk->n; i++)
        ok = is_regular(chunk->side->names[chunk->start + i]);
    return ok;
}

/* Read a chunk and add it to side->sum. */
static bool add_chunk(struct side *side, struct chunk *chunk, size_t *n_read, struct err *first_err)
{
    if (!can_be_read_again(chunk) || !read_one_by_one(side, chunk))
        read_all_at_once(side, chunk);
    for (size_t i = 0; i < chunk->n; i++) {
        add_notes(&side->diag, &chunk->diags[i]);
        *n_read += chunk->is_read[i];
        if (chunk->is_read[i])
            continue;
        if (!first_err->code)
            *first_err = chunk->errs[i];
        if (side->n > 1)
            diag_add(&side->diag, "%s", chunk->errs[i].msg);
    }
    return !side->err.code || err_wrap(&side->err, "cannot merge the profiles");
}

/* Read the names of a side: its sum, or NULL and its err. */
static void read_side(void *arg, size_t which)
{
    struct side *side = (struct side *)arg + which;
    struct err first_err = {0};
    size_t n_read = 0;
    for (size_t start = 0; start < side->n; start += CHUNK) {
        struct chunk *chunk = calloc(1, sizeof *chunk);
        if (!chunk) {
            profile_free(side->sum);
            side->sum = NULL;
            err_nomem(&side->err);
            return;
        }
        chunk->side = side;
        chunk->start = start;
        chunk->n = side->n - start < CHUNK ? side->n - start : CHUNK;
        bool ok = add_chunk(side, chunk, &n_read, &first_err);
        chunk_clear(chunk);
        free(chunk);
        if (!ok)
            return;
    }
    if (n_read == 0 && side->n == 1)
        side->err = first_err;
    else if (n_read == 0)
        err_set(&side->err, first_err.code, "none of the %zu %s can be read", side->n, side->kind);
    else if (n_read < side->n)
        diag_add(&side->diag, "read %zu of %zu %s", n_read, side->n, side->kind);
}

/* The sources less the bases.  Both are freed. */
static struct profile *subtract(struct profile *sources, struct profile *bases,
                                const struct fetch_request *request, struct err *err)
{
    struct profile *both[] = {sources, bases}, *difference = NULL;
    if (request->normalize || convert_units(both, 2, err))
        difference = merge_difference(&both[0], both[1], request->diff_base ? VIEW_BASE_KEY : NULL,
                                      request->normalize, err);
    if (!difference)
        err_wrap(err, "cannot subtract the bases");
    profile_free(both[0]);
    profile_free(both[1]);
    return difference;
}

/* Take over what the side knows about servers. */
static bool join_remotes(struct remote *remote, struct remote *more)
{
    if (!vec_reserve(&remote->mappings, remote->mappings.n + more->mappings.n))
        return false;
    for (size_t i = 0; i < more->mappings.n; i++)
        remote->mappings.items[remote->mappings.n++] = more->mappings.items[i];
    more->mappings.n = 0;
    remote->wants_copy |= more->wants_copy;
    return true;
}

/* The merged sources less the merged bases, or NULL. */
static struct profile *read_all(const struct fetch_request *request, struct remote *remote,
                                struct diag *diag, struct err *err)
{
    struct side sides[] = {
        {.request = request, .kind = "sources", .names = request->sources, .n = request->n_sources},
        {.request = request, .kind = "bases", .names = request->bases, .n = request->n_bases},
    };
    size_t n_sides = request->n_bases ? 2 : 1;
    bool ok = true;
    pool_run(n_sides, 0, read_side, sides);
    for (size_t i = 0; i < n_sides; i++) {
        add_notes(diag, &sides[i].diag);
        if (ok && !sides[i].sum)
            *err = sides[i].err;
        ok = ok && sides[i].sum;
        if (ok && !join_remotes(remote, &sides[i].remote))
            ok = err_nomem(err);
        diag_release(&sides[i].diag);
        remote_release(&sides[i].remote);
    }
    if (ok && n_sides == 2)
        return subtract(sides[0].sum, sides[1].sum, request, err);
    if (ok)
        return sides[0].sum;
    profile_free(sides[0].sum);
    profile_free(sides[1].sum);
    return NULL;
}

/* Are all of them files?  Servers have messages of their own. */
static bool are_files(const struct fetch_request *request)
{
    bool ok = true;
    for (size_t i = 0; i < request->n_sources; i++)
        ok = ok && access(request->sources[i], F_OK) == 0;
    for (size_t i = 0; i < request->n_bases; i++)
        ok = ok && access(request->bases[i], F_OK) == 0;
    return ok;
}

static struct profile *read_with_progress(const struct fetch_request *request,
                                          struct remote *remote, struct diag *diag, struct err *err)
{
    struct progress progress;
    if (request->is_quiet || !are_files(request))
        return read_all(request, remote, diag, err);
    progress_begin(&progress, "reading");
    struct profile *profile = read_all(request, remote, diag, err);
    progress_end(&progress);
    return profile;
}

static struct profile *resolve_with_progress(struct profile *profile,
                                             const struct resolve_options *options, bool is_quiet,
                                             struct diag *diag, struct err *err)
{
    struct progress progress;
    if (is_quiet)
        return resolve_profile(profile, options, diag, err);
    progress_begin(&progress, "reading symbols");
    profile = resolve_profile(profile, options, diag, err);
    progress_end(&progress);
    return profile;
}

struct profile *fetch_profile(const struct fetch_request *request, struct diag *diag,
                              struct err *err)
{
    struct remote remote = {0};
    struct profile *profile = read_with_progress(request, &remote, diag, err);
    if (profile && request->all_frames)
        profile->drop_frames = profile->keep_frames = 0; /* it is still ours alone */
    struct resolve_options resolve = request->resolve;
    resolve.names_only = !request->symbolize;
    if (profile && (request->symbolize || request->ask_servers))
        profile = resolve_with_progress(profile, &resolve, request->is_quiet, diag, err);
    if (profile)
        profile = remote_finish(&remote, profile, request->ask_servers, &request->resolve,
                                &request->source.http, diag, err);
    if (profile && request->comment && !profile_add_comment(profile, str_of(request->comment))) {
        profile_free(profile);
        profile = NULL;
        err_nomem(err);
    }
    if (profile && remote.mappings.n && remote.wants_copy && !request->is_quiet)
        remote_save(profile);
    remote_release(&remote);
    return profile;
}

static bool is_as_read(const struct fetch_request *request, const struct profile *profile)
{
    return request->n_sources == 1 && request->n_bases == 0 && !request->binary &&
           !request->build_id && !request->comment && !request->all_frames &&
           profile->is_packed_pprof && !profile->parent;
}

struct profile *fetch_with_original(const struct fetch_request *request, struct original *original,
                                    struct diag *diag, struct err *err)
{
    original_note(original, request->sources[0]);
    struct profile *profile = fetch_profile(request, diag, err);
    if (!profile || !is_as_read(request, profile))
        original->path = NULL;
    return profile;
}
