// requests: a server with four threads; its execution trace tells why some requests are slow.
//
//   g++ -O2 -g -pthread -o requests requests.cc $(pkg-config --cflags --libs sonde)
//   sonde record -e trace ./requests && sonde trace sonde.trace
//
// Each request is a task of the program, with regions for its steps and a log of what was asked.
// A request takes a part of a millisecond; those that come while the catalogue is saved wait for
// the lock that Catalogue::save holds while it writes: some 60 ms.  `requests FILE` writes
// its trace itself.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <sonde/sonde.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace std::chrono_literals;

class Catalogue
{
  public:
    explicit Catalogue(unsigned n)
    {
        for (unsigned i = 0; i < n; i++)
            prices[i] = i * 7 % 1000;
    }

    __attribute__((noinline)) unsigned price(unsigned article)
    {
        unsigned price;
        {
            std::lock_guard<std::mutex> guard(mutex);
            price = prices[article];
        }
        asked++; // the unlock is a call from here, not a jump at the end
        return price;
    }

    // The mistake: the lock is held until the (slow) disk has everything.
    __attribute__((noinline)) void save()
    {
        SONDE_TRACE_REGION(0, "save");
        std::lock_guard<std::mutex> guard(mutex);
        for (int block = 0; block < 6; block++)
            std::this_thread::sleep_for(10ms);
    }

  private:
    std::mutex mutex;
    std::map<unsigned, unsigned> prices;
    std::atomic<unsigned> asked{0};
};

static std::string render(unsigned article, unsigned price)
{
    std::string text;
    for (unsigned i = 0; i < 3000; i++)
        text += std::to_string(article + i) + ": " + std::to_string(price) + "\n";
    return text;
}

static void handle(Catalogue &catalogue, unsigned article)
{
    unsigned long task = sonde_trace_task_begin(0, "request");
    sonde_trace_logf(task, "article", "%u", article);
    unsigned price;
    {
        SONDE_TRACE_REGION(task, "look up");
        price = catalogue.price(article);
    }
    {
        SONDE_TRACE_REGION(task, "render");
        if (render(article, price).empty())
            std::puts("nothing to say");
    }
    sonde_trace_task_end(task);
}

static void serve(Catalogue &catalogue, unsigned first)
{
    for (unsigned i = 0; i < 300; i++) {
        handle(catalogue, (first + i * 13) % 1000);
        std::this_thread::sleep_for(3ms);
    }
}

static void save_now_and_then(Catalogue &catalogue)
{
    for (int i = 0; i < 3; i++) {
        std::this_thread::sleep_for(250ms);
        catalogue.save();
    }
}

int main(int argc, char **argv)
{
    int file = -1;
    if (argc > 1) {
        file = open(argv[1], O_CREAT | O_WRONLY | O_TRUNC, 0644);
        if (file < 0 || sonde_trace_start(file) != 0) {
            std::perror(argv[1]);
            return 1;
        }
    }
    Catalogue catalogue(1000);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 4; i++)
        threads.emplace_back(serve, std::ref(catalogue), i * 100);
    threads.emplace_back(save_now_and_then, std::ref(catalogue));
    for (std::thread &thread : threads)
        thread.join();
    if (file >= 0 && (sonde_trace_stop() != 0 || close(file) != 0)) {
        std::perror(argv[1]);
        return 1;
    }
    return 0;
}
