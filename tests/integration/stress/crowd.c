/* crowd: as many threads at once as argv[1] says, or as there can be; prints their number. */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

static sem_t gate;

static void *wait_at_gate(void *arg)
{
    void *volatile p = malloc(1000);
    sem_wait(&gate);
    free(p);
    return arg;
}

int main(int argc, char **argv)
{
    int wanted = atoi(argv[1]), n = 0;
    pthread_t *threads = calloc((size_t)wanted, sizeof *threads);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 32768);
    sem_init(&gate, 0, 0);
    while (n < wanted && pthread_create(&threads[n], &small, wait_at_gate, NULL) == 0)
        n++;
    for (int i = 0; i < n; i++)
        sem_post(&gate);
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    printf("%d\n", n);
    return 0;
}
