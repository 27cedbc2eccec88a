/* live_name: the names of sources that are programs: "pid:PID/KIND?PARAMETERS", with a process's
 * name in place of its number too, and "core:FILE/KIND".
 *
 * In: text.  Out: what is asked for.  The parameters are seconds=N, gc=1, enable=1,
 * rate=N, consistent=1, hz=N, and exe=FILE for a core file's program.
 * Threads: independent.  Signals: no. */
#ifndef SONDE_UI_LIVE_NAME_H
#define SONDE_UI_LIVE_NAME_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct live_name {
    pid_t pid;        /* 0: a core file */
    char *core, *exe; /* paths; exe NULL: as the core file tells */
    char *kind;       /* "cpu" where the name says none; of a core file "goroutine" */
    double seconds;   /* 0: not said */
    unsigned hz;      /* 0: not said */
    uint64_t rate;    /* that a profile is switched on with; 0: not said */
    bool gc, enable, consistent;
    bool probes; /* of a trace: not by the program's own server */
};

/* Does `source` begin like such a name? */
bool live_name_is(const char *source);

/* False with ERR_USAGE: a parameter that is not known or a value that is none;
 * ERR_INPUT: no process of that name, or several, which are listed; ERR_NOMEM.
 * Release it in any case. */
bool live_name_parse(struct live_name *name, const char *source, struct err *err);
/* The same of the name of an execution trace: "pid:PID?PARAMETERS" or "pid:PID/trace?PARAMETERS";
 * the parameters are seconds=N, enable=1, rate=N, probes=1. */
bool live_name_parse_trace(struct live_name *name, const char *source, struct err *err);
void live_name_release(struct live_name *name); /* also fine on a zeroed struct */

/* The process of a number or a name, as in "pid:".  0 and *err as above. */
pid_t live_name_process(const char *text, struct err *err);

#endif
