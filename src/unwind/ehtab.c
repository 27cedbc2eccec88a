#include "unwind/ehtab.h"

#include <stdlib.h>
#include <string.h>

/* Call frame instructions run for one page: real pages need some thousands, damaged
 * tables could ask for any number. */
#define INSTRUCTIONS_MAX (1u << 18)

enum { REG_RDI = 5, REG_RBP = 6, REG_RSP = 7, REG_RA = 16 };

/* Forms of the CFA rule and of rbp's. */
enum { CFA_REG, CFA_DEREF, CFA_PLT, CFA_BAD };
enum { RBP_SAME, RBP_SAVED, RBP_AT_BP, RBP_LOST };

/* A bounded reader; once `ok` is false every value is 0. */
struct cursor {
    const uint8_t *p, *end;
    bool ok;
};

struct cie {
    uint64_t at; /* its offset in the module; 0 = none read yet */
    uint64_t code_align;
    int64_t data_align;
    uint8_t pc_encoding;
    bool has_augmentation, is_signal;
    struct ehtab_state initial;
};

/* A page being compiled. */
struct page_out {
    uint64_t lo; /* module offset of the page */
    struct ehtab_row *rows;
    uint32_t n_rows;
};

static uint64_t get_fixed(struct cursor *c, size_t n)
{
    uint64_t v = 0;
    if ((size_t)(c->end - c->p) < n) {
        c->ok = false;
        c->p = c->end;
        return 0;
    }
    memcpy(&v, c->p, n);
    c->p += n;
    return v;
}

static uint64_t get_leb(struct cursor *c, bool is_signed)
{
    uint64_t v = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        byte = (uint8_t)get_fixed(c, 1);
        if (shift < 64)
            v |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    if (is_signed && shift < 64 && (byte & 0x40))
        v |= ~(uint64_t)0 << shift;
    return v;
}

static uint64_t get_uleb(struct cursor *c)
{
    return get_leb(c, false);
}

/* Products wrap: hostile factors must not be undefined behaviour. */
static int64_t get_factored(struct cursor *c, bool is_signed, int64_t factor)
{
    return (int64_t)(get_leb(c, is_signed) * (uint64_t)factor);
}

static void skip(struct cursor *c, uint64_t n)
{
    if ((uint64_t)(c->end - c->p) < n) {
        c->ok = false;
        c->p = c->end;
    } else {
        c->p += n;
    }
}

/* Bytes of a value in this DW_EH_PE encoding; 0 for LEB128 (never used for pc). */
static size_t encoded_bytes(uint8_t encoding)
{
    switch (encoding & 0x7) {
    case 0:
    case 4:
        return 8;
    case 2:
        return 2;
    case 3:
        return 4;
    default:
        return 0;
    }
}

static void skip_encoded(struct cursor *c, uint8_t encoding)
{
    if (encoding == 0xff)
        return;
    size_t n = encoded_bytes(encoding);
    if (n)
        skip(c, n);
    else
        get_uleb(c);
}

/* The record (CIE or FDE) at offset `at`, past its length word. */
static bool open_record(const struct ehtab_image *image, uint64_t at, struct cursor *c)
{
    if (at < image->lo || at - image->lo >= image->n_bytes)
        return false;
    *c = (struct cursor){image->bytes + (at - image->lo), image->bytes + image->n_bytes, true};
    uint64_t len = get_fixed(c, 4);
    if (len == 0xffffffff)
        len = get_fixed(c, 8);
    if (!c->ok || len < 4 || len > (uint64_t)(c->end - c->p))
        return false;
    c->end = c->p + len;
    return true;
}

static uint64_t offset_of(const struct ehtab_image *image, const struct cursor *c)
{
    return image->lo + (uint64_t)(c->p - image->bytes);
}

