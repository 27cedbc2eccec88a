#include "ui/remote.h"

#include "base/gzip.h"
#include "base/map.h"
#include "base/reader.h"
#include "format/go_comments.h"
#include "format/pprof_write.h"
#include "model/builder.h"
#include "sym/demangle.h"
#include "ui/tell.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYMBOL_TIMEOUT_S 60

void remote_release(struct remote *remote)
{
    for (size_t i = 0; i < remote->mappings.n; i++) {
        free(remote->mappings.items[i].key);
        free(remote->mappings.items[i].url);
        free(remote->mappings.items[i].socket);
    }
    vec_release(&remote->mappings);
}

static bool note_mapping(struct remote *remote, const char *key, const struct url *url,
                         uint64_t start)
{
    struct remote_mapping m = {strdup(key), strdup(buf_str(&url->text)),
                               strdup(buf_str(&url->socket)), start};
    if (m.key && m.url && m.socket && vec_push(&remote->mappings, m))
        return true;
    free(m.key);
    free(m.url);
    free(m.socket);
    return false;
}

/* A copy of everything but the mappings, which are added already; `lines[i]` (if
 * lines, and not NULL) is the one line of location i. */
static void copy_rest(struct builder *b, const struct profile *p,
                      const struct profile_line *const *lines)
{
    for (uint32_t i = 0; i < p->n_locations; i++) {
        const struct profile_location *l = &p->locations[i];
        if (lines && lines[i])
            builder_location(b, l, lines[i], 1);
        else
            builder_location(b, l, p->lines + l->first_line, l->n_lines);
    }
}

struct profile *remote_note(struct remote *remote, struct profile *profile, const struct url *url,
                            struct err *err)
{
    const char *name = buf_str(&url->text);
    bool ok = true, is_nameless = false;
    remote->wants_copy |= !url->is_process;
    for (uint32_t i = 0; ok && i < profile->n_mappings; i++) {
        const struct profile_mapping *m = &profile->mappings[i];
        const char *key = profile_cstr(profile, m->build_id ? m->build_id : m->file);
        is_nameless |= !*key;
        ok = note_mapping(remote, *key ? key : name, url, m->start);
    }
    if (ok && !is_nameless)
        return profile;
    struct builder *b = ok ? builder_new_from(profile, err) : NULL;
    if (!b) {
        profile_free(profile);
        err_nomem(err);
        return NULL;
    }
    for (uint32_t i = 0; i < profile->n_mappings; i++) {
        struct profile_mapping m = profile->mappings[i];
        if (!m.build_id && !m.file)
            m.file = builder_string(b, str_of(name));
        builder_mapping(b, &m);
    }
    for (uint32_t i = 0; i < profile->n_functions; i++)
        builder_function(b, &profile->functions[i]);
    copy_rest(b, profile, NULL);
    return builder_seal_over(b, profile, err);
}

/* What is being added to a profile. */
struct namer {
    const struct profile *p;
    struct builder *b;
    const struct resolve_options *options;
    const struct http_options *http;
    struct diag *diag;
    struct map functions;              /* name (a string) -> row */
    const struct profile_line **lines; /* [n_locations] */
    VEC(struct profile_line *) made;   /* what `lines` point at */
};

/* Has it no name, or one that says no more than that? */
static bool wants_name(const struct profile *p, const struct profile_location *l)
{
    if (l->n_lines == 0)
        return true;
    uint32_t function = p->lines[l->first_line].function;
    return l->n_lines == 1 && function != PROFILE_NONE &&
           strcmp(profile_cstr(p, p->functions[function].name), GO_LEFT_OUT) == 0;
}

/* The addresses of a mapping that need names, as servers want them: "0x1+0x2". */
static size_t list_addresses(const struct namer *n, uint32_t mapping, uint64_t offset,
                             struct buf *out)
{
    size_t n_addresses = 0;
    for (uint32_t i = 0; i < n->p->n_locations; i++) {
        const struct profile_location *l = &n->p->locations[i];
        if (l->mapping == mapping && l->address && wants_name(n->p, l))
            buf_printf(out, "%s0x%" PRIx64, n_addresses++ ? "+" : "", l->address + offset);
    }
    return n_addresses;
}

