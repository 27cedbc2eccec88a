/* operators: blocks of each form of operator new, kept and deleted; as a program, and as a
 * library (-DPLUGIN) that one without C++ loads. */
#include <cstddef>
#include <new>

struct alignas(64) Line {
    char bytes[192];
};

struct Small {
    char bytes[48];
};

void *kept[8000]; /* not static: what nobody reads is not allocated */
static int n_kept;

__attribute__((noinline)) void keep_new()
{
    for (int i = 0; i < 1000; i++)
        kept[n_kept++] = new Small;
}

__attribute__((noinline)) void keep_arrays()
{
    for (int i = 0; i < 1000; i++)
        kept[n_kept++] = new char[100];
}

__attribute__((noinline)) void keep_aligned()
{
    for (int i = 0; i < 500; i++)
        kept[n_kept++] = new Line;
    for (int i = 0; i < 500; i++)
        kept[n_kept++] = new (std::nothrow) Line[1];
}

__attribute__((noinline)) void delete_all()
{
    for (int i = 0; i < 1000; i++) {
        Small *volatile one = new (std::nothrow) Small;
        delete one;
        char *volatile array = new (std::nothrow) char[200];
        delete[] array;
        Line *volatile line = new Line;
        delete line;
    }
}

__attribute__((noinline)) int too_much()
{
    volatile std::size_t all = ~(std::size_t)0 >> 2;
    try {
        kept[0] = new char[all];
    } catch (const std::bad_alloc &) {
        return 1;
    }
    return 0;
}

extern "C" int run_operators()
{
    keep_new();
    keep_arrays();
    keep_aligned();
    delete_all();
    return too_much() ? 5 : 6;
}

#ifndef PLUGIN
int main()
{
    return run_operators();
}
#endif
