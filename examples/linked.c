/* linked: a program that profiles a part of itself.
 *
 *   cc -O2 -g -o linked linked.c $(pkg-config --cflags --libs sonde)
 *   ./linked cpu.pb.gz && sonde pprof -top cpu.pb.gz */
#include <fcntl.h>
#include <sonde/sonde.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* What is to be profiled: strings are made and sorted. */
static void work(void)
{
    enum { N = 200000, LEN = 16 };
    char(*texts)[LEN] = malloc(sizeof *texts * N);
    if (!texts)
        return;
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < N; i++)
            snprintf(texts[i], LEN, "%08x", (unsigned)i * 2654435761u);
        qsort(texts, N, sizeof *texts, compare);
    }
    free(texts);
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "cpu.pb.gz";
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    if (fd < 0 || sonde_start_cpu_profile(fd) != 0) {
        perror("cannot profile");
        return 1;
    }
    work();
    if (sonde_stop_cpu_profile() != 0) {
        perror(path);
        return 1;
    }
    close(fd);
    return 0;
}
