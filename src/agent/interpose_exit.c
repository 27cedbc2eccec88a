/* interpose_exit: where a program begins to end: the heap profile and that of its threads
 * are of that moment, before its destructors free what was in use. */
#include "agent/http.h"
#include "agent/raw.h"
#include "agent/recording.h"
#include "agent/timers.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

typedef int main_fn(int, char **, char **);
typedef int start_fn(main_fn *, int, char **, void (*)(void), void (*)(void), void (*)(void),
                     void *);
typedef void exit_fn(int);

static main_fn *program_main;

static int run_main(int argc, char **argv, char **envp)
{
    const struct walk_regs caller = WALK_CALLER();
    int status = program_main(argc, argv, envp);
    recording_program_ends(&caller);
    return status;
}

/* libc calls exit itself when main returns: no function of ours would see that. */
int __libc_start_main(main_fn *main, int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end);
EXPORT int __libc_start_main(main_fn *main, int argc, char **argv, void (*init)(void),
                             void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
    start_fn *next = (start_fn *)dlsym(RTLD_NEXT, "__libc_start_main");
    if (!next)
        _exit(127); /* a libc without it could not have started us */
    program_main = main;
    return next(recording_watches_end() ? run_main : main, argc, argv, init, fini, rtld_fini,
                stack_end);
}

EXPORT void exit(int status)
{
    const struct walk_regs caller = WALK_CALLER();
    exit_fn *next = (exit_fn *)dlsym(RTLD_NEXT, "exit");
    recording_program_ends(&caller);
    if (next)
        next(status);
    _exit(status);
}

EXPORT void quick_exit(int status)
{
    const struct walk_regs caller = WALK_CALLER();
    exit_fn *next = (exit_fn *)dlsym(RTLD_NEXT, "quick_exit");
    recording_program_ends(&caller);
    if (next)
        next(status);
    _exit(status);
}

/* May be called in a handler and in a child by vfork: no dlsym.  Once system calls are
 * forbidden we cannot tell such a child; nothing of ours then depends on this moment. */
static void end_at_once(int status, const struct walk_regs *caller)
{
    if (!timers_frozen()) {
        recording_program_ends(caller);
        http_end();
    }
    for (;;)
        raw4(SYS_exit_group, status, 0, 0, 0);
}

EXPORT void _exit(int status)
{
    const struct walk_regs caller = WALK_CALLER();
    end_at_once(status, &caller);
    __builtin_unreachable();
}

EXPORT void _Exit(int status)
{
    const struct walk_regs caller = WALK_CALLER();
    end_at_once(status, &caller);
    __builtin_unreachable();
}