static struct ehtab_row row_of(const struct ehtab_state *s, bool is_signal)
{
    struct ehtab_row row = {.kind = EHTAB_BAD, .rbp = EHTAB_RBP_SAME};
    if (is_signal) {
        row.kind = EHTAB_SIGNAL;
        return row;
    }
    if (s->ra_undefined) {
        row.kind = EHTAB_END;
        return row;
    }
    if (s->offset < INT32_MIN || s->offset > INT32_MAX)
        return row;
    if (s->form == CFA_DEREF)
        row.kind = EHTAB_DEREF;
    else if (s->form == CFA_PLT)
        row.kind = EHTAB_PLT;
    else if (s->form == CFA_REG && s->reg == REG_RSP)
        row.kind = EHTAB_RSP;
    else if (s->form == CFA_REG && s->reg == REG_RBP)
        row.kind = EHTAB_RBP;
    else
        return row;
    if (s->ra_in_rdi && row.kind != EHTAB_RSP) {
        row.kind = EHTAB_BAD;
        return row;
    }
    if (s->ra_in_rdi)
        row.kind = EHTAB_RDI;
    row.cfa = (int32_t)s->offset;
    if (s->rbp_form == RBP_SAVED)
        row.rbp = s->rbp % 8 == 0 && s->rbp / 8 >= -0x7000 && s->rbp / 8 <= 0x7000
                      ? (int16_t)(s->rbp / 8)
                      : EHTAB_RBP_LOST;
    else if (s->rbp_form == RBP_AT_BP)
        row.rbp = EHTAB_RBP_AT_BP;
    else if (s->rbp_form == RBP_LOST)
        row.rbp = EHTAB_RBP_LOST;
    return row;
}

/* `row` holds for [from, to): note the part inside the page.  Rows come in order;
 * one that goes back is damage and is left out, so n_rows is at most a page's bytes. */
static void emit(struct page_out *out, uint64_t from, uint64_t to, struct ehtab_row row)
{
    uint64_t limit = out->lo + EHTAB_PAGE_BYTES;
    if (from < out->lo)
        from = out->lo;
    if (to > limit)
        to = limit;
    if (from >= to)
        return;
    struct ehtab_row *last = &out->rows[out->n_rows - 1];
    uint16_t pc = (uint16_t)(from - out->lo);
    if (pc < last->pc)
        return;
    row.pc = pc & 0xfff;
    if (pc == last->pc)
        *last = row;
    else if (row.kind != last->kind || row.cfa != last->cfa || row.rbp != last->rbp)
        out->rows[out->n_rows++] = row;
}

/* DW_CFA_def_cfa_expression: the two forms compilers and linkers write. */
static void cfa_expression(struct cursor *c, struct ehtab_state *s)
{
    static const uint8_t plt[] = {0x77, 8, 0x80, 0, 0x3f, 0x1a, 0, 0x2a, 0x33, 0x24, 0x22};
    uint64_t len = get_uleb(c);
    const uint8_t *p = c->p;
    skip(c, len);
    s->form = CFA_BAD;
    if (!c->ok)
        return;
    if (len == sizeof plt && memcmp(p, plt, 6) == 0 && memcmp(p + 7, plt + 7, 4) == 0 &&
        p[6] >= 0x30 && p[6] < 0x40) {
        s->form = CFA_PLT;
        s->offset = p[6] - 0x30;           /* DW_OP_lit: the first byte after the push */
    } else if (len >= 3 && p[0] == 0x76) { /* DW_OP_breg6 N, DW_OP_deref */
        struct cursor e = {p + 1, p + len, true};
        int64_t offset = (int64_t)get_leb(&e, true);
        if (e.ok && e.end - e.p == 1 && *e.p == 0x06) {
            s->form = CFA_DEREF;
            s->offset = offset;
        }
    }
}

static void set_rbp(struct ehtab_state *s, uint64_t reg, uint8_t form, int64_t offset)
{
    if (reg == REG_RBP) {
        s->rbp_form = form;
        s->rbp = offset;
    } else if (reg == REG_RA && form == RBP_SAVED) {
        s->ra_undefined = s->ra_in_rdi = false;
        if (offset != -8)
            s->form = CFA_BAD; /* a return address elsewhere: no row can say it */
    }
}

static void restore(struct ehtab_state *s, const struct ehtab_state *initial, uint64_t reg)
{
    if (reg == REG_RBP) {
        s->rbp_form = initial->rbp_form;
        s->rbp = initial->rbp;
    } else if (reg == REG_RA) {
        s->ra_undefined = initial->ra_undefined;
        s->ra_in_rdi = initial->ra_in_rdi;
    }
}

/* Runs call frame instructions over [*start, limit).  `out` NULL: the initial
 * instructions of a CIE, which are no rows. */
