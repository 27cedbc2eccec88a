/* blocks: allocates what its answers are known of.  Each function keeps or frees its own. */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWN __attribute__((noinline, noclone)) void
#define N 1000

static void *volatile kept[16][N];

static void *volatile last; /* so that nothing is left out */

OWN keep_malloc(void)
{
    for (int i = 0; i < N; i++)
        kept[0][i] = malloc(100);
}

OWN free_half(void)
{
    for (int i = 0; i < N; i++) {
        kept[1][i] = malloc(64);
        if (i % 2)
            free(kept[1][i]);
    }
}

OWN keep_calloc(void)
{
    for (int i = 0; i < N; i++)
        kept[2][i] = calloc(10, 20);
}

/* Each step counts as a block that is freed and a new one. */
OWN grow(void)
{
    char *p = NULL;
    for (size_t n = 1024; n <= 1 << 20; n *= 2)
        last = p = realloc(p, n);
}

OWN keep_aligned(void)
{
    void *p;
    for (int i = 0; i < N; i++) {
        kept[3][i] = posix_memalign(&p, 64, 128) == 0 ? p : NULL;
        kept[4][i] = aligned_alloc(64, 192);
        kept[5][i] = memalign(32, 96);
    }
}

OWN keep_strings(void)
{
    for (int i = 0; i < N; i++)
        kept[6][i] = strdup("thirty-one characters and a NUL");
}

OWN keep_array(void)
{
    for (int i = 0; i < N; i++)
        kept[7][i] = reallocarray(NULL, 5, 8);
}

OWN keep_large(void)
{
    for (int i = 0; i < 4; i++)
        kept[8][i] = malloc(16 << 20);
}

OWN handed_over(void)
{
    for (int i = 0; i < N; i++)
        kept[9][i] = malloc(48);
}

static void *free_them(void *arg)
{
    (void)arg;
    for (int i = 0; i < N; i++)
        free(kept[9][i]);
    return NULL;
}

OWN in_child(void)
{
    for (int i = 0; i < N; i++)
        kept[10][i] = malloc(80);
}

OWN too_much(void)
{
    last = malloc(PTRDIFF_MAX);
    last = realloc(kept[0][0], PTRDIFF_MAX); /* the old block stays */
    last = calloc(SIZE_MAX / 2, 4);
    last = reallocarray(NULL, SIZE_MAX / 2, 4);
}

static __attribute__((destructor)) void destroy(void)
{
    for (int i = 0; i < N; i++)
        free(kept[0][i]);
}

int main(int argc, char **argv)
{
    const char *end = argc > 1 ? argv[1] : "";
    pthread_t thread;
    keep_malloc();
    free_half();
    keep_calloc();
    grow();
    keep_aligned();
    keep_strings();
    keep_array();
    keep_large();
    handed_over();
    too_much();
    pthread_create(&thread, NULL, free_them, NULL);
    pthread_join(thread, NULL);
    pid_t pid = fork();
    if (pid == 0) {
        in_child();
        for (int i = 0; i < N; i++)
            free(kept[2][i]); /* the parent's stay */
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    if (!strcmp(end, "exit"))
        exit(3);
    if (!strcmp(end, "_exit"))
        _exit(4);
    if (!strcmp(end, "abort"))
        abort();
    if (!strcmp(end, "kill"))
        kill(getpid(), SIGKILL);
    return 0;
}
