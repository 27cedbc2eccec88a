#include "sym/dwarf_scan.h"

#include <dwarf.h>
#include <string.h>

struct scan_attr {
    uint16_t name, form;
};

struct scan_abbrev {
    uint32_t first_attr, n_attrs;
    uint32_t fixed_bytes; /* length of all values, or VARIABLE */
    uint16_t tag;
    bool has_children, has_code;
};
#define VARIABLE UINT32_MAX

/* An entry whose children are being read. */
struct scan_open {
    const uint8_t *die; /* NULL: no function */
    uint32_t node;      /* SCAN_NONE until something needs it */
    uint32_t around;    /* index in `open` of the function around it, or SCAN_NONE */
    bool is_inlined;
};

/* --- bytes --- */

struct bytes {
    const uint8_t *p, *end;
    bool bad;
};

static uint64_t uleb(struct bytes *b)
{
    uint64_t v = 0;
    for (unsigned shift = 0; b->p < b->end; shift += 7) {
        uint8_t c = *b->p++;
        if (shift < 64)
            v |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80)
            return v;
    }
    b->bad = true;
    return 0;
}

static void skip(struct bytes *b, uint64_t n)
{
    if (n > (uint64_t)(b->end - b->p)) {
        b->bad = true;
        n = (uint64_t)(b->end - b->p);
    }
    b->p += n;
}

static uint64_t fixed(struct bytes *b, unsigned n)
{
    uint64_t v = 0;
    if (n > sizeof v || (size_t)(b->end - b->p) < n) {
        b->bad = true;
        b->p = b->end;
        return 0;
    }
    memcpy(&v, b->p, n); /* little-endian machines and files only: the caller checks */
    b->p += n;
    return v;
}

static void skip_text(struct bytes *b)
{
    const uint8_t *nul = memchr(b->p, 0, (size_t)(b->end - b->p));
    b->bad |= !nul;
    b->p = nul ? nul + 1 : b->end;
}

/* --- forms --- */

/* Bytes of a value of that form, or VARIABLE. */
static uint32_t form_bytes(unsigned form, const struct scan_unit *unit)
{
    switch (form) {
    case DW_FORM_flag_present:
    case DW_FORM_implicit_const:
        return 0;
    case DW_FORM_data1:
    case DW_FORM_ref1:
    case DW_FORM_flag:
    case DW_FORM_strx1:
    case DW_FORM_addrx1:
        return 1;
    case DW_FORM_data2:
    case DW_FORM_ref2:
    case DW_FORM_strx2:
    case DW_FORM_addrx2:
        return 2;
    case DW_FORM_strx3:
    case DW_FORM_addrx3:
        return 3;
    case DW_FORM_data4:
    case DW_FORM_ref4:
    case DW_FORM_ref_sup4:
    case DW_FORM_strx4:
    case DW_FORM_addrx4:
        return 4;
    case DW_FORM_data8:
    case DW_FORM_ref8:
    case DW_FORM_ref_sig8:
    case DW_FORM_ref_sup8:
        return 8;
    case DW_FORM_data16:
        return 16;
    case DW_FORM_addr:
        return unit->address_size;
    case DW_FORM_ref_addr:
        return unit->version <= 2 ? unit->address_size : unit->offset_size;
    case DW_FORM_strp:
    case DW_FORM_line_strp:
    case DW_FORM_strp_sup:
    case DW_FORM_sec_offset:
    case DW_FORM_GNU_ref_alt:
    case DW_FORM_GNU_strp_alt:
        return unit->offset_size;
    default:
        return VARIABLE;
    }
}

static void skip_form(struct bytes *b, unsigned form, const struct scan_unit *unit)
{
    uint32_t n = form_bytes(form, unit);
    if (n != VARIABLE) {
        skip(b, n);
        return;
    }
    switch (form) {
    case DW_FORM_sdata:
    case DW_FORM_udata:
    case DW_FORM_ref_udata:
    case DW_FORM_strx:
    case DW_FORM_addrx:
    case DW_FORM_loclistx:
    case DW_FORM_rnglistx:
    case DW_FORM_GNU_addr_index:
    case DW_FORM_GNU_str_index:
        uleb(b);
        break;
    case DW_FORM_string:
        skip_text(b);
        break;
    case DW_FORM_block1:
        skip(b, fixed(b, 1));
        break;
    case DW_FORM_block2:
        skip(b, fixed(b, 2));
        break;
    case DW_FORM_block4:
        skip(b, fixed(b, 4));
        break;
    case DW_FORM_block:
    case DW_FORM_exprloc:
        skip(b, uleb(b));
        break;
    case DW_FORM_indirect:
        /* One level: a form that names itself would never end. */
        form = (unsigned)uleb(b);
        if (form == DW_FORM_indirect || form == DW_FORM_implicit_const)
            b->bad = true;
        else
            skip_form(b, form, unit);
        break;
    default:
        b->bad = true;
    }
}

