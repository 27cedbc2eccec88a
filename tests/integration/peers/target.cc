// Known answers for other profilers: three functions of 60, 30 and 10 parts of the time,
// and blocks that are never given back.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#if GROWTH
#include <gperftools/malloc_extension.h>
#endif

volatile uint64_t sink;
void *volatile frame;

// So that a function has a frame pointer, though it calls nothing.
#define KEEP_FRAME_POINTER frame = __builtin_frame_address(0)

static inline uint64_t mix(uint64_t x)
{
    x ^= x << 13;
    x ^= x >> 7;
    return x ^ x << 17;
}

namespace work
{

template <typename T> __attribute__((noinline)) void burn_most(T n)
{
    uint64_t x = 88172645463325252;
    KEEP_FRAME_POINTER;
    for (T i = 0; i < n * 6; i++)
        x = mix(x); // most
    sink = x;
}

__attribute__((noinline)) void burn_some(uint64_t n)
{
    uint64_t x = 88172645463325252;
    KEEP_FRAME_POINTER;
    for (uint64_t i = 0; i < n * 3; i++)
        x = mix(x); // some
    sink = x;
}

__attribute__((noinline)) void burn_least(uint64_t n)
{
    uint64_t x = 88172645463325252;
    KEEP_FRAME_POINTER;
    for (uint64_t i = 0; i < n; i++)
        x = mix(x); // least
    sink = x;
}

__attribute__((noinline)) void burn(uint64_t rounds)
{
    for (uint64_t i = 0; i < rounds; i++) {
        burn_most<uint64_t>(1000000);
        burn_some(1000000);
        burn_least(1000000);
    }
    sink = sink + 1;
}

} // namespace work

static void *kept[4096];
static int n_kept;

__attribute__((noinline)) void *take(size_t size)
{
    void *p = malloc(size);
    memset(p, 1, size);
    return p;
}

__attribute__((noinline)) void leak_large()
{
    for (int i = 0; i < 32; i++)
        kept[n_kept++] = take(1 << 20);
}

__attribute__((noinline)) void leak_small()
{
    for (int i = 0; i < 2000; i++)
        kept[n_kept++] = take(5000);
}

__attribute__((noinline)) void give_back()
{
    for (int i = 0; i < 100; i++) {
        void *volatile p = take(100000);
        free(p);
    }
}

int main(int argc, char **argv)
{
    if (argc > 2 && !strcmp(argv[1], "cpu"))
        work::burn(strtoull(argv[2], nullptr, 10));
    if (argc > 1 && !strcmp(argv[1], "heap")) {
        leak_large();
        leak_small();
        give_back();
#if GROWTH
        std::string text;
        MallocExtension::instance()->GetHeapSample(&text);
        FILE *f = fopen(argv[2], "w");
        fwrite(text.data(), 1, text.size(), f);
        fclose(f);
        text.clear();
        MallocExtension::instance()->GetHeapGrowthStacks(&text);
        f = fopen(argv[3], "w");
        fwrite(text.data(), 1, text.size(), f);
        fclose(f);
#endif
    }
    return 0;
}