static void run(struct cursor *c, const struct cie *cie, struct ehtab_state *s, uint64_t start,
                uint64_t limit, struct page_out *out, struct ehtab_scratch *scratch)
{
    uint64_t at = start;
    size_t n_remembered = 0;
    while (c->ok && c->p < c->end && scratch->n_left) {
        scratch->n_left--;
        uint8_t op = (uint8_t)get_fixed(c, 1), low = op & 0x3f;
        uint64_t advance = 0, reg, len, in;
        switch (op >> 6) {
        case 1:
            advance = low;
            break;
        case 2:
            set_rbp(s, low, RBP_SAVED, get_factored(c, false, cie->data_align));
            continue;
        case 3:
            restore(s, &cie->initial, low);
            continue;
        default:
            switch (low) {
            case 0x00: /* nop */
                continue;
            case 0x01: /* set_loc: not written for x86-64 */
                s->form = CFA_BAD;
                skip_encoded(c, cie->pc_encoding);
                continue;
            case 0x02:
                advance = get_fixed(c, 1);
                break;
            case 0x03:
                advance = get_fixed(c, 2);
                break;
            case 0x04:
                advance = get_fixed(c, 4);
                break;
            case 0x05: /* offset_extended */
                reg = get_uleb(c);
                set_rbp(s, reg, RBP_SAVED, get_factored(c, false, cie->data_align));
                continue;
            case 0x06: /* restore_extended */
                restore(s, &cie->initial, get_uleb(c));
                continue;
            case 0x07: /* undefined */
                reg = get_uleb(c);
                if (reg == REG_RA)
                    s->ra_undefined = true;
                set_rbp(s, reg, RBP_LOST, 0);
                continue;
            case 0x08: /* same_value */
                set_rbp(s, get_uleb(c), RBP_SAME, 0);
                continue;
            case 0x09: /* register */
                reg = get_uleb(c);
                in = get_uleb(c);
                set_rbp(s, reg, RBP_LOST, 0);
                if (reg == REG_RA && in == REG_RDI)
                    s->ra_in_rdi = true;
                else if (reg == REG_RA)
                    s->form = CFA_BAD;
                continue;
            case 0x0a: /* remember_state */
                if (n_remembered == sizeof scratch->remembered / sizeof *scratch->remembered)
                    return;
                scratch->remembered[n_remembered++] = *s;
                continue;
            case 0x0b: /* restore_state */
                if (n_remembered == 0)
                    return;
                *s = scratch->remembered[--n_remembered];
                continue;
            case 0x0c: /* def_cfa */
                s->reg = (uint32_t)get_uleb(c);
                s->offset = (int64_t)get_uleb(c);
                s->form = CFA_REG;
                continue;
            case 0x0d: /* def_cfa_register */
                s->reg = (uint32_t)get_uleb(c);
                s->form = CFA_REG;
                continue;
            case 0x0e: /* def_cfa_offset */
                s->offset = (int64_t)get_uleb(c);
                continue;
            case 0x0f:
                cfa_expression(c, s);
                continue;
            case 0x10: /* expression: rbp at DW_OP_breg6 0, in functions that align their stack */
                reg = get_uleb(c);
                len = get_uleb(c);
                if (len == 2 && c->end - c->p >= 2 && c->p[0] == 0x76 && c->p[1] == 0)
                    set_rbp(s, reg, RBP_AT_BP, 0);
                else
                    set_rbp(s, reg, RBP_LOST, 0);
                if (reg == REG_RA)
                    s->form = CFA_BAD;
                skip(c, len);
                continue;
            case 0x11: /* offset_extended_sf */
                reg = get_uleb(c);
                set_rbp(s, reg, RBP_SAVED, get_factored(c, true, cie->data_align));
                continue;
            case 0x12: /* def_cfa_sf */
                s->reg = (uint32_t)get_uleb(c);
                s->offset = get_factored(c, true, cie->data_align);
                s->form = CFA_REG;
                continue;
            case 0x13: /* def_cfa_offset_sf */
                s->offset = get_factored(c, true, cie->data_align);
                continue;
            case 0x14: /* val_offset */
                set_rbp(s, get_uleb(c), RBP_LOST, 0);
                get_uleb(c);
                continue;
            case 0x15: /* val_offset_sf */
                set_rbp(s, get_uleb(c), RBP_LOST, 0);
                get_leb(c, true);
                continue;
            case 0x16: /* val_expression */
                set_rbp(s, get_uleb(c), RBP_LOST, 0);
                skip(c, get_uleb(c));
                continue;
            case 0x2e: /* GNU_args_size */
                get_uleb(c);
                continue;
            default:
                s->form = CFA_BAD;
                goto out;
            }
        }
        advance *= cie->code_align;
        if (!out || advance == 0)
            continue;
        uint64_t to = advance < limit - at ? at + advance : limit;
        emit(out, at, to, row_of(s, cie->is_signal));
        at = to;
        if (at >= limit || at >= out->lo + EHTAB_PAGE_BYTES)
            return;
    }
out:
    if (out)
        emit(out, at, limit, row_of(s, cie->is_signal));
}

