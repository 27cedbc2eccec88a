/* table.c's program in C++. */
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <thread>

#define OWN extern "C" __attribute__((noinline)) void

char *table_kept[8];
static std::mutex a_mutex, gate;
static std::condition_variable changed;
static bool is_held, is_parked;
static volatile int done; // so that the last call of a function is not a jump

static void tell(bool &flag)
{
    std::lock_guard<std::mutex> lock(gate);
    flag = true;
    changed.notify_all();
}

static void wait_until(bool &flag)
{
    std::unique_lock<std::mutex> lock(gate);
    changed.wait(lock, [&] { return flag; });
}

OWN table_burn()
{
    std::clock_t end = std::clock() + CLOCKS_PER_SEC * 3 / 10;
    for (volatile unsigned i = 0; i % 4096 || std::clock() < end; i = i + 1)
        ;
}

OWN table_keep()
{
    for (auto &block : table_kept)
        block = new char[1 << 20];
}

OWN table_drop()
{
    for (int i = 0; i < 8; i++) {
        char *volatile block = new char[1 << 20];
        delete[] block;
    }
}

OWN table_release()
{
    a_mutex.unlock();
    done = 1;
}

OWN table_wait()
{
    a_mutex.lock();
    a_mutex.unlock();
    done = 1;
}

OWN table_spawn()
{
    std::thread threads[3];
    for (auto &thread : threads)
        thread = std::thread([] {});
    for (auto &thread : threads)
        thread.join();
}

OWN table_park()
{
    tell(is_parked);
    std::this_thread::sleep_for(std::chrono::hours(1));
    done = 1;
}

int main()
{
    table_keep();
    table_drop();
    table_spawn();
    std::thread holder([] {
        a_mutex.lock();
        tell(is_held);
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        table_release();
    });
    wait_until(is_held);
    table_wait();
    holder.join();
    table_burn();
    std::thread([] { table_park(); }).detach();
    wait_until(is_parked);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return 0;
}
