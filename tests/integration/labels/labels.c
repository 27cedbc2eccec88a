/* labels MODE: programs whose time and memory have known labels.  MODE "cpu FILE" and
 * "cpu" burn CPU time (with a profile of their own into FILE), "heap" allocates, "api"
 * prints what the calls do, "many" has more sets than there is room for. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sonde/sonde.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define OWN __attribute__((noinline, noclone))

OWN void burn(unsigned ms)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    uint64_t end = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec + ms * 1000000ull, now;
    do {
        for (volatile int i = 0; i < 20000; i++)
            ;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        now = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    } while (now < end);
}

/* Two on one line, as a program's own macro has them. */
#define LABELS                                                                                     \
    SONDE_LABEL("route", "/outer");                                                                \
    SONDE_LABEL("route", "/scoped")

OWN void scoped(unsigned ms)
{
    LABELS;
    burn(ms);
}

static void done(void *arg)
{
    burn(*(unsigned *)arg);
}

static void *inherits(void *arg)
{
    burn(300);
    return arg;
}

static int inherits_c11(void *arg)
{
    burn(300);
    return arg != NULL;
}

static void *takes_over(void *set)
{
    sonde_set_labels(set);
    burn(200);
    return NULL;
}

static void cpu(const char *file)
{
    int fd = -1;
    unsigned ms = 300;
    pthread_t thread;
    thrd_t thread_c11;
    if (file) {
        fd = open(file, O_CREAT | O_WRONLY | O_TRUNC, 0644);
        if (sonde_start_cpu_profile(fd) != 0)
            exit(3);
    }
    burn(400);
    sonde_set_label("route", "/a");
    burn(800);
    sonde_set_label("user", "one");
    sonde_set_label("route", "/b");
    burn(500);
    scoped(400);
    sonde_do("route", "/do", done, &ms);
    const struct sonde_labels *before = sonde_begin_label("more", "yes");
    pthread_create(&thread, NULL, inherits, NULL);
    pthread_join(thread, NULL);
    thrd_create(&thread_c11, inherits_c11, NULL);
    thrd_join(thread_c11, NULL);
    const struct sonde_labels *set = sonde_get_labels();
    sonde_set_labels(before);
    sonde_set_label("user", NULL);
    sonde_set_label("route", NULL);
    pthread_create(&thread, NULL, takes_over, (void *)set);
    pthread_join(thread, NULL);
    sonde_set_label("of", "parent");
    pid_t child = file ? 0 : fork();
    if (child == 0 && !file) {
        burn(300);
        exit(0);
    }
    if (child > 0)
        waitpid(child, NULL, 0);
    if (file && sonde_stop_cpu_profile() != 0)
        exit(4);
}

OWN void *keep(size_t n)
{
    void *volatile p = malloc(n);
    return p;
}

static void *allocates(void *arg)
{
    for (int i = 0; i < 30; i++)
        keep(100);
    return arg;
}

static void heap(void)
{
    pthread_t thread;
    for (int i = 0; i < 10; i++)
        keep(1000);
    SONDE_LABEL("kind", "big");
    for (int i = 0; i < 20; i++)
        keep(1000);
    pthread_create(&thread, NULL, allocates, NULL);
    pthread_join(thread, NULL);
    sonde_set_label("kind", "freed");
    for (int i = 0; i < 40; i++)
        free(keep(500));
}

static int show(void *arg, const char *key, const char *value)
{
    printf("%s=%s%s", key, value, arg ? "!\n" : " ");
    return arg == NULL;
}

static void shown(const char *what, int rc)
{
    int error = errno;
    printf("%s: %s: ", what, rc == 0 ? "ok" : error == EINVAL ? "EINVAL" : error == E2BIG ? "E2BIG" : "?");
    sonde_for_labels(show, NULL);
    printf("\n");
}

static void inside(void *arg)
{
    shown(arg, 0);
}

static void api(void)
{
    static char large[4000];
    memset(large, 'x', sizeof large - 1);
    shown("none", 0);
    printf("%s\n", sonde_get_labels() ? "set" : "empty");
    shown("b", sonde_set_label("b", "2"));
    const struct sonde_labels *b = sonde_get_labels();
    shown("a", sonde_set_label("a", "1"));
    shown("c", sonde_set_label("c", ""));
    const struct sonde_labels *abc = sonde_get_labels();
    shown("same", sonde_set_label("b", "2"));
    printf("%s\n", sonde_get_labels() == abc ? "the same set" : "another set");
    shown("replaced", sonde_set_label("b", "3"));
    printf("b is %s, d is %s\n", sonde_get_label("b"), sonde_get_label("d") ? "there" : "not there");
    shown("no key", sonde_set_label("", "1"));
    shown("NULL", sonde_set_label(NULL, "1"));
    shown("large", sonde_set_label("large", large));
    shown("not there", sonde_set_label("zz", NULL));
    shown("unset", sonde_set_label("a", NULL));
    shown("do", sonde_do("d", "4", inside, "inside"));
    shown("do large", sonde_do("d", large, inside, "inside"));
    sonde_set_labels(b);
    shown("set", 0);
    const struct sonde_labels *before = sonde_begin_label("large", large);
    shown("begin large", 0);
    sonde_set_labels(before);
    sonde_set_label("a", "1");
    sonde_for_labels(show, &before);
    sonde_set_label("a", NULL);
    sonde_set_label("b", NULL);
    printf("%s\n", sonde_get_labels() ? "set" : "empty");
}

static void many(void)
{
    char value[300];
    int i, rc = 0;
    memset(value, 'x', sizeof value);
    for (i = 0; i < 1000000 && rc == 0; i++) {
        snprintf(value, 20, "%d", i);
        value[strlen(value)] = '-';
        value[299] = '\0';
        rc = sonde_set_label("number", value);
    }
    printf("%s, %s\n", rc && errno == ENOMEM ? "ENOMEM" : "?", i > 20000 && i < 40000 ? "at some 26,000" : "?");
    snprintf(value, 20, "%d-", i - 2);
    printf("%s\n", strncmp(sonde_get_label("number"), value, strlen(value)) == 0 ? "the last" : "?");
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "cpu") == 0)
        cpu(argv[2]);
    else if (strcmp(mode, "heap") == 0)
        heap();
    else if (strcmp(mode, "api") == 0)
        api();
    else if (strcmp(mode, "many") == 0)
        many();
    else
        return 2;
    return 0;
}
