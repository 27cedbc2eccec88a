/* ehtab: the unwind table of one module (executable or library), compiled from
 * .eh_frame one page (1 KiB) of text at a time, when the page is first looked up:
 * no cost at start, memory by use, and the same for a library opened later.
 *
 * In: an image of the module's read-only segment (its own memory, or its file)
 * that holds .eh_frame_hdr and .eh_frame; it may be hostile: nothing outside the
 * image is read, and every loop is bounded by the image or by a page's size.
 * Out: a row for each code offset.  x86-64 only.
 * Units: `offset` counts bytes from the module's first mapped byte, so a table
 * stays right wherever the module is mapped.
 * Threads: any, lock-free; two threads may compile the same page, one is kept.
 * Signals: async-signal-safe, as far as the given allocator is, but ehtab_index. */
#ifndef SONDE_UNWIND_EHTAB_H
#define SONDE_UNWIND_EHTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EHTAB_PAGE_BYTES 1024u /* most are looked up once or twice: compile little */

/* The bytes of the module at offsets [lo, lo + n_bytes). */
struct ehtab_image {
    const uint8_t *bytes;
    uint64_t lo, n_bytes;
};

/* How to find the frame's CFA: the value rsp has after the return. */
enum ehtab_kind {
    EHTAB_NONE,   /* no unwind information */
    EHTAB_BAD,    /* there is, but not in a form a row can express */
    EHTAB_END,    /* outermost frame: there is no return address */
    EHTAB_PLT,    /* rsp + 8, and 8 more from byte `cfa` of a PLT entry on */
    EHTAB_SIGNAL, /* signal trampoline: the registers are in the ucontext at rsp */
    EHTAB_RSP,    /* rsp + cfa */
    EHTAB_RBP,    /* rbp + cfa */
    EHTAB_DEREF,  /* what is at rbp + cfa */
    EHTAB_RDI,    /* rsp + cfa; the return address is in rdi, as in vfork */
};

/* The return address is else at CFA - 8; the caller's rbp is at CFA + 8 * rbp, or: */
#define EHTAB_RBP_SAME 0x7fff
#define EHTAB_RBP_LOST 0x7ffe  /* cannot be told */
#define EHTAB_RBP_AT_BP 0x7ffd /* at the address rbp holds */

struct ehtab_row {
    uint16_t pc : 12, kind : 4; /* first byte in the page the row holds for; enum ehtab_kind */
    int16_t rbp;
    int32_t cfa;
};

struct ehtab_page {
    uint16_t n_rows;
    uint16_t first[EHTAB_PAGE_BYTES / 256]; /* row in force at each 256th byte of the page */
    struct ehtab_row rows[];
};

struct ehtab {
    uint64_t hdr, entries; /* offsets of .eh_frame_hdr and of its table */
    uint32_t n_entries;    /* 0: no table, all rows are EHTAB_NONE */
    uint32_t n_pages;
    struct ehtab_page **pages; /* [n_pages] by offset / EHTAB_PAGE_BYTES; NULL = not yet compiled */
};

/* Memory for pages, zeroed, never freed by ehtab; NULL when there is none. */
struct ehtab_alloc {
    void *(*alloc)(void *arg, size_t n_bytes);
    void *arg;
};

/* What compiling needs, too much for a signal stack.  One user at a time. */
struct ehtab_scratch {
    struct ehtab_row rows[EHTAB_PAGE_BYTES];
    struct ehtab_state {
        uint32_t reg;
        uint8_t form, ra_undefined, ra_in_rdi, rbp_form;
        int64_t offset, rbp;
    } remembered[16];
    uint32_t n_left; /* call frame instructions still allowed in this page */
};

/* `hdr` is the offset of .eh_frame_hdr, `span` the bytes from the module's first
 * mapped byte to its last.  A header of another form than the linkers' (version
 * 1, a sorted table of 4-byte pairs) leaves a table that answers EHTAB_NONE.
 * False when there is no memory, which leaves such a table too. */
bool ehtab_init(struct ehtab *tab, const struct ehtab_image *image, uint64_t hdr, uint64_t span,
                struct ehtab_alloc alloc);

/* The offset at which the function begins that the table has at `offset`; false: none. */
bool ehtab_function(const struct ehtab *tab, const struct ehtab_image *image, uint64_t offset,
                    uint64_t *start);

/* Files linked without .eh_frame_hdr (gcc -static passes no --eh-frame-hdr) have no
 * table: ehtab_index makes one.  `frames` is .eh_frame alone, in a module whose
 * first byte is at `address`; `to` has ehtab_index_bytes(frames) zeroed bytes.
 * *image, in `to`: a copy of the section with the header behind it, at *hdr, for
 * ehtab_init and ehtab_find.  False when nothing is found there.
 * O(n log n).  Signals: no (qsort). */
uint64_t ehtab_index_bytes(const struct ehtab_image *frames);
bool ehtab_index(const struct ehtab_image *frames, uint64_t address, void *to,
                 struct ehtab_image *image, uint64_t *hdr);

/* The row for the code at `offset`.  When there is no memory for the page, or the
 * image is damaged there, EHTAB_NONE or EHTAB_BAD.  Compiled pages: some 10 ns. */
struct ehtab_row ehtab_find(struct ehtab *tab, const struct ehtab_image *image, uint64_t offset,
                            struct ehtab_alloc alloc, struct ehtab_scratch *scratch);

#endif
