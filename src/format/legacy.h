/* legacy: what the formats from before profile.proto have in common.  They give
 * stacks of addresses, mostly followed by a memory map; the profile made of them
 * has the locations, mappings, order and drop_frames that pprof gives it.
 *
 *   struct legacy l;
 *   if (legacy_init(&l, len, diag, err)) {
 *       builder_type(l.builder, ...);
 *       legacy_push(&l, address) ...; legacy_sample(&l, values);
 *       profile = legacy_seal(&l, &text, flags, err);
 *   }
 *   legacy_release(&l);
 *
 * Failure is sticky: when memory runs out calls do nothing, and legacy_seal tells.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_FORMAT_LEGACY_H
#define SONDE_FORMAT_LEGACY_H

#include "base/map.h"
#include "base/vec.h"
#include "format/format.h"
#include "format/text.h"
#include "model/builder.h"

struct legacy_location {
    uint64_t address;
    uint32_t first_line, n_lines; /* slice of lines */
    bool is_vague;                /* the lines do not say which function it is */
};

/* Where the frames and labels of a sample end; they begin where those of the one
 * before end. */
struct legacy_sample {
    size_t frames_end, labels_end;
};

struct legacy {
    struct builder *builder; /* types, header and strings; rows come with the seal */
    struct diag *diag;
    bool failed; /* out of memory */
    unsigned n_types;
    VEC(struct legacy_location) locations; /* one an address, in order of appearance */
    struct map location_of;                /* by address */
    VEC(struct profile_line) lines;        /* function: index of functions */
    VEC(struct profile_function) functions;
    struct map function_of; /* by name and file */
    VEC(uint32_t) frames;   /* indexes of locations, leaf first */
    VEC(struct legacy_sample) samples;
    VEC(int64_t) values;
    VEC(struct profile_label) labels;
};

/* `len`: bytes of the file, for an idea of how much there will be.  False with
 * ERR_NOMEM; release it in any case. */
bool legacy_init(struct legacy *l, size_t len, struct diag *diag, struct err *err);
void legacy_release(struct legacy *l);

/* Add a sample type, before the first sample. */
void legacy_type(struct legacy *l, struct str type, struct str unit);
void legacy_period(struct legacy *l, struct str type, struct str unit, int64_t period);

/* Add a frame to the stack of the sample to come. */
void legacy_push(struct legacy *l, uint64_t address);
/* The same for all "0x..." in a text.  `leaf_offset` and `caller_offset` are added:
 * return addresses are after the call, which -1 lands on.  False, and the stack then
 * is of no use, when one is not within 64 bits. */
bool legacy_push_text(struct legacy *l, struct str addresses, int leaf_offset, int caller_offset);
/* End the sample: its n_types values. */
void legacy_sample(struct legacy *l, const int64_t *values);
/* Label the last sample. */
void legacy_label(struct legacy *l, const struct profile_label *label);
static inline size_t legacy_frames_begin(const struct legacy *l, size_t sample)
{
    return sample ? l->samples.items[sample - 1].frames_end : 0;
}

/* The location of an address, MAP_NONE when no frame has it. */
uint32_t legacy_find(const struct legacy *l, uint64_t address);
/* Append a line to a location; its lines must be added one after the other. */
void legacy_line(struct legacy *l, uint32_t location, uint32_t function, int64_t line);
/* The same, in place of the one line that the location may have. */
void legacy_set_line(struct legacy *l, uint32_t location, uint32_t function, int64_t line);
/* The function of a name and file (strings).  `by_name`: whatever its file is. */
uint32_t legacy_function(struct legacy *l, uint32_t name, uint32_t file, bool by_name);

/* Take the second frame out of the stacks in which it has this address. */
void legacy_drop_second(struct legacy *l, uint64_t address);

enum legacy_flags {
    LEGACY_LEAF_TWICE = 1,   /* leaves may be there again as if they were callers */
    LEGACY_NO_ADDRESSES = 2, /* addresses are only names: of what has lines at once, of
                                the rest when it has got its mapping */
    LEGACY_HEAP = 4,         /* drop_frames: of allocators, */
    LEGACY_JEMALLOC = 16,    /* also of jemalloc, */
    LEGACY_CONTENTION = 8,   /* of locks; else of CPU profilers */
};

/* Read what is left of `t` for a memory map and make the profile.  NULL and *err.
 * O(n log n) of what there is. */
struct profile *legacy_seal(struct legacy *l, struct text *t, unsigned flags, struct err *err);

/* What was sampled by chance, scaled up to what there was: a block of `size` bytes is
 * sampled with 1 - exp(-size / rate). */
void legacy_unsample(int64_t *count, int64_t *size, int64_t rate);
/* As Go converts on amd64: what does not fit is INT64_MIN. */
int64_t legacy_to_int(double v);
/* a * b, wrapping. */
static inline int64_t legacy_multiply(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a * (uint64_t)b);
}

extern const struct format_ops legacy_cpu_format;
extern const struct format_ops legacy_heap_format;
extern const struct format_ops legacy_count_format;
extern const struct format_ops legacy_thread_format;
extern const struct format_ops legacy_java_format;
extern const struct format_ops legacy_contention_format;

#endif
