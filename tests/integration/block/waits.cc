// waits: waits of known length in C++'s ways: see waits.c.
#include <atomic>
#include <barrier>
#include <condition_variable>
#include <future>
#include <latch>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <thread>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>

#define _Atomic(type) std::atomic<type>
#include "known.h"

static std::mutex plain;
static std::recursive_timed_mutex timed;
static std::shared_mutex shared;
static std::condition_variable condition;
static std::condition_variable_any any_condition;
static std::counting_semaphore<8> semaphore(0);
static std::atomic<int> is_ready, value;
static std::atomic<uint64_t> given_ns;
static bool is_set;

static void ready()
{
    is_ready = 1;
    pause_ns(PAUSE_NS);
    given_ns = now_ns();
}

OWN static void give_plain()
{
    given_ns = now_ns();
    plain.unlock();
}

OWN static void give_timed()
{
    given_ns = now_ns();
    timed.unlock();
}

OWN static void give_shared()
{
    given_ns = now_ns();
    shared.unlock();
}

OWN static void give_exclusive()
{
    given_ns = now_ns();
    shared.unlock_shared();
}

OWN static void wait_plain()
{
    std::lock_guard<std::mutex> hold(plain);
}

OWN static void wait_timed()
{
    if (timed.try_lock_for(std::chrono::seconds(5)))
        timed.unlock();
}

OWN static void wait_shared()
{
    std::shared_lock<std::shared_mutex> hold(shared);
}

OWN static void wait_exclusive()
{
    std::unique_lock<std::shared_mutex> hold(shared);
}

OWN static void wait_condition()
{
    std::unique_lock<std::mutex> hold(plain);
    is_ready = 2;
    condition.wait(hold, [] { return is_set; });
}

OWN static void wait_condition_for()
{
    std::unique_lock<std::mutex> hold(plain);
    is_ready = 2;
    condition.wait_for(hold, std::chrono::seconds(5), [] { return is_set; });
}

OWN static void wait_any_condition()
{
    std::unique_lock<std::mutex> hold(plain);
    is_ready = 2;
    any_condition.wait(hold, [] { return is_set; });
}

OWN static void wait_semaphore()
{
    semaphore.acquire();
}

OWN static void wait_value()
{
    value.wait(0);
}

OWN static void wait_latch(std::latch *latch)
{
    latch->wait();
}

OWN static void wait_barrier(std::barrier<> *barrier)
{
    barrier->arrive_and_wait();
}

OWN static void wait_thread(std::thread *thread)
{
    thread->join();
}

OWN static void wait_future(std::future<int> *future)
{
    future->get();
}

OWN static void wait_static()
{
    static const int once = (ready(), 1);
    value = once;
}

static void test(const char *name, std::function<void()> other, std::function<void()> wait,
                 const char *giver)
{
    is_ready = 0;
    is_set = false;
    given_ns = 0;
    value = 0;
    std::thread thread(other);
    while (!is_ready)
        ;
    uint64_t begin = now_ns();
    wait();
    uint64_t end = now_ns();
    if (given_ns > begin) {
        know("block", name, 1, end - begin);
        if (giver)
            know("mutex", giver, 1, given_ns - begin);
    }
    if (thread.joinable())
        thread.join();
}

static void set(std::function<void()> notify)
{
    is_ready = 1;
    while (is_ready != 2)
        ;
    pause_ns(PAUSE_NS);
    plain.lock();
    is_set = true;
    plain.unlock();
    given_ns = now_ns();
    notify();
}

int main()
{
    test("wait_plain", [] { plain.lock(); ready(); give_plain(); }, wait_plain, "give_plain");
    test("wait_timed", [] { timed.lock(); ready(); give_timed(); }, wait_timed, "give_timed");
    test("wait_shared", [] { shared.lock(); ready(); give_shared(); }, wait_shared, "give_shared");
    test("wait_exclusive", [] { shared.lock_shared(); ready(); give_exclusive(); }, wait_exclusive,
         "give_exclusive");
    test("wait_condition", [] { set([] { condition.notify_one(); }); }, wait_condition, nullptr);
    test("wait_condition_for", [] { set([] { condition.notify_one(); }); }, wait_condition_for,
         nullptr);
    test("wait_any_condition", [] { set([] { any_condition.notify_all(); }); }, wait_any_condition,
         nullptr);
    test("wait_semaphore", [] { ready(); semaphore.release(); }, wait_semaphore, nullptr);
    test("wait_value", [] { ready(); value = 1; value.notify_all(); }, wait_value, nullptr);
    std::latch latch(1);
    test("wait_latch", [&] { ready(); latch.count_down(); }, [&] { wait_latch(&latch); }, nullptr);
    std::barrier<> barrier(2);
    test("wait_barrier", [&] { ready(); barrier.arrive_and_wait(); }, [&] { wait_barrier(&barrier); },
         nullptr);
    std::promise<int> promise;
    std::future<int> future = promise.get_future();
    test("wait_future", [&] { ready(); promise.set_value(1); }, [&] { wait_future(&future); }, nullptr);
    std::thread finishing;
    test("wait_thread", [&] { finishing = std::thread(ready); }, [&] { wait_thread(&finishing); },
         nullptr);
    test("wait_static", wait_static, wait_static, nullptr);
    print_known();
    return 0;
}