/* All but the initial instructions, which `c` is left at. */
static bool open_cie(const struct ehtab_image *image, uint64_t at, struct cie *cie,
                     struct cursor *c)
{
    memset(cie, 0, sizeof *cie);
    if (!open_record(image, at, c) || get_fixed(c, 4) != 0)
        return false;
    uint8_t version = (uint8_t)get_fixed(c, 1);
    if (version != 1 && version != 3)
        return false;
    const uint8_t *augmentation = c->p;
    while (get_fixed(c, 1))
        ;
    cie->code_align = get_uleb(c);
    cie->data_align = (int64_t)get_leb(c, true);
    if (version == 1)
        skip(c, 1);
    else
        get_uleb(c);
    if (!c->ok)
        return false;
    if (augmentation[0] == 'z') {
        cie->has_augmentation = true;
        uint64_t len = get_uleb(c);
        struct cursor a = *c;
        skip(c, len);
        if (!c->ok)
            return false;
        a.end = c->p;
        for (const uint8_t *letter = augmentation + 1; *letter; letter++) {
            if (*letter == 'R')
                cie->pc_encoding = (uint8_t)get_fixed(&a, 1);
            else if (*letter == 'P')
                skip_encoded(&a, (uint8_t)get_fixed(&a, 1));
            else if (*letter == 'L')
                skip(&a, 1);
            else if (*letter == 'S')
                cie->is_signal = true;
            else
                break;
        }
        if (!a.ok)
            return false;
    } else if (augmentation[0]) {
        return false;
    }
    cie->at = at;
    return true;
}

static bool read_cie(const struct ehtab_image *image, uint64_t at, struct cie *cie,
                     struct ehtab_scratch *scratch)
{
    struct cursor c;
    struct ehtab_state s = {.form = CFA_BAD};
    if (!open_cie(image, at, cie, &c))
        return false;
    run(&c, cie, &s, 0, 0, NULL, scratch);
    cie->initial = s;
    return true;
}

/* The FDE at `at`, whose code starts at `start` (from the table, so that no
 * encoding of pc but its size matters). */
static void compile_fde(const struct ehtab_image *image, uint64_t at, uint64_t start,
                        struct cie *cie, struct page_out *out, struct ehtab_scratch *scratch)
{
    struct cursor c;
    if (!open_record(image, at, &c))
        return;
    uint64_t here = offset_of(image, &c), back = get_fixed(&c, 4);
    if (!c.ok || back == 0 || back > here)
        return;
    if (cie->at != here - back && !read_cie(image, here - back, cie, scratch)) {
        cie->at = 0;
        return;
    }
    size_t n = encoded_bytes(cie->pc_encoding);
    if (n == 0)
        return;
    skip(&c, n);
    uint64_t range = get_fixed(&c, n);
    if (cie->has_augmentation)
        skip(&c, get_uleb(&c));
    if (!c.ok || range > UINT64_MAX - start || start + range <= out->lo)
        return;
    struct ehtab_state s = cie->initial;
    run(&c, cie, &s, start, start + range, out, scratch);
    emit(out, start + range, UINT64_MAX,
         (struct ehtab_row){.kind = EHTAB_NONE, .rbp = EHTAB_RBP_SAME});
}

/* Entry `i` of the header's table: offsets of the code and of its FDE. */
static void entry(const struct ehtab *tab, const struct ehtab_image *image, uint32_t i,
                  uint64_t *start, uint64_t *fde)
{
    int32_t pair[2];
    memcpy(pair, image->bytes + (tab->entries - image->lo) + 8 * (uint64_t)i, sizeof pair);
    *start = tab->hdr + (uint64_t)(int64_t)pair[0];
    *fde = tab->hdr + (uint64_t)(int64_t)pair[1];
}

