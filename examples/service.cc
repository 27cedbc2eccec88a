// service: a C++ program that can be looked into while it runs, and that has a profile of
// its own: of the sessions that are open, by who opened them.
//
//   g++ -O2 -g -o service service.cc $(pkg-config --cflags --libs sonde) -pthread
//   ./service localhost:6060 &
//   sonde pprof -top http://localhost:6060/debug/pprof/profile?seconds=5
//   sonde pprof -traces http://localhost:6060/debug/pprof/service.sessions
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <sonde/sonde.h>
#include <string>
#include <thread>
#include <vector>

namespace
{

sonde_profile *sessions = sonde_new_profile("service.sessions");

class Session
{
public:
    explicit Session(std::string user) : user_(std::move(user))
    {
        sonde_profile_add(sessions, this, 0);
    }
    ~Session()
    {
        sonde_profile_remove(sessions, this);
    }
    Session(const Session &) = delete;

private:
    std::string user_;
};

std::mutex mutex;
std::map<std::string, std::vector<std::string>> pages;

// Work that takes time, memory and a lock.
void render(const std::string &route, int n)
{
    SONDE_LABEL("route", route.c_str());
    std::string page;
    for (int i = 0; i < n; i++)
        page += std::to_string(i * 2654435761u);
    std::lock_guard<std::mutex> guard(mutex);
    std::vector<std::string> &of = pages[route];
    of.push_back(std::move(page));
    if (of.size() > 100)
        of.erase(of.begin(), of.begin() + 50);
}

void work(std::chrono::steady_clock::time_point end)
{
    std::vector<std::unique_ptr<Session>> open;
    for (int i = 0; std::chrono::steady_clock::now() < end; i++) {
        if (open.size() < 3)
            open.push_back(std::make_unique<Session>("user " + std::to_string(i)));
        render(i % 3 ? "/list" : "/item", 2000);
    }
}

} // namespace

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "localhost:6060";
    sonde_set_block_profile_rate(10000);
    sonde_set_mutex_profile_fraction(1);
    if (sonde_http_serve(address) != 0) {
        std::perror(address);
        return 1;
    }
    std::printf("%s\n", sonde_http_address());
    std::fflush(stdout);
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds(argc > 2 ? atoi(argv[2]) : 60);
    std::thread other(work, end);
    work(end);
    other.join();
}
