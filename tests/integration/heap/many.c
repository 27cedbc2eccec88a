/* many: allocates and frees small blocks, many enough for the error of sampling to be
 * small. */
#include <stdlib.h>

#define OWN __attribute__((noinline, noclone)) void

static void *volatile last;

OWN small(void)
{
    for (int i = 0; i < 4000000; i++) {
        last = malloc(24);
        free(last);
    }
}

OWN middle(void)
{
    for (int i = 0; i < 100000; i++) {
        last = malloc(3000);
        free(last);
    }
}

OWN mixed(void)
{
    for (int i = 0; i < 3 * 64000; i++) {
        last = malloc((size_t)512 << 2 * (i % 3));
        free(last);
    }
}

int main(void)
{
    small();
    middle();
    mixed();
    return 0;
}
