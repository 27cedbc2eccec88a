/* threads: makes threads by pthread_create, thrd_create and std::thread. */
#include <pthread.h>
#include <thread>
#include <threads.h>

#define OWN __attribute__((noinline, noclone)) void

static void *nothing(void *arg)
{
    return arg;
}

static int nothing_c11(void *)
{
    return 0;
}

OWN plain()
{
    pthread_t thread;
    for (int i = 0; i < 5; i++) {
        pthread_create(&thread, nullptr, nothing, nullptr);
        pthread_join(thread, nullptr);
    }
}

OWN c11()
{
    thrd_t thread;
    for (int i = 0; i < 3; i++) {
        thrd_create(&thread, nothing_c11, nullptr);
        thrd_join(thread, nullptr);
    }
}

OWN cpp()
{
    for (int i = 0; i < 7; i++)
        std::thread([] {}).join();
}

OWN many()
{
    pthread_t threads[2000];
    int n = 0;
    while (n < 2000 && pthread_create(&threads[n], nullptr, nothing, nullptr) == 0)
        n++;
    while (n > 0)
        pthread_join(threads[--n], nullptr);
}

int main()
{
    plain();
    c11();
    cpp();
    many();
    return 0;
}