/* --- abbreviations --- */

static enum scan_result read_abbrev(struct scan *scan, struct bytes *b, uint64_t code,
                                    const struct scan_unit *unit)
{
    struct scan_abbrev abbrev = {.first_attr = (uint32_t)scan->attrs.n};
    bool has_pc = false;
    abbrev.tag = (uint16_t)uleb(b);
    abbrev.has_children = fixed(b, 1);
    while (!b->bad) {
        uint64_t name = uleb(b), form = uleb(b);
        if (form == DW_FORM_implicit_const)
            uleb(b);
        if (name == 0 && form == 0)
            break;
        if (name > UINT16_MAX || form > UINT16_MAX)
            return SCAN_DAMAGED;
        if (!vec_push(&scan->attrs, (struct scan_attr){(uint16_t)name, (uint16_t)form}))
            return SCAN_NOMEM;
        has_pc |= name == DW_AT_low_pc || name == DW_AT_ranges;
        uint32_t n = form_bytes((unsigned)form, unit);
        if (n == VARIABLE || abbrev.fixed_bytes > 1u << 20)
            abbrev.fixed_bytes = VARIABLE;
        else
            abbrev.fixed_bytes += n;
    }
    abbrev.n_attrs = (uint32_t)scan->attrs.n - abbrev.first_attr;
    bool is_function = abbrev.tag == DW_TAG_subprogram || abbrev.tag == DW_TAG_inlined_subroutine;
    abbrev.has_code = is_function && has_pc;
    /* Compilers count from 1; a code far beyond the table's length is damage. */
    if (b->bad || code > 2 * (uint64_t)(unit->abbrevs_end - unit->abbrevs))
        return SCAN_DAMAGED;
    if (!vec_reserve(&scan->by_code, code + 1))
        return SCAN_NOMEM;
    while (scan->by_code.n <= code)
        scan->by_code.items[scan->by_code.n++] = SCAN_NONE;
    scan->by_code.items[code] = (uint32_t)scan->abbrevs.n;
    return vec_push(&scan->abbrevs, abbrev) ? SCAN_OK : SCAN_NOMEM;
}

static enum scan_result read_abbrevs(struct scan *scan, const struct scan_unit *unit)
{
    /* The sizes in the table depend on the unit's header, so that only runs of
     * units alike could share it; compilers give each unit its own. */
    vec_clear(&scan->abbrevs);
    vec_clear(&scan->attrs);
    vec_clear(&scan->by_code);
    struct bytes b = {unit->abbrevs, unit->abbrevs_end, false};
    uint64_t code;
    while (b.p < b.end && (code = uleb(&b)) != 0) {
        enum scan_result result = read_abbrev(scan, &b, code, unit);
        if (result != SCAN_OK)
            return result;
    }
    return b.bad ? SCAN_DAMAGED : SCAN_OK;
}

/* --- functions --- */

/* Read the values of an entry; its code range when that is stored plainly. */
static bool read_plain_range(struct scan *scan, struct bytes *b, const struct scan_abbrev *abbrev,
                             const struct scan_unit *unit, uint64_t *low, uint64_t *high)
{
    bool has_low = false, has_high = false, is_length = false, has_ranges = false;
    const struct scan_attr *attr = scan->attrs.items + abbrev->first_attr;
    for (uint32_t i = 0; i < abbrev->n_attrs && !b->bad; i++, attr++) {
        uint32_t n = form_bytes(attr->form, unit);
        has_ranges |= attr->name == DW_AT_ranges;
        if (attr->name == DW_AT_low_pc && attr->form == DW_FORM_addr) {
            *low = fixed(b, n);
            has_low = true;
        } else if (attr->name == DW_AT_high_pc && n != VARIABLE && n > 0 && n <= 8) {
            *high = fixed(b, n);
            is_length = attr->form != DW_FORM_addr;
            has_high = attr->form == DW_FORM_addr || attr->form == DW_FORM_data1 ||
                       attr->form == DW_FORM_data2 || attr->form == DW_FORM_data4 ||
                       attr->form == DW_FORM_data8;
        } else if (attr->name == DW_AT_high_pc && attr->form == DW_FORM_udata) {
            *high = uleb(b);
            is_length = has_high = true;
        } else {
            skip_form(b, attr->form, unit);
        }
    }
    if (is_length)
        *high += *low;
    return has_low && has_high && !has_ranges;
}

/* The node of an open function, made with those around it on first need. */
static uint32_t node_of(struct scan *scan, uint32_t i)
{
    /* Outwards until a node is there, then inwards: no recursion, for input
     * that nests deeply. */
    uint32_t child = SCAN_NONE, top = SCAN_NONE;
    while (i != SCAN_NONE) {
        struct scan_open *open = &scan->open.items[i];
        bool is_new = open->node == SCAN_NONE;
        if (is_new) {
            open->node = (uint32_t)scan->nodes.n;
            if (!vec_push(&scan->nodes,
                          (struct scan_node){open->die, SCAN_NONE, open->is_inlined})) {
                open->node = SCAN_NONE;
                return SCAN_NONE;
            }
        }
        if (child != SCAN_NONE)
            scan->nodes.items[child].parent = open->node;
        if (top == SCAN_NONE)
            top = open->node;
        if (!is_new)
            break;
        child = open->node;
        /* A function ends the chain: what is around it did not inline it. */
        i = open->is_inlined ? open->around : SCAN_NONE;
    }
    return top;
}

