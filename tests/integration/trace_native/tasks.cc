// tasks: a C++ program with tasks, regions and logs, in a trace of its own or a flight recorder's.
#include <sonde/sonde.h>

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>

using namespace std::chrono_literals;

static std::mutex mutex;
static std::condition_variable changed;
static bool has_work;

static void serve(unsigned long request)
{
    unsigned long part = sonde_trace_task_begin(request, "part");
    {
        SONDE_TRACE_REGION(part, "parse");
        std::this_thread::sleep_for(5ms);
        SONDE_TRACE_REGION(part, "inner");
        sonde_trace_logf(part, "size", "%d bytes of %s", 42, "text");
    }
    {
        std::unique_lock<std::mutex> lock(mutex);
        changed.wait(lock, [] { return has_work; });
    }
    sonde_trace_region_end(part, "never begun");
    sonde_trace_log(0, "long", std::string(3000, 'x').c_str());
    sonde_trace_task_end(part);
}

int main(int argc, char **argv)
{
    bool flies = argc > 2 && strcmp(argv[2], "flight") == 0;
    int fd = open(argv[1], O_CREAT | O_TRUNC | O_WRONLY, 0644);
    if ((flies ? sonde_flight_recorder_start(0.5, 1 << 20) : sonde_trace_start(fd)) != 0)
        return 1;
    if (flies) {
        unsigned long old = sonde_trace_task_begin(0, "too old");
        sonde_trace_task_end(old);
        std::this_thread::sleep_for(700ms);
    }
    unsigned long request = sonde_trace_task_begin(0, "request");
    std::thread thread(serve, request);
    std::this_thread::sleep_for(200ms);
    {
        std::lock_guard<std::mutex> lock(mutex);
        has_work = true;
        changed.notify_one();
    }
    thread.join();
    sonde_trace_task_end(request);
    if (!flies)
        return sonde_trace_stop() != 0;
    int rc = sonde_flight_recorder_write(fd);
    off_t end = lseek(fd, 0, SEEK_CUR);
    rc |= sonde_flight_recorder_write(fd) != 0 ? 0 : ftruncate(fd, end);
    sonde_flight_recorder_stop();
    return rc != 0 || sonde_flight_recorder_write(fd) == 0;
}
