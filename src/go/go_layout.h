/* go_layout: where the fields of Go's runtime types lie, and how its variables are found in a
 * program without symbols: a table for each minor version of Go (go_layout_1_NN.c, written by
 * tools/go-layout), or the program's own DWARF.
 * Threads: any, all of it is constant.  Signals: no. */
#ifndef SONDE_GO_LAYOUT_H
#define SONDE_GO_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

enum go_field {
#define GO_FIELD(name, type, field) GO_##name,
#include "go/go_fields.h"
    GO_N_FIELDS
};

enum go_global {
#define GO_GLOBAL(name, symbol) GO_VAR_##name,
#include "go/go_globals.h"
    GO_N_GLOBALS
};

#define GO_NO_FIELD 0xffff /* this version has no such field */

struct go_layout {
    uint16_t at[GO_N_FIELDS]; /* by enum go_field */
};

#endif
