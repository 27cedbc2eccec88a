/* go_code: what Go's runtime knows about the code of a program, by address and kept: the
 * function, how far its frame reaches, the calls that were inlined there.
 *
 * In: the table of functions.  Out: borrowed answers that live as long as the go_code.
 * Units: addresses are those of the running program.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_GO_CODE_H
#define SONDE_GO_CODE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "sym/gopclntab.h"

#include <stdbool.h>
#include <stdint.h>

struct go_code;

/* What the unwinder treats in a way of its own. */
enum go_role {
    GO_ROLE_NONE,
    GO_ROLE_WRAPPER, /* made by the compiler: left out of stacks */
    GO_ROLE_GOPANIC,
    GO_ROLE_SIGPANIC,
    GO_ROLE_PANICWRAP,
    GO_ROLE_INJECTED, /* asyncPreempt, debugCallV2: called where nothing calls */
    GO_ROLE_CGOCALLBACK,
    GO_ROLE_START, /* a function of the runtime that users' goroutines start with */
    GO_ROLE_FINALIZERS,
    GO_ROLE_CLEANUPS,
};

struct go_function {
    struct gopclntab_function f;
    enum go_role role;
    bool has_sp, is_top, writes_sp;
    bool is_runtime; /* named "runtime.*" */
};

struct go_pc {
    uint64_t pc;
    const struct go_function *function; /* NULL: no Go code */
    int32_t sp_delta;                   /* -1: not known */
};

/* One call, inlined or not. */
struct go_call {
    uint64_t pc; /* an address in the call; 0: no more */
    const char *name;
    uint32_t start_line; /* 0: not known */
    enum go_role role;
    bool is_inlined;
    uint64_t caller; /* where it was inlined */
};

/* `minor`: of Go 1.MINOR.  `table` is borrowed.  NULL and *err when memory runs out. */
struct go_code *go_code_new(struct gopclntab *table, unsigned minor, struct err *err);
void go_code_free(struct go_code *code); /* NULL is fine */

unsigned go_code_minor(const struct go_code *code);
/* Never NULL; when memory runs out it says that there is no Go code, and go_code_ok false. */
const struct go_pc *go_code_at(struct go_code *code, uint64_t pc);
bool go_code_ok(const struct go_code *code);

/* The innermost call at an address of the function, and the one around it. */
struct go_call go_code_call(struct go_code *code, const struct go_function *function, uint64_t pc);
struct go_call go_code_outer(struct go_code *code, const struct go_function *function,
                             const struct go_call *call);
/* Is a function of this role left out, where `callee` is what it called? */
bool go_code_is_hidden(enum go_role role, enum go_role callee);

/* File and line, "?" and 0 where they are not known. */
void go_code_line(struct go_code *code, const struct go_function *function, uint64_t pc,
                  const char **file, uint32_t *line);
/* Numbers and data of Go's that go with a function (GOPCLNTAB_ARG_INFO ...). */
int32_t go_code_number(struct go_code *code, const struct go_function *function, unsigned which,
                       uint64_t pc);
struct str go_code_data(struct go_code *code, const struct go_function *function, unsigned which);

/* The name as Go prints it: type arguments as "...".  At most 5 pieces, in `pieces`; returns
 * how many. */
size_t go_code_print_name(const struct go_code *code, const char *name, struct str pieces[5]);
/* The same, added to *out. */
void go_code_add_name(const struct go_code *code, const char *name, struct buf *out);

#endif
