#include "wire/thread_start.h"

#include <stddef.h>
#include <string.h>

static bool begins(const char *text, const char *const *beginnings)
{
    for (; *beginnings; beginnings++)
        if (strncmp(text, *beginnings, strlen(*beginnings)) == 0)
            return true;
    return false;
}

static bool is_one(const char *text, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(text, *names) == 0)
            return true;
    return false;
}

bool thread_start_is(const char *name, const char *file)
{
    static const char *const names[] = {"_start",
                                        "start_thread",
                                        "clone",
                                        "__clone",
                                        "__GI___clone",
                                        "clone3",
                                        "__clone3",
                                        "__GI___clone3",
                                        "execute_native_thread_routine",
                                        "pthread_once",
                                        "__pthread_once",
                                        "___pthread_once",
                                        "__pthread_once_slow",
                                        NULL};
    static const char *const beginnings[] = {"__libc_start_", "std::", "__gthread_", NULL};
    static const char *const libraries[] = {"libc.so",   "libc-2",   "libpthread", "libstdc++.so",
                                            "libc++.so", "ld-linux", NULL};
    if (strncmp(name, "0x", 2) == 0) {
        const char *slash = strrchr(file, '/');
        return begins(slash ? slash + 1 : file, libraries);
    }
    return is_one(name, names) || begins(name, beginnings) || strstr(file, "/include/c++/");
}