/* How many entries start at or before `at`. */
static uint32_t entries_to(const struct ehtab *tab, const struct ehtab_image *image, uint64_t at)
{
    uint64_t start, fde;
    uint32_t first = 0, end = tab->n_entries;
    while (first < end) {
        uint32_t mid = first + (end - first) / 2;
        entry(tab, image, mid, &start, &fde);
        if ((int64_t)start <= (int64_t)at)
            first = mid + 1;
        else
            end = mid;
    }
    return first;
}

static struct ehtab_page *compile(const struct ehtab *tab, const struct ehtab_image *image,
                                  uint64_t lo, struct ehtab_alloc alloc,
                                  struct ehtab_scratch *scratch)
{
    struct page_out out = {.lo = lo, .rows = scratch->rows, .n_rows = 1};
    struct cie cie = {0};
    uint64_t start, fde;
    scratch->n_left = INSTRUCTIONS_MAX;
    scratch->rows[0] = (struct ehtab_row){.kind = EHTAB_NONE, .rbp = EHTAB_RBP_SAME};
    uint32_t first = entries_to(tab, image, lo); /* the first that starts in or after the page */
    if (first)
        first--;
    /* A page holds no more functions than bytes; a table that says so is damaged. */
    for (uint32_t i = first; i < tab->n_entries && i - first <= EHTAB_PAGE_BYTES; i++) {
        entry(tab, image, i, &start, &fde);
        if ((int64_t)start >= (int64_t)(lo + EHTAB_PAGE_BYTES))
            break;
        if ((int64_t)start >= 0)
            compile_fde(image, fde, start, &cie, &out, scratch);
    }
    size_t n_bytes = out.n_rows * sizeof *out.rows;
    struct ehtab_page *page = alloc.alloc(alloc.arg, sizeof *page + n_bytes);
    if (!page)
        return NULL;
    page->n_rows = (uint16_t)out.n_rows;
    memcpy(page->rows, out.rows, n_bytes);
    for (uint32_t block = 0, row = 0; block < EHTAB_PAGE_BYTES / 256; block++) {
        while (row + 1 < out.n_rows && out.rows[row + 1].pc <= block * 256)
            row++;
        page->first[block] = (uint16_t)row;
    }
    return page;
}

bool ehtab_init(struct ehtab *tab, const struct ehtab_image *image, uint64_t hdr, uint64_t span,
                struct ehtab_alloc alloc)
{
    memset(tab, 0, sizeof *tab);
    if (hdr < image->lo || hdr - image->lo >= image->n_bytes ||
        span / EHTAB_PAGE_BYTES >= UINT32_MAX)
        return true;
    struct cursor c = {image->bytes + (hdr - image->lo), image->bytes + image->n_bytes, true};
    uint64_t form = get_fixed(&c, 4); /* version, encodings of eh_frame, of the count, the table */
    if (!c.ok || (form & 0xff) != 1 || form >> 24 != 0x3b)
        return true;
    skip_encoded(&c, (uint8_t)(form >> 8));
    size_t n = encoded_bytes((uint8_t)(form >> 16));
    uint64_t n_entries = (form >> 16 & 0xff) == 0xff || n == 0 ? 0 : get_fixed(&c, n);
    if (!c.ok || n_entries == 0)
        return true;
    uint64_t room = (uint64_t)(c.end - c.p) / 8;
    if (n_entries > room)
        n_entries = room;
    if (n_entries > UINT32_MAX - 1)
        return true;
    uint32_t n_pages = (uint32_t)((span + EHTAB_PAGE_BYTES - 1) / EHTAB_PAGE_BYTES);
    tab->pages = alloc.alloc(alloc.arg, n_pages * sizeof *tab->pages);
    if (!tab->pages)
        return false;
    tab->hdr = hdr;
    tab->entries = offset_of(image, &c);
    tab->n_pages = n_pages;
    tab->n_entries = (uint32_t)n_entries;
    return true;
}