static uint32_t function_of(struct namer *n, struct str name)
{
    AUTO_BUF shown = {0};
    uint32_t system_name = builder_string(n->b, name), row = map_get(&n->functions, system_name);
    if (row != PROFILE_NONE)
        return row;
    demangle(builder_text(n->b, system_name).p, n->options->demangle, &shown);
    struct profile_function f = {
        .system_name = system_name,
        .name = builder_string(n->b, (struct str){buf_str(&shown), shown.len})};
    row = builder_function(n->b, &f);
    return map_put(&n->functions, system_name, row) ? row : PROFILE_NONE;
}

/* One line of an answer, "0x401000 main", somewhere in it. */
static bool read_line(struct str line, uint64_t *address, struct str *name)
{
    for (size_t i = 0; i + 2 < line.len; i++) {
        if (line.p[i] != '0' || line.p[i + 1] != 'x')
            continue;
        size_t k = i + 2;
        uint64_t v = 0;
        for (; k < line.len && strchr("0123456789abcdefABCDEF", line.p[k]) && line.p[k]; k++)
            v = v << 4 |
                (uint64_t)(line.p[k] <= '9' ? line.p[k] - '0' : (line.p[k] | 32) - 'a' + 10);
        size_t space = k;
        while (k < line.len && (line.p[k] == ' ' || line.p[k] == '\t'))
            k++;
        if (space == i + 2 || k == space)
            continue;
        *address = v;
        *name = (struct str){line.p + k, line.len - k};
        return true;
    }
    return false;
}

/* Address -> function row. */
static bool read_answer(struct namer *n, const struct buf *answer, uint64_t offset, struct map *map)
{
    const char *end = answer->data + answer->len;
    for (const char *p = answer->data; p && p < end;) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        struct str line = {p, (size_t)((newline ? newline : end) - p)}, name;
        uint64_t address;
        if (read_line(line, &address, &name) &&
            !map_put(map, address - offset, function_of(n, name)))
            return false;
        p = newline ? newline + 1 : end;
    }
    return true;
}

static bool name_mapping(struct namer *n, uint32_t mapping, const struct remote_mapping *from,
                         bool *is_named, struct err *err)
{
    AUTO_BUF url = {0}, post = {0}, answer = {0};
    struct err why = {0};
    struct map map = {0};
    uint64_t offset = from->start - n->p->mappings[mapping].start;
    *is_named = url_of_symbols(from->url, &url);
    if (!*is_named || list_addresses(n, mapping, offset, &post) == 0)
        return true; /* a mapping that needs no names counts as one that has them */
    *is_named = false;
    struct http_request request = {.url = buf_str(&url),
                                   .socket = from->socket,
                                   .post = buf_str(&post),
                                   .timeout_seconds = SYMBOL_TIMEOUT_S,
                                   .options = n->http};
    if (post.failed || url.failed)
        return err_nomem(err);
    if (!http_ask(&request, &answer, &why)) {
        diag_add(n->diag, "cannot get the names of addresses from %s: %s", request.url, why.msg);
        return why.code != ERR_NOMEM || err_nomem(err);
    }
    bool ok = read_answer(n, &answer, offset, &map);
    for (uint32_t i = 0; ok && i < n->p->n_locations; i++) {
        const struct profile_location *l = &n->p->locations[i];
        uint32_t f = l->mapping == mapping ? map_get(&map, l->address) : PROFILE_NONE;
        if (f == PROFILE_NONE || !wants_name(n->p, l))
            continue;
        struct profile_line *line = malloc(sizeof *line);
        ok = line && vec_push(&n->made, line);
        if (!ok) {
            free(line);
            break;
        }
        *line = (struct profile_line){.function = f};
        n->lines[i] = line;
    }
    map_release(&map);
    *is_named = true;
    return ok || err_nomem(err);
}

static bool is_url(struct str file)
{
    return memmem(file.p, file.len, "://", 3) != NULL;
}

/* Where the mapping came from, or NULL. */
static const struct remote_mapping *origin(const struct remote *remote, const struct profile *p,
                                           const struct profile_mapping *m)
{
    for (size_t i = 0; i < remote->mappings.n; i++) {
        const struct remote_mapping *from = &remote->mappings.items[i];
        if (strcmp(from->key, profile_cstr(p, m->file)) == 0 ||
            (m->build_id && strcmp(from->key, profile_cstr(p, m->build_id)) == 0))
            return from;
    }
    return NULL;
}

