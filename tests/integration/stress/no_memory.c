/* no_memory: allocates until nothing is left; prints that it could, and could no more. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

int main(void)
{
    const struct rlimit limit = {256 << 20, 256 << 20};
    setrlimit(RLIMIT_AS, &limit);
    long n = 0;
    while (n < 100000 && malloc(1 << 16))
        n++;
    printf("%d %d\n", n > 100, n < 100000);
    return 3;
}
