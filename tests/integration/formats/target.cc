// What it burns and keeps is known: burn takes nearly all of the time, keep holds 2000
// blocks of 20000 bytes.
#include <cstdlib>
#include <ctime>
#include <vector>

static volatile double sink;

__attribute__((noinline)) static void burn()
{
    for (int i = 1; i < 100000; i++)
        sink = sink + 1.0 / i;
}

__attribute__((noinline)) static void keep(std::vector<char *> &blocks, size_t bytes)
{
    char *block = new char[bytes];
    block[0] = 1;
    blocks.push_back(block);
}

int main(int argc, char **argv)
{
    std::vector<char *> blocks;
    for (int i = 0; i < 2000; i++)
        keep(blocks, 20000);
    double seconds = argc > 1 ? atof(argv[1]) : 0;
    while (clock() < seconds * CLOCKS_PER_SEC)
        burn();
    return 0;
}
