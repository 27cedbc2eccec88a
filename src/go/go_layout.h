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

/* An instruction of the runtime that refers to a variable, relative to its own place. */
struct go_reference {
    uint8_t global;       /* enum go_global */
    uint8_t tail;         /* bytes of the instruction behind the 32-bit displacement */
    uint16_t within;      /* it refers to this byte of the variable */
    uint16_t at;          /* where the displacement is in the function */
    uint16_t size;        /* of the function, with what fills up to the next */
    const char *function; /* as gopclntab names it */
    const char *code;     /* the bytes around in hexadecimal; ".." is any, "@@" the displacement */
    const char *shorter;  /* the same with fewer around, tried afterwards; "": none */
};

struct go_version {
    unsigned minor, patch; /* 24 and 4 for Go 1.24.4, which it was made from */
    const char *made_from; /* "go1.24.4" */
    const struct go_reference *references;
    size_t n_references;
    struct go_layout layout;
};

/* The layout of Go 1.MINOR.`patch`: few patch releases move a field. */
void go_version_layout(const struct go_version *version, unsigned patch, struct go_layout *layout);
/* The table of Go 1.`minor`; NULL if there is none. */
const struct go_version *go_version_find(unsigned minor);
/* The first and last that there are tables of. */
void go_version_range(unsigned *first, unsigned *last);

#endif
