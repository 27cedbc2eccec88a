/* known: what a program knows of its waits, printed at its end: a line a function,
 * `block|mutex FUNCTION CONTENTIONS NANOSECONDS`. */
#ifndef KNOWN_H
#define KNOWN_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define OWN __attribute__((noinline, noclone))
#define PAUSE_NS 20000000

struct known {
    const char *profile, *function;
    uint64_t n, ns;
};

static struct known known[200];
static int n_known;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline struct timespec after_ns(clockid_t clock, uint64_t ns)
{
    struct timespec t;
    clock_gettime(clock, &t);
    ns += (uint64_t)t.tv_nsec;
    t.tv_sec += (time_t)(ns / 1000000000u);
    t.tv_nsec = (long)(ns % 1000000000u);
    return t;
}

static void pause_ns(uint64_t ns)
{
    struct timespec t = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

/* Returns when the thread sleeps: it waits, however busy the machine is. */
static inline void until_asleep(int tid)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    for (int i = 0; i < 10000; i++) {
        FILE *f = fopen(path, "r");
        size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
        if (f)
            fclose(f);
        text[n] = '\0';
        const char *name_end = strrchr(text, ')');
        if (!name_end || name_end[2] == 'S')
            return;
        pause_ns(1000000);
    }
}

/* One thread at a time. */
static void know(const char *profile, const char *function, uint64_t n, uint64_t ns)
{
    for (int i = 0; i < n_known; i++)
        if (strcmp(known[i].profile, profile) == 0 && strcmp(known[i].function, function) == 0) {
            known[i].n += n;
            known[i].ns += ns;
            return;
        }
    known[n_known++] = (struct known){profile, function, n, ns};
}

static void print_known(void)
{
    for (int i = 0; i < n_known; i++)
        printf("%s %s %llu %llu\n", known[i].profile, known[i].function,
               (unsigned long long)known[i].n, (unsigned long long)known[i].ns);
}

#endif
