// whole: threads, templates, virtual calls, exceptions and the standard library, to
// be built with -O2 -fomit-frame-pointer; its stacks have to be whole.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <regex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

struct Shape {
    virtual ~Shape() = default;
    virtual double area(int depth) const = 0;
};

struct Square : Shape {
    double side;
    explicit Square(double s) : side(s)
    {
    }
    __attribute__((noinline)) double area(int depth) const override
    {
        double sum = side * side;
        for (int i = 0; i < 200; i++)
            sum = sum * 1.0000001 + 1e-9;
        return depth ? sum + area(depth - 1) : sum;
    }
};

__attribute__((noinline)) static int thrower(int depth)
{
    std::string local(40, 'x');
    if (depth == 0)
        throw std::runtime_error(local);
    return thrower(depth - 1) + static_cast<int>(local.size());
}

__attribute__((noinline)) static long round_of(unsigned seed)
{
    std::map<std::string, int> words;
    std::vector<std::unique_ptr<Shape>> shapes;
    long sum = 0;
    for (int i = 0; i < 300; i++) {
        seed = seed * 1103515245 + 12345;
        words["w" + std::to_string(seed % 97)]++;
        shapes.push_back(std::make_unique<Square>(seed % 10));
    }
    std::vector<std::string> keys;
    for (auto &w : words)
        keys.push_back(w.first);
    std::sort(keys.begin(), keys.end(),
              [&](const std::string &a, const std::string &b) { return words[a] < words[b]; });
    for (auto &s : shapes)
        sum += static_cast<long>(s->area(12)) % 3;
    for (int i = 0; i < 20; i++) {
        try {
            sum += thrower(15);
        } catch (const std::exception &e) {
            sum += e.what()[0] == 'x';
        }
    }
    std::regex re("w[0-9]*7");
    for (auto &k : keys)
        sum += std::regex_match(k, re);
    return sum;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? std::stoi(argv[1]) : 150;
    std::vector<std::thread> threads;
    std::vector<long> sums(3);
    for (int t = 0; t < 3; t++)
        threads.emplace_back([&, t] {
            for (int i = 0; i < rounds; i++)
                sums[t] += round_of(t * 1000 + i);
        });
    for (auto &t : threads)
        t.join();
    std::printf("%ld %ld %ld\n", sums[0], sums[1], sums[2]);
}
