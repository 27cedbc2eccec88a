/* modules: which executable or library an address belongs to, found out when the
 * unwinder first meets it, so that dlopen and dlclose need no notice.
 * A module that comes back at another address keeps its number and its table; a
 * different one at the same address gets its own.
 * Out: numbers from 1, for frames (wire/wire.h).
 * Threads: any.  Signals: async-signal-safe. */
#ifndef SONDE_AGENT_MODULES_H
#define SONDE_AGENT_MODULES_H

#include "agent/store.h"
#include "unwind/ehtab.h"

#define MODULES_MAX 4096
#define MODULES_ID_BYTES 16 /* compared to tell modules apart */

/* Never freed, and only `logged` and the table's pages change after it is made. */
struct module {
    uint32_t number;
    uint32_t logged; /* generation of the file that has its description */
    uint64_t span;   /* bytes mapped, first to last */
    uint64_t vaddr;  /* ELF virtual address of the first */
    struct ehtab table;
    uint64_t hdr;                   /* offset of .eh_frame_hdr; 0 = none */
    uint64_t image_lo, image_bytes; /* offsets of the segment with .eh_frame; 0 bytes = none */
    const uint8_t *made;            /* that image when it is not the module's own memory */
    uint64_t text_lo, text_limit;   /* offsets of the first executable segment */
    uint64_t text_file;             /* where the file has it */
    uint64_t id_at;                 /* offset of `id`: of the build id, or of .eh_frame_hdr */
    uint8_t id[MODULES_ID_BYTES];
    uint32_t n_id;
    struct wire_module row; /* description, as of its first place */
    const char *path;       /* NULL = the executable */
};

/* A module at an address. */
struct placement {
    uint64_t start, limit;
    struct module *module;
    int torn; /* something of it that we read may not be there */
};

/* The module that holds `pc`, described in the store if that is a file (NULL: no store); NULL: none
 * (JIT code), or no memory for it.  Some 15 ns once known. */
const struct placement *modules_find(uint64_t pc, struct store *store);

/* Module `number`, or NULL. */
const struct module *modules_get(uint32_t number);

/* In a forked child: its file knows no modules, they are described again when met
 * again; the lock that another thread may have held is free. */
void modules_new_process(void);

/* dlclose is intercepted: from now on a module found is there, unless one is being
 * closed (begin to end; any number at a time).  Without this each look at a
 * module takes a system call, lest it has just gone. */
void modules_closing_is_told(void);
void modules_closing_begin(void);
void modules_closing_end(void);
/* How often: what is known of addresses may be of a library that is no more. */
extern uint32_t modules_closed;
static inline uint32_t modules_n_closed(void)
{
    return __atomic_load_n(&modules_closed, __ATOMIC_RELAXED);
}

/* The program makes [lo, limit) unreadable: the tables of modules with a part there
 * are not read any more.  True if there are such. */
bool modules_tear(uint64_t lo, uint64_t limit);

static inline bool modules_torn(const struct placement *p)
{
    return __atomic_load_n(&p->torn, __ATOMIC_SEQ_CST);
}

static inline struct ehtab_image modules_image(const struct placement *p)
{
    const struct module *m = p->module;
    return (struct ehtab_image){m->made ? m->made : (const uint8_t *)(p->start + m->image_lo),
                                m->image_lo, m->image_bytes};
}

#endif
