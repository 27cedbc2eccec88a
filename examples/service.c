/* service: a C program that can be looked into while it runs.
 *
 *   cc -O2 -g -pthread -o service service.c $(pkg-config --cflags --libs sonde)
 *   ./service localhost:6060 &
 *   sonde pprof -top http://localhost:6060/debug/pprof/profile?seconds=5
 *   sonde pprof -top http://localhost:6060/debug/pprof/heap */
#include <pthread.h>
#include <sonde/sonde.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { N_KEPT = 1000, TEXT_BYTES = 8192 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *kept[N_KEPT];

__attribute__((noinline)) static char *make_text(unsigned seed)
{
    char *text = malloc(TEXT_BYTES);
    for (size_t i = 0; text && i < TEXT_BYTES; i++) {
        seed = seed * 1664525u + 1013904223u;
        text[i] = (char)('a' + (seed >> 24) % 26);
    }
    return text;
}

__attribute__((noinline)) static void keep_text(unsigned number, char *text)
{
    pthread_mutex_lock(&lock);
    free(kept[number % N_KEPT]);
    kept[number % N_KEPT] = text;
    pthread_mutex_unlock(&lock);
}

static void *work(void *arg)
{
    const time_t *end = arg;
    for (unsigned n = 0; time(NULL) < *end; n++) {
        SONDE_LABEL("number", n % 2 ? "odd" : "even");
        keep_text(n, make_text(n));
    }
    return NULL;
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "localhost:6060";
    time_t end = time(NULL) + (argc > 2 ? atol(argv[2]) : 60);
    pthread_t other;

    sonde_set_block_profile_rate(10000);
    sonde_set_mutex_profile_fraction(1);
    if (sonde_http_serve(address) != 0) {
        perror(address);
        return 1;
    }
    printf("http://%s/debug/pprof/\n", sonde_http_address());
    fflush(stdout);

    pthread_create(&other, NULL, work, &end);
    work(&end);
    pthread_join(other, NULL);
    return 0;
}
