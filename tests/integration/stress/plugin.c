/* plugin: a library that is loaded and unloaded again and again. */
#include <stdlib.h>

__attribute__((noinline)) static int step(int n)
{
    void *volatile p = malloc(64);
    free(p);
    return n;
}

int plugin_run(int n)
{
    int sum = 0;
    for (int i = 0; i < n; i++)
        sum += step(1);
    return sum;
}
