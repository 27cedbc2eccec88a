/* legacy_cpu: CPU profiles of gperftools (CPUPROFILE=...), in words of 32 or 64 bits
 * of either byte order: a header of five words, stacks, and as text a memory map. */
#include "format/legacy.h"
#include "format/legacy_java.h"

#include <string.h>

#define HEADER_WORDS 5
#define MAX_DEPTH (1u << 16) /* of a stack that can be meant; gperftools ends at 254 */

struct words {
    const uint8_t *p, *end;
    bool is_64, is_swapped;
};

static size_t word_bytes(const struct words *w)
{
    return w->is_64 ? 8 : 4;
}

static size_t n_words_left(const struct words *w)
{
    return (size_t)(w->end - w->p) / word_bytes(w);
}

/* There must be one. */
static uint64_t next_word(struct words *w)
{
    uint64_t v64;
    uint32_t v32;
    const uint8_t *p = w->p;
    w->p += word_bytes(w);
    if (w->is_64) {
        memcpy(&v64, p, sizeof v64);
        return w->is_swapped ? __builtin_bswap64(v64) : v64;
    }
    memcpy(&v32, p, sizeof v32);
    return w->is_swapped ? __builtin_bswap32(v32) : v32;
}

/* Words 0, 3, 0 (1: of Java), period in microseconds, 0. */
static bool read_header(struct words *w, bool *is_java, int64_t *period_us)
{
    uint64_t header[HEADER_WORDS];
    if (n_words_left(w) < HEADER_WORDS)
        return false;
    for (int i = 0; i < HEADER_WORDS; i++)
        header[i] = next_word(w);
    *is_java = header[2] == 1;
    *period_us = (int64_t)header[3];
    return header[0] == 0 && header[1] == 3 && header[2] <= 1 && header[3] > 0 && header[4] == 0;
}

static bool find_header(const uint8_t *data, size_t len, struct words *w, bool *is_java,
                        int64_t *period_us)
{
    for (int i = 0; i < 4; i++) {
        *w = (struct words){data, data + len, .is_64 = i >= 2, .is_swapped = i % 2 == 1};
        if (read_header(w, is_java, period_us))
            return true;
    }
    return false;
}

static bool cpu_probe(const uint8_t *data, size_t len)
{
    struct words w;
    bool is_java;
    int64_t period_us;
    return find_header(data, len, &w, &is_java, &period_us);
}

/* Stacks are a count, a depth, and so many addresses; 0, 1, 0 ends them.  A file
 * without that was cut off when the program died: what is there is good. */
static bool read_stacks(struct legacy *l, struct words *w, const uint8_t *data, bool is_java,
                        struct err *err)
{
    int64_t period = builder_header(l->builder)->period;
    while (w->p < w->end) {
        const uint8_t *at = w->p;
        size_t left = n_words_left(w);
        uint64_t count = left ? next_word(w) : 0, depth = left > 1 ? next_word(w) : 0;
        if (depth > MAX_DEPTH && depth > left - 2)
            return err_set(err, ERR_INPUT,
                           "malformed profile: a stack of %llu addresses at byte %zu",
                           (unsigned long long)depth, (size_t)(at - data));
        if (left < 2 || depth > left - 2) {
            diag_add(l->diag, "the profile is cut off at byte %zu", (size_t)(at - data));
            w->p = w->end;
            return true;
        }
        for (uint64_t i = 0; i < depth; i++) {
            uint64_t address = next_word(w);
            if (count == 0 && depth == 1 && address == 0)
                return true;
            /* Callers are return addresses, after the call; the leaf is none. */
            legacy_push(l, i && !is_java ? address - 1 : address);
        }
        const int64_t values[] = {(int64_t)count, legacy_multiply((int64_t)count, period)};
        legacy_sample(l, values);
    }
    return true;
}

/* The location that more than half of the samples have as their second frame, if
 * there is one (by the vote of Boyer and Moore). */
static uint32_t common_second(const struct legacy *l)
{
    uint32_t candidate = 0;
    size_t votes = 0;
    for (size_t i = 0; i < l->samples.n; i++) {
        size_t begin = legacy_frames_begin(l, i);
        if (l->samples.items[i].frames_end - begin < 2)
            continue;
        if (votes == 0)
            candidate = l->frames.items[begin + 1];
        if (candidate == l->frames.items[begin + 1])
            votes++;
        else
            votes--;
    }
    return candidate;
}

/* A second frame that almost all samples have is the signal's, not the program's. */
static void drop_signal_frames(struct legacy *l)
{
    for (int round = 0; round < 2; round++) {
        uint32_t common = common_second(l);
        size_t n = 0;
        for (size_t i = 0; i < l->samples.n; i++) {
            size_t begin = legacy_frames_begin(l, i);
            n += l->samples.items[i].frames_end - begin > 1 && l->frames.items[begin + 1] == common;
        }
        if (n && n >= l->samples.n - l->samples.n / 32)
            legacy_drop_second(l, l->locations.items[common].address);
    }
}

static struct profile *read_words(struct legacy *l, const uint8_t *data, size_t len,
                                  struct err *err)
{
    struct words w;
    bool is_java;
    int64_t period_us;
    if (!find_header(data, len, &w, &is_java, &period_us)) {
        err_set(err, ERR_INPUT, "unrecognized profile format");
        return NULL;
    }
    legacy_type(l, STR("samples"), STR("count"));
    legacy_type(l, STR("cpu"), STR("nanoseconds"));
    legacy_period(l, STR("cpu"), STR("nanoseconds"), legacy_multiply(period_us, 1000));
    if (!read_stacks(l, &w, data, is_java, err))
        return NULL;
    struct text t = text_of(w.p, (size_t)(w.end - w.p));
    if (is_java)
        return legacy_java_locations(l, &t, err) ? legacy_seal(l, &t, LEGACY_NO_ADDRESSES, err)
                                                 : NULL;
    if (!l->failed)
        drop_signal_frames(l);
    return legacy_seal(l, &t, LEGACY_LEAF_TWICE, err);
}

static struct profile *cpu_read(const uint8_t *data, size_t len, struct diag *diag, struct err *err)
{
    struct legacy l;
    struct profile *profile = NULL;
    if (legacy_init(&l, len, diag, err))
        profile = read_words(&l, data, len, err);
    legacy_release(&l);
    return profile;
}

const struct format_ops legacy_cpu_format = {
    .name = "gperftools-cpu",
    .help = "CPU profiles of gperftools (also of Java), 32 and 64 bit",
    .probe = cpu_probe,
    .read = cpu_read,
};
