#include "collect/go_cpu_labels.h"

#include "base/vec.h"
#include "go/go_labels.h"
#include "os/bpf_words.h"

#include <stdlib.h>
#include <string.h>

#define NEAR_NS 1000000u    /* a note is nearer to its sample */
#define KEPT_NS 1000000000u /* notes whose sample has not come */
#define GOROUTINES_MAX (1u << 24)

struct go_cpu_labels {
    struct go_program *program;
    struct gather *gather;
    struct bpf_words *words; /* NULL: not permitted */
    struct err why_not;
    struct go_labels *sets;     /* of this round: what they lie in may be reused later */
    VEC(struct bpf_word) notes; /* by thread and time */
    VEC(uint64_t) goroutines;   /* all that there were, by address */
    bool has_looked;            /* at them, in this round */
    uint64_t n_labelled;
};

static int compare_notes(const void *a, const void *b)
{
    const struct bpf_word *x = a, *y = b;
    if (x->tid != y->tid)
        return x->tid < y->tid ? -1 : 1;
    return x->time_ns < y->time_ns ? -1 : x->time_ns > y->time_ns;
}

static int compare_addresses(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Where Go keeps the goroutine, from the thread pointer on: in the word before it, as a rule the
 * only one of the program's thread-local storage.  False: not known. */
static bool find_goroutine_place(const struct go_program *program, int64_t *offset)
{
    const GElf_Phdr *segments;
    uint64_t bytes = 8, at = 0;
    size_t n = elf_segments(program->elf, &segments);
    for (size_t i = 0; i < n; i++)
        if (segments[i].p_type == PT_TLS && segments[i].p_align && segments[i].p_align <= 4096 &&
            segments[i].p_memsz <= INT32_MAX)
            bytes = (segments[i].p_memsz + segments[i].p_align - 1) / segments[i].p_align *
                    segments[i].p_align;
    bool known = bytes == 8 || (elf_symbol_value(program->elf, "runtime.tlsg", &at) && at < bytes);
    *offset = (int64_t)at - (int64_t)bytes;
    return known;
}

struct go_cpu_labels *go_cpu_labels_new(struct go_program *program, struct gather *gather,
                                        struct err *err)
{
    struct go_cpu_labels *l = calloc(1, sizeof *l);
    if (!l) {
        err_nomem(err);
        return NULL;
    }
    l->program = program;
    l->gather = gather;
    /* g.m.curg.labels, as Go's own profiler has it. */
    int64_t place;
    if (!find_goroutine_place(program, &place)) {
        err_set(&l->why_not, ERR_UNSUPPORTED,
                "where the program keeps its goroutines is not known without its symbols");
        return l;
    }
    const int64_t steps[] = {place, program->layout.at[GO_G_M], program->layout.at[GO_M_CURG],
                             program->layout.at[GO_G_LABELS]};
    l->words = bpf_words_new(mem_process(program->mem)->pid, steps, sizeof steps / sizeof *steps,
                             &l->why_not);
    return l;
}

void go_cpu_labels_free(struct go_cpu_labels *l)
{
    if (!l)
        return;
    bpf_words_free(l->words);
    go_labels_free(l->sets);
    vec_release(&l->notes);
    vec_release(&l->goroutines);
    free(l);
}

int go_cpu_labels_program(const struct go_cpu_labels *l)
{
    return l->words ? bpf_words_program(l->words) : 0;
}

static void take_note(void *arg, const struct bpf_word *word)
{
    struct go_cpu_labels *l = arg;
    if (word->pid == (uint32_t)mem_process(l->program->mem)->pid)
        (void)vec_push(&l->notes, *word); /* without memory, without labels */
}

void go_cpu_labels_round(struct go_cpu_labels *l)
{
    l->has_looked = false;
    go_labels_free(l->sets);
    l->sets = go_labels_new(l->program, NULL);
    if (!l->words)
        return;
    uint64_t newest = 0;
    size_t n = 0;
    for (size_t i = 0; i < l->notes.n; i++)
        if (l->notes.items[i].time_ns > newest)
            newest = l->notes.items[i].time_ns;
    for (size_t i = 0; i < l->notes.n; i++)
        if (l->notes.items[i].time_ns + KEPT_NS > newest)
            l->notes.items[n++] = l->notes.items[i];
    l->notes.n = n;
    bpf_words_drain(l->words, take_note, l);
    if (!l->notes.n)
        return;
    qsort(l->notes.items, l->notes.n, sizeof *l->notes.items, compare_notes);
    VEC(uint64_t) addresses = {0};
    for (size_t i = 0; i < l->notes.n; i++)
        if (l->notes.items[i].word)
            (void)vec_push(&addresses, l->notes.items[i].word);
    if (l->sets && addresses.n)
        (void)go_labels_read(l->sets, addresses.items, addresses.n, NULL);
    vec_release(&addresses);
}

/* --- goroutines --- */

static void look_at_goroutines(struct go_cpu_labels *l)
{
    uint64_t at, n_at, array, n;
    l->has_looked = true;
    if (!go_program_global(l->program, GO_VAR_ALLGPTR, &at, NULL) ||
        !go_program_global(l->program, GO_VAR_ALLGLEN, &n_at, NULL) ||
        !go_program_number(l->program, n_at, 8, &n, NULL) || n > GOROUTINES_MAX ||
        !go_program_number(l->program, at, 8, &array, NULL) ||
        !vec_reserve(&l->goroutines, n + 1) ||
        !mem_read(l->program->mem, array, l->goroutines.items, n * 8, NULL))
        return;
    l->goroutines.n = n;
    if (n)
        qsort(l->goroutines.items, n, 8, compare_addresses);
}

/* They are never freed. */
static bool is_goroutine(struct go_cpu_labels *l, uint64_t address)
{
    for (;;) {
        if (l->goroutines.n &&
            bsearch(&address, l->goroutines.items, l->goroutines.n, 8, compare_addresses))
            return true;
        if (l->has_looked)
            return false;
        look_at_goroutines(l);
    }
}

/* --- labels --- */

static uint32_t gather_set(struct go_cpu_labels *l, uint64_t address)
{
    struct go_label labels[GO_LABELS_MAX];
    AUTO_BUF text = {0};
    uint32_t set = l->sets && address ? go_labels_at(l->sets, address) : 0;
    size_t n = set ? go_labels_get(l->sets, set, labels, GO_LABELS_MAX) : 0;
    for (size_t i = 0; i < n; i++) {
        /* Texts of the gather end at a NUL. */
        if (memchr(labels[i].key.p, 0, labels[i].key.len) ||
            memchr(labels[i].value.p, 0, labels[i].value.len))
            continue;
        buf_add(&text, labels[i].key.p, labels[i].key.len);
        buf_putc(&text, '\0');
        buf_add(&text, labels[i].value.p, labels[i].value.len);
        buf_putc(&text, '\0');
    }
    if (!text.len || text.failed)
        return 0;
    l->n_labelled++;
    return gather_labels(l->gather, (struct str){text.data, text.len});
}

static uint64_t distance(const struct bpf_word *note, uint64_t time_ns)
{
    return note->time_ns > time_ns ? note->time_ns - time_ns : time_ns - note->time_ns;
}

/* The thread's note that is nearest to the sample: kernels tell the time of a sample from before
 * or after they run the program. */
static const struct bpf_word *find_note(const struct go_cpu_labels *l,
                                        const struct perf_record *sample)
{
    const struct bpf_word wanted = {.tid = (uint32_t)sample->tid, .time_ns = sample->time_ns};
    const struct bpf_word *best = NULL;
    size_t low = 0, high = l->notes.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_notes(&l->notes.items[middle], &wanted) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low ? low - 1 : 0; i < low + 1 && i < l->notes.n; i++) {
        const struct bpf_word *note = &l->notes.items[i];
        if (note->tid == wanted.tid && distance(note, sample->time_ns) < NEAR_NS &&
            (!best || distance(note, sample->time_ns) < distance(best, sample->time_ns)))
            best = note;
    }
    return best;
}

uint32_t go_cpu_labels_of(struct go_cpu_labels *l, const struct perf_record *sample)
{
    if (sample->pid != mem_process(l->program->mem)->pid)
        return 0;
    const struct bpf_word *note = l->words ? find_note(l, sample) : NULL;
    if (note && is_goroutine(l, note->before))
        return gather_set(l, note->word);
    uint64_t address = 0;
    if (l->words || !sample->has_regs || !is_goroutine(l, sample->r14) ||
        !go_program_number(l->program, sample->r14 + l->program->layout.at[GO_G_LABELS], 8,
                           &address, NULL) ||
        !address || !l->sets || !go_labels_read(l->sets, &address, 1, NULL))
        return 0;
    return gather_set(l, address);
}

const char *go_cpu_labels_tell(const struct go_cpu_labels *l, struct diag *diag)
{
    if (!l->n_labelled)
        return NULL;
    if (l->words)
        return "labels: read at each sample, by BPF";
    diag_add(diag, "labels were read a little after each sample, by its registers: %s",
             l->why_not.msg);
    return "labels: read after each sample, by its registers";
}
