// threads: four workers share a queue of texts; one of their steps is the hot spot.
//
//   g++ -O2 -g -pthread -o threads threads.cc && sonde record -- ./threads
//
// Of the time, about 70 % goes into Scorer::score, 20 % into sorting, 10 % into
// making the texts.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace texts
{

// Work is measured in rounds of this: the shares follow from how often each
// step calls it.  None returns its result as it is: a call at a function's end is
// a jump, and would leave the function out of the stack.
__attribute__((noinline)) unsigned mix(unsigned seed, int rounds)
{
    for (int i = 0; i < rounds; i++)
        seed = seed * 1664525u + 1013904223u;
    return seed;
}

class Scorer
{
  public:
    __attribute__((noinline)) unsigned score(unsigned text) const
    {
        return mix(text, 70000) ^ weight;
    }

  private:
    unsigned weight = 7;
};

__attribute__((noinline)) unsigned sort_words(unsigned text)
{
    return mix(text + 1, 20000) | 1;
}

__attribute__((noinline)) unsigned make_text(unsigned number)
{
    return mix(number + 2, 10000) | 1;
}

} // namespace texts

int main(int argc, char **argv)
{
    auto end = std::chrono::steady_clock::now() +
               std::chrono::milliseconds(argc > 1 ? std::atoi(argv[1]) : 1500);
    std::atomic<unsigned> next{0}, result{0};
    std::vector<std::thread> workers;
    for (int i = 0; i < 4; i++)
        workers.emplace_back([&] {
            texts::Scorer scorer;
            while (std::chrono::steady_clock::now() < end) {
                unsigned text = texts::make_text(next++);
                result += scorer.score(texts::sort_words(text));
            }
        });
    for (auto &worker : workers)
        worker.join();
    std::printf("%u texts, result %u\n", next.load(), result.load());
}
