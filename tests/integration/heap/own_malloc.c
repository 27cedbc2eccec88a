/* own_malloc: a program that has an allocator of its own in it. */
#include <stddef.h>

static char memory[1 << 16];
static size_t used;

__attribute__((noinline)) void *je_malloc(size_t n)
{
    void *p = memory + used;
    used += (n + 15) & ~(size_t)15;
    return p;
}

int main(void)
{
    return je_malloc(100) ? 0 : 1;
}
