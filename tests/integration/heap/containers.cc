/* containers: strings that a global keeps until its destructor, and some that go before. */
#include <string>
#include <vector>

struct Cache {
    std::vector<std::string> strings;
    void fill();
};

__attribute__((noinline)) void Cache::fill()
{
    for (int i = 0; i < 1000; i++)
        strings.emplace_back(100, 'x');
}

__attribute__((noinline)) void temporary()
{
    std::vector<std::string> some;
    for (int i = 0; i < 100; i++)
        some.emplace_back(500, 'y');
}

static Cache cache;

int main()
{
    cache.fill();
    temporary();
    return 0;
}
