/* cache: three threads answer requests from a cache of pages, which a fourth refreshes.
 * It keeps every page for ever, and refreshing holds the lock for long: heap, block and mutex
 * profiles show where.
 *
 *   cc -O2 -g -pthread -o cache cache.c
 *   sonde record -e heap,block,mutex,goroutine -o profiles -- ./cache */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { N_PAGES = 4096, PAGE_BYTES = 16384, N_READERS = 3 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *pages[N_PAGES];
static bool over;

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

__attribute__((noinline)) static char *load_page(unsigned number)
{
    char *page = malloc(PAGE_BYTES);
    if (page)
        memset(page, (int)number, PAGE_BYTES);
    return page;
}

__attribute__((noinline)) static bool find_page(unsigned number)
{
    pthread_mutex_lock(&lock);
    if (!pages[number])
        pages[number] = load_page(number);
    bool goes_on = !over;
    pthread_mutex_unlock(&lock);
    return goes_on;
}

__attribute__((noinline)) static void refresh(void)
{
    pthread_mutex_lock(&lock);
    sleep_ms(50); /* as if from a slow disk */
    pthread_mutex_unlock(&lock);
    sleep_ms(10);
}

static void *answer_requests(void *arg)
{
    unsigned seed = (unsigned)(size_t)arg;
    pthread_setname_np(pthread_self(), "reader");
    do {
        char *request = strdup("GET /page"); /* given back: not in use in the heap profile */
        seed = seed * 1664525u + 1013904223u;
        sleep_ms(1);
        free(request);
    } while (find_page(seed >> 20));
    return NULL;
}

static void *refresh_pages(void *arg)
{
    pthread_setname_np(pthread_self(), "refresher");
    for (;;)
        refresh();
    return arg;
}

int main(int argc, char **argv)
{
    long seconds = argc > 1 ? atol(argv[1]) : 3;
    pthread_t readers[N_READERS], refresher;
    for (size_t i = 0; i < N_READERS; i++)
        pthread_create(&readers[i], NULL, answer_requests, (void *)(i + 1));
    pthread_create(&refresher, NULL, refresh_pages, NULL);
    nanosleep(&(struct timespec){.tv_sec = seconds}, NULL);
    pthread_mutex_lock(&lock);
    over = true;
    pthread_mutex_unlock(&lock);
    for (size_t i = 0; i < N_READERS; i++)
        pthread_join(readers[i], NULL);
    return 0;
}