struct wanted {
    const struct lookup *lookups;
    size_t n;
};

/* Give the addresses in [low, high) to the open function i. */
static enum scan_result claim(struct scan *scan, const struct wanted *w, uint32_t i, uint64_t low,
                              uint64_t high)
{
    size_t at = lookup_lower_bound(w->lookups, w->n, low);
    if (scan->budget == 0)
        return SCAN_DAMAGED;
    scan->budget--;
    if (low == 0)
        return SCAN_OK; /* code that the linker dropped */
    for (; at < w->n && w->lookups[at].address < high; at++) {
        uint32_t node = node_of(scan, i);
        if (node == SCAN_NONE)
            return SCAN_NOMEM;
        if (scan->budget == 0)
            return SCAN_DAMAGED;
        scan->budget--;
        scan->innermost[at] = node;
    }
    return SCAN_OK;
}

static enum scan_result claim_ranges(struct scan *scan, const struct scan_unit *unit,
                                     const struct wanted *w, uint32_t i)
{
    Dwarf_Die die = scan_die(unit, scan->open.items[i].die);
    Dwarf_Addr base, low, high;
    ptrdiff_t offset = 0;
    enum scan_result result = SCAN_OK;
    while (result == SCAN_OK && (offset = dwarf_ranges(&die, offset, &base, &low, &high)) > 0)
        result = claim(scan, w, i, low, high);
    return result;
}

static enum scan_result read_function(struct scan *scan, const struct scan_unit *unit,
                                      const struct wanted *w, struct bytes *b,
                                      const struct scan_abbrev *abbrev, uint32_t i)
{
    uint64_t low = 0, high = 0;
    bool is_plain = read_plain_range(scan, b, abbrev, unit, &low, &high);
    if (b->bad)
        return SCAN_DAMAGED;
    if (!abbrev->has_code)
        return SCAN_OK;
    return is_plain ? claim(scan, w, i, low, high) : claim_ranges(scan, unit, w, i);
}

enum scan_result scan_unit(struct scan *scan, const struct scan_unit *unit,
                           const struct lookup *lookups, size_t n)
{
    vec_clear(&scan->nodes);
    vec_clear(&scan->open);
    enum scan_result result = read_abbrevs(scan, unit);
    struct wanted w = {lookups, n};
    struct bytes b = {unit->first, unit->end, false};
    uint32_t around = SCAN_NONE; /* innermost open function */
    while (result == SCAN_OK && b.p < b.end) {
        const uint8_t *die = b.p;
        uint64_t code = uleb(&b);
        if (code == 0) {
            if (scan->open.n == 0)
                break;
            struct scan_open *closed = &scan->open.items[--scan->open.n];
            around = closed->around;
            if (scan->open.n == 0)
                break;
            continue;
        }
        if (code >= scan->by_code.n || scan->by_code.items[code] == SCAN_NONE)
            return SCAN_DAMAGED;
        const struct scan_abbrev *abbrev = &scan->abbrevs.items[scan->by_code.items[code]];
        bool is_inlined = abbrev->tag == DW_TAG_inlined_subroutine;
        bool is_function = is_inlined || abbrev->tag == DW_TAG_subprogram;
        if (!is_function && abbrev->fixed_bytes != VARIABLE) {
            skip(&b, abbrev->fixed_bytes);
        } else if (!is_function) {
            const struct scan_attr *attr = scan->attrs.items + abbrev->first_attr;
            for (uint32_t i = 0; i < abbrev->n_attrs && !b.bad; i++)
                skip_form(&b, attr[i].form, unit);
        }
        if (is_function || abbrev->has_children) {
            uint32_t i = (uint32_t)scan->open.n;
            if (!vec_push(&scan->open, (struct scan_open){is_function ? die : NULL, SCAN_NONE,
                                                          around, is_inlined}))
                return SCAN_NOMEM;
            if (is_function)
                result = read_function(scan, unit, &w, &b, abbrev, i);
            if (!abbrev->has_children)
                scan->open.n--;
            else if (is_function)
                around = i;
        }
        if (b.bad)
            return SCAN_DAMAGED;
        if (scan->open.n == 0)
            break;
    }
    return result;
}

void scan_release(struct scan *scan)
{
    vec_release(&scan->nodes);
    vec_release(&scan->abbrevs);
    vec_release(&scan->attrs);
    vec_release(&scan->by_code);
    vec_release(&scan->open);
}
