/* Threads that are begun in the ways of C++: what they are called is what they do. */
#include <functional>
#include <future>
#include <thread>
#include <unistd.h>

struct worker {
    __attribute__((noinline)) void loop(int n)
    {
        for (int i = 0; i < n; i++)
            usleep(1000);
    }
};

static __attribute__((noinline)) void plain(int n)
{
    for (int i = 0; i < n; i++)
        usleep(1000);
}

int main()
{
    worker w;
    std::function<void()> function = std::bind(plain, 20);
    std::thread a(plain, 20), b(&worker::loop, &w, 20), c(function);
    auto d = std::async(std::launch::async, plain, 20);
    a.join();
    b.join();
    c.join();
    d.get();
}
