/* dwarf_scan: which functions of a unit hold the wanted addresses.
 *
 * One pass over the bytes of the unit's entries.  It knows only how long an
 * entry is and where functions and inlined calls have their code, which is all
 * that is needed to pass quickly over the rest (types, variables); names and
 * lines are asked of libdw afterwards, for the few entries that matter.
 *
 * In: a unit as libdw found it.  Out: the innermost function of each address,
 * linked to those around it.  Every read is bounded by the unit.
 * Threads: one at a time a scan.  Signals: no. */
#ifndef SONDE_SYM_DWARF_SCAN_H
#define SONDE_SYM_DWARF_SCAN_H

#include "sym/frames.h"

#include <elfutils/libdw.h>

#define SCAN_NONE UINT32_MAX

/* A function or inlined call that holds wanted addresses, or contains one. */
struct scan_node {
    const uint8_t *die;
    uint32_t parent; /* node, or SCAN_NONE */
    bool is_inlined;
};

struct scan_unit {
    Dwarf_CU *cu;
    const uint8_t *first, *end; /* its entries, the unit's own first */
    const uint8_t *abbrevs, *abbrevs_end;
    uint8_t version, address_size, offset_size;
};

struct scan {
    VEC(struct scan_node) nodes;
    uint32_t *innermost; /* [n lookups] node or SCAN_NONE; the caller's, set to SCAN_NONE */
    /* Steps that may still be made for hostile input: code ranges that overlap
     * without end are given up at 0. */
    uint64_t budget;
    /* the rest is private */
    VEC(struct scan_abbrev) abbrevs;
    VEC(struct scan_attr) attrs;
    VEC(uint32_t) by_code;
    VEC(struct scan_open) open;
};

enum scan_result { SCAN_OK, SCAN_DAMAGED, SCAN_NOMEM };

/* Set innermost[i] of the n sorted lookups that the unit holds, and make the nodes
 * (emptied first). */
enum scan_result scan_unit(struct scan *scan, const struct scan_unit *unit,
                           const struct lookup *lookups, size_t n);
/* Everything but `innermost`. */
void scan_release(struct scan *scan);

/* The entry at `die` for libdw. */
static inline Dwarf_Die scan_die(const struct scan_unit *unit, const uint8_t *die)
{
    return (Dwarf_Die){.addr = (void *)die, .cu = unit->cu};
}

#endif
