/* primes: counts primes in two ways, to be recorded.
 *
 *   cc -O2 -g -o primes primes.c -lm && sonde record -- ./primes
 *
 * Trial division costs far more than the sieve: the profile shows by how much. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int is_prime(unsigned n)
{
    for (unsigned d = 2, end = (unsigned)sqrt(n); d <= end; d++)
        if (n % d == 0)
            return 0;
    return n >= 2;
}

__attribute__((noinline)) static unsigned by_division(unsigned limit)
{
    unsigned count = 0;
    for (unsigned n = 0; n < limit; n++)
        count += is_prime(n); /* inlined: the profile tells it from its caller */
    return count;
}

__attribute__((noinline)) static unsigned by_sieve(unsigned limit)
{
    unsigned count = 0;
    char *composite = calloc(limit, 1);
    if (!composite)
        return 0;
    for (unsigned n = 2; n < limit; n++) {
        if (composite[n])
            continue;
        count++;
        for (unsigned long m = (unsigned long)n * n; m < limit; m += n)
            composite[m] = 1;
    }
    free(composite);
    return count;
}

int main(int argc, char **argv)
{
    unsigned limit = argc > 1 ? (unsigned)atoi(argv[1]) : 4000000;
    printf("by division: %u\n", by_division(limit));
    for (int i = 0; i < 10; i++)
        printf("by sieve:    %u\n", by_sieve(limit));
    return 0;
}
