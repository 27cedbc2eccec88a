/* way: allocates, and makes threads, a step when it is told to: 10 MB at the start, 10 MB and a
 * thread then, another thread, the end.  `way STEP STEP STEP`: each a file that it waits for, or
 * milliseconds.  After each step it makes the file step.N.  With `way exit` it ends with its
 * last thread instead of by exit. */
#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile int tid;

__attribute__((noinline, noclone)) static void keep(void)
{
    for (int i = 0; i < 10; i++) {
        void *volatile p = malloc(1000000);
        (void)p;
    }
}

static void *waits(void *arg)
{
    tid = gettid();
    pause();
    return arg;
}

static void *ends(void *arg)
{
    usleep(300000);
    puts("done");
    fflush(stdout);
    return arg;
}

static void wait_for(const char *step)
{
    if (isdigit((unsigned char)step[0]))
        usleep((useconds_t)atoi(step) * 1000);
    for (int i = 0; !isdigit((unsigned char)step[0]) && access(step, F_OK) != 0 && i < 600; i++)
        usleep(100000);
}

static void made(int step)
{
    char name[20];
    snprintf(name, sizeof name, "step.%d", step);
    fclose(fopen(name, "w"));
}

/* One that pauses when this returns. */
static void make_thread(void)
{
    pthread_t thread;
    char path[64], text[512], *name_end;
    tid = 0;
    pthread_create(&thread, NULL, waits, NULL);
    do {
        usleep(1000);
        snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
        FILE *f = fopen(path, "r");
        text[f ? fread(text, 1, sizeof text - 1, f) : 0] = '\0';
        if (f)
            fclose(f);
    } while (!(name_end = strrchr(text, ')')) || name_end[2] != 'S');
}

int main(int argc, char **argv)
{
    pthread_t thread;
    keep();
    if (strcmp(argv[1], "exit") == 0) {
        wait_for(argv[2]);
        pthread_create(&thread, NULL, ends, NULL);
        pthread_exit(NULL);
    }
    made(0);
    wait_for(argv[1]);
    keep();
    make_thread();
    made(1);
    wait_for(argv[2]);
    make_thread();
    made(2);
    wait_for(argv[3]);
    puts("done");
    return 3;
}
