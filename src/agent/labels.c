#include "agent/labels.h"

#include "agent/memory.h"
#include "agent/roster.h"
#include "sonde/sonde.h"

#include <errno.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define N_CHAINS 4096u
#define TEXT_MAX (8 * LABELS_WORDS_MAX)

/* Texts on their way to be a set. */
struct draft {
    uint32_t n_bytes; /* may pass TEXT_MAX: too much */
    union {
        char text[TEXT_MAX];
        uint64_t words[LABELS_WORDS_MAX];
    };
};

__thread const struct sonde_labels *labels_current;

static struct sonde_labels *chains[N_CHAINS];
static size_t n_bytes_made;

static const char *behind(const char *text)
{
    return text + strlen(text) + 1;
}

const char *labels_next(const struct sonde_labels *labels, const char *key)
{
    const char *text = (const char *)labels->texts, *next = key ? behind(behind(key)) : text;
    return next < text + 8ull * labels->n_words && *next ? next : NULL;
}

const char *labels_get(const struct sonde_labels *labels, const char *key)
{
    for (const char *k = NULL; labels && (k = labels_next(labels, k));)
        if (strcmp(k, key) == 0)
            return behind(k);
    return NULL;
}

static void append(struct draft *d, const char *key, const char *value)
{
    size_t n_key = strlen(key) + 1, n_value = strlen(value) + 1;
    if (d->n_bytes > TEXT_MAX || n_key > TEXT_MAX - d->n_bytes ||
        n_value > TEXT_MAX - d->n_bytes - n_key) {
        d->n_bytes = TEXT_MAX + 1;
        return;
    }
    memcpy(d->text + d->n_bytes, key, n_key);
    memcpy(d->text + d->n_bytes + n_key, value, n_value);
    d->n_bytes += (uint32_t)(n_key + n_value);
}

static const struct sonde_labels *find(const struct sonde_labels *from,
                                       const struct sonde_labels *end, const struct draft *d,
                                       uint32_t n_words, uint64_t hash)
{
    for (; from != end; from = from->next)
        if (from->hash == hash && from->n_words == n_words &&
            memcmp(from->texts, d->words, 8ull * n_words) == 0)
            return from;
    return NULL;
}

/* The set with these texts; NULL: too many. */
static const struct sonde_labels *intern(struct draft *d)
{
    uint32_t n_words = (d->n_bytes + 7) / 8;
    uint64_t hash = n_words;
    memset(d->text + d->n_bytes, 0, 8ull * n_words - d->n_bytes);
    for (uint32_t i = 0; i < n_words; i++) {
        hash = (hash ^ d->words[i]) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    struct sonde_labels **chain = &chains[hash % N_CHAINS], *made = NULL;
    struct sonde_labels *first = __atomic_load_n(chain, __ATOMIC_ACQUIRE), *seen = NULL;
    size_t n_bytes = sizeof *made + 8ull * n_words;
    for (;;) {
        const struct sonde_labels *found = find(first, seen, d, n_words, hash);
        if (found)
            return found; /* also when `made` is then of no use: rare */
        seen = first;
        if (!made) {
            if (__atomic_add_fetch(&n_bytes_made, n_bytes, __ATOMIC_RELAXED) > LABELS_MEMORY_MAX ||
                !(made = memory_alloc(n_bytes))) {
                __atomic_fetch_sub(&n_bytes_made, n_bytes, __ATOMIC_RELAXED);
                return NULL;
            }
            made->hash = hash;
            made->n_words = n_words;
            memcpy(made->texts, d->words, 8ull * n_words);
        }
        made->next = first;
        if (__atomic_compare_exchange_n(chain, &first, made, false, __ATOMIC_RELEASE,
                                        __ATOMIC_ACQUIRE))
            return made;
    }
}

bool labels_with(const struct sonde_labels *base, const char *key, const char *value,
                 const struct sonde_labels **made)
{
    struct draft d;
    d.n_bytes = 0;
    if (!key || !*key) {
        errno = EINVAL;
        return false;
    }
    for (const char *k = NULL; base && (k = labels_next(base, k));) {
        int order = strcmp(k, key);
        if (order > 0 && value) {
            append(&d, key, value);
            value = NULL;
        }
        if (order != 0)
            append(&d, k, behind(k));
    }
    if (value)
        append(&d, key, value);
    if (d.n_bytes > TEXT_MAX) {
        errno = E2BIG;
        return false;
    }
    *made = d.n_bytes ? intern(&d) : NULL;
    if (d.n_bytes && !*made) {
        errno = ENOMEM;
        return false;
    }
    return true;
}

uint32_t labels_in(const struct sonde_labels *labels, struct store *store)
{
    if (!labels)
        return 0;
    struct sonde_labels *set = (struct sonde_labels *)labels; /* only in_store changes */
    uint64_t known = __atomic_load_n(&set->in_store, __ATOMIC_RELAXED);
    if (known >> 32 == store->serial)
        return (uint32_t)known;
    uint32_t there = store_labels(store, labels->texts, labels->n_words);
    if (there)
        __atomic_store_n(&set->in_store, (uint64_t)store->serial << 32 | there, __ATOMIC_RELAXED);
    else
        store_count(&store->header->n_labels_lost, 1);
    return there;
}

void labels_take(const struct sonde_labels *labels)
{
    labels_current = labels;
    roster_labels(labels);
}

EXPORT int sonde_set_label(const char *key, const char *value)
{
    const struct sonde_labels *set;
    if (!labels_with(labels_current, key, value, &set))
        return -1;
    labels_take(set);
    return 0;
}

EXPORT const char *sonde_get_label(const char *key)
{
    return key ? labels_get(labels_current, key) : NULL;
}

EXPORT void sonde_for_labels(int (*fn)(void *arg, const char *key, const char *value), void *arg)
{
    const struct sonde_labels *set = labels_current;
    for (const char *k = NULL; set && (k = labels_next(set, k));)
        if (!fn(arg, k, behind(k)))
            return;
}

EXPORT const struct sonde_labels *sonde_get_labels(void)
{
    return labels_current;
}

EXPORT void sonde_set_labels(const struct sonde_labels *labels)
{
    labels_take(labels);
}

EXPORT const struct sonde_labels *sonde_begin_label(const char *key, const char *value)
{
    const struct sonde_labels *before = labels_current;
    int saved_errno = errno;
    sonde_set_label(key, value);
    errno = saved_errno;
    return before;
}

EXPORT int sonde_do(const char *key, const char *value, void (*fn)(void *arg), void *arg)
{
    const struct sonde_labels *before = labels_current;
    int rc = sonde_set_label(key, value), error = errno;
    fn(arg);
    labels_take(before);
    if (rc != 0)
        errno = error;
    return rc;
}