static bool name_all(struct namer *n, const struct remote *remote, bool ask, struct err *err)
{
    const struct profile *p = n->p;
    for (uint32_t i = 0; i < p->n_functions; i++)
        builder_function(n->b, &p->functions[i]);
    for (uint32_t i = 0; i < p->n_mappings; i++) {
        struct profile_mapping m = p->mappings[i];
        const struct remote_mapping *from =
            ask && (n->options->force || !m.has_functions) ? origin(remote, p, &m) : NULL;
        bool is_named = false;
        if (from && !name_mapping(n, i, from, &is_named, err))
            return false;
        m.has_functions |= is_named;
        if (!m.build_id && is_url(profile_str(p, m.file)))
            m.file = 0;
        builder_mapping(n->b, &m);
    }
    copy_rest(n->b, p, n->lines);
    return true;
}

struct profile *remote_finish(const struct remote *remote, struct profile *profile, bool ask,
                              const struct resolve_options *options,
                              const struct http_options *http, struct diag *diag, struct err *err)
{
    if (remote->mappings.n == 0)
        return profile;
    struct namer n = {.p = profile, .options = options, .http = http, .diag = diag};
    n.b = builder_new_from(profile, err);
    n.lines = calloc((size_t)profile->n_locations + 1, sizeof *n.lines);
    bool ok = n.b && (n.lines || err_nomem(err)) && name_all(&n, remote, ask, err);
    if (ok) {
        profile = builder_seal_over(n.b, profile, err);
    } else {
        builder_free(n.b);
        profile_free(profile);
        profile = NULL;
    }
    for (size_t i = 0; i < n.made.n; i++)
        free(n.made.items[i]);
    vec_release(&n.made);
    free(n.lines);
    map_release(&n.functions);
    return profile;
}

/* --- the copy --- */

static bool choose_folder(struct buf *out)
{
    const char *chosen = getenv("PPROF_TMPDIR"), *home = getenv("HOME"), *tmp = getenv("TMPDIR");
    for (int i = 0; i < 3; i++) {
        buf_clear(out);
        if (i == 0)
            buf_puts(out, chosen ? chosen : "");
        else if (i == 1 && home && *home)
            buf_printf(out, "%s/pprof", home);
        else if (i == 2)
            buf_puts(out, tmp && *tmp ? tmp : "/tmp");
        if (!out->len)
            continue;
        if (file_make_folders(buf_str(out), 0755, NULL))
            return true;
        tell("cannot use the folder '%s' for copies of profiles: %s", buf_str(out),
             strerror(errno));
    }
    return false;
}

/* A file that did not exist, FOLDER/pprof.FILE.TYPES.NNN.pb.gz, made empty. */
static bool choose_name(const struct profile *p, struct buf *path, struct err *err)
{
    AUTO_BUF stem = {0};
    if (p->n_mappings && p->mappings[0].file) {
        const char *file = profile_cstr(p, p->mappings[0].file), *slash = strrchr(file, '/');
        buf_printf(&stem, "%s.", slash ? slash + 1 : file);
    }
    for (uint32_t i = 0; i < p->n_types; i++)
        buf_printf(&stem, "%s.", profile_cstr(p, p->types[i].type));
    for (size_t i = 0; i < stem.len; i++)
        if (stem.data[i] == '/')
            stem.data[i] = '_';
    size_t folder = path->len;
    for (int i = 1; i < 10000; i++) {
        path->len = folder;
        buf_printf(path, "/pprof.%s%03d.pb.gz", buf_str(&stem), i);
        if (path->failed || stem.failed)
            return err_nomem(err);
        AUTO_FD fd = open(buf_str(path), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
        if (fd >= 0)
            return true;
        if (errno != EEXIST)
            return err_sys(err, errno, "cannot write '%s'", buf_str(path));
    }
    return err_set(err, ERR_IO, "cannot name it: all of %s exist", buf_str(path));
}

void remote_save(const struct profile *profile)
{
    AUTO_BUF path = {0}, raw = {0};
    struct err err = {0};
    uint8_t *packed = NULL;
    size_t n = 0;
    if (!choose_folder(&path))
        return;
    bool ok = choose_name(profile, &path, &err);
    if (ok) {
        ok = pprof_write(profile, &raw, &err) &&
             gzip_deflate(raw.data, raw.len, 6, &packed, &n, &err) &&
             file_write_atomic(buf_str(&path), packed, n, &err);
        if (!ok)
            unlink(buf_str(&path));
    }
    free(packed);
    if (ok)
        tell("Saved profile in %s", buf_str(&path));
    else
        tell("Could not save profile: %s", err.msg);
}