struct ehtab_row ehtab_find(struct ehtab *tab, const struct ehtab_image *image, uint64_t offset,
                            struct ehtab_alloc alloc, struct ehtab_scratch *scratch)
{
    const struct ehtab_row none = {.kind = EHTAB_NONE, .rbp = EHTAB_RBP_SAME};
    uint64_t number = offset / EHTAB_PAGE_BYTES;
    if (number >= tab->n_pages || tab->n_entries == 0)
        return none;
    struct ehtab_page *page = __atomic_load_n(&tab->pages[number], __ATOMIC_ACQUIRE);
    if (!page) {
        struct ehtab_page *made = compile(tab, image, number * EHTAB_PAGE_BYTES, alloc, scratch);
        if (!made)
            return none;
        if (__atomic_compare_exchange_n(&tab->pages[number], &page, made, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            page = made;
    }
    uint32_t pc = (uint32_t)(offset % EHTAB_PAGE_BYTES), i = page->first[pc >> 8];
    while (i + 1u < page->n_rows && page->rows[i + 1].pc <= pc)
        i++;
    return page->rows[i];
}

bool ehtab_function(const struct ehtab *tab, const struct ehtab_image *image, uint64_t offset,
                    uint64_t *start)
{
    uint64_t fde;
    uint32_t n = tab->n_entries ? entries_to(tab, image, offset) : 0;
    if (n == 0)
        return false;
    entry(tab, image, n - 1, start, &fde);
    return true;
}

/* An entry of the header's table, relative to the header. */
struct index_entry {
    int32_t start, fde;
};

static int compare_entries(const void *a, const void *b)
{
    const struct index_entry *x = a, *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

/* Behind the section, 8-aligned: 8 bytes of header, then the entries. */
static uint64_t index_room(const struct ehtab_image *frames)
{
    return (frames->n_bytes + 7) & ~7ull;
}

uint64_t ehtab_index_bytes(const struct ehtab_image *frames)
{
    uint64_t n = 0;
    struct cursor c;
    for (uint64_t at = frames->lo; open_record(frames, at, &c);
         at = frames->lo + (uint64_t)(c.end - frames->bytes))
        n++;
    return index_room(frames) + 8 + n * sizeof(struct index_entry);
}

/* The offset that an FDE's first pc, at `c`, means; UINT64_MAX if that cannot be told. */
static uint64_t fde_start(const struct ehtab_image *frames, struct cursor *c, uint8_t encoding,
                          uint64_t address)
{
    size_t n = encoded_bytes(encoding);
    uint64_t here = offset_of(frames, c), pc = get_fixed(c, n);
    if (n == 0 || !c->ok || (encoding & 0x80))
        return UINT64_MAX;
    if (n == 4 && (encoding & 0x8))
        pc = (uint64_t)(int32_t)pc;
    else if (n == 2 && (encoding & 0x8))
        pc = (uint64_t)(int16_t)pc;
    if ((encoding & 0x70) == 0x10) /* DW_EH_PE_pcrel */
        return here + pc;
    return (encoding & 0x70) == 0 ? pc - address : UINT64_MAX;
}

bool ehtab_index(const struct ehtab_image *frames, uint64_t address, void *to,
                 struct ehtab_image *image, uint64_t *hdr)
{
    /* Version 1, no pointer to .eh_frame, an udata4 count, a datarel sdata4 table. */
    static const uint8_t form[4] = {1, 0xff, 0x03, 0x3b};
    uint64_t room = index_room(frames), at_hdr = frames->lo + room;
    uint8_t *bytes = to;
    struct index_entry *entries = (void *)(bytes + room + 8);
    struct cie cie = {0};
    struct cursor c, unused;
    uint32_t n = 0;
    for (uint64_t at = frames->lo; open_record(frames, at, &c);
         at = frames->lo + (uint64_t)(c.end - frames->bytes)) {
        uint64_t here = offset_of(frames, &c), back = get_fixed(&c, 4);
        if (back == 0 || back > here || /* 0: a CIE */
            (cie.at != here - back && !open_cie(frames, here - back, &cie, &unused)))
            continue;
        uint64_t start = fde_start(frames, &c, cie.pc_encoding, address);
        int64_t from_hdr = (int64_t)(start - at_hdr);
        if (start < INT64_MAX && from_hdr == (int32_t)from_hdr)
            entries[n++] = (struct index_entry){(int32_t)from_hdr, (int32_t)(at - at_hdr)};
    }
    qsort(entries, n, sizeof *entries, compare_entries);
    memcpy(bytes, frames->bytes, frames->n_bytes);
    memcpy(bytes + room, form, sizeof form);
    memcpy(bytes + room + 4, &n, sizeof n);
    *image = (struct ehtab_image){bytes, frames->lo, room + 8 + n * sizeof *entries};
    *hdr = at_hdr;
    return n > 0;
}
