/* stress: everything that libsonde stands in for, at once, from many threads, with signals,
 * forks and libraries that come and go, for argv[1] seconds; argv[2] is a library to load.
 * Ends with 0 when all that it counted is right. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define N_WORKERS 6
#define N_SLOTS 512

static atomic_bool stop;
static atomic_long n_errors, n_signals, n_threads, n_children, n_loads, n_rounds;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, recursive;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static sem_t semaphore;
static mtx_t c11;
static long counter, guarded;
static const char *library;

static void fail(const char *what)
{
    n_errors++;
    fprintf(stderr, "stress: %s\n", what);
}

static void on_signal(int signo)
{
    n_signals++;
    sem_post(&semaphore);
}

/* Each block holds its size; another thread may free it. */
static void *_Atomic slots[N_SLOTS];

static void check_block(void *p)
{
    size_t *block = p;
    if (!block)
        return;
    size_t n = block[0];
    if (n < 16 || n > 100000 || ((unsigned char *)p)[n - 1] != (unsigned char)n)
        fail("a block is not what it was");
    free(p);
}

static void *fill(void *p, size_t n)
{
    if (p) {
        ((size_t *)p)[0] = n;
        ((unsigned char *)p)[n - 1] = (unsigned char)n;
    }
    return p;
}

static void allocate(unsigned *r)
{
    *r = *r * 1664525 + 1013904223;
    size_t n = 16 + (*r >> 12) % (*r % 50 ? 500 : 90000);
    void *p = NULL;
    switch (*r >> 28) {
    case 0:
        p = fill(calloc(1, n), n);
        break;
    case 1:
        if (posix_memalign(&p, 64, n) != 0)
            fail("posix_memalign");
        fill(p, n);
        break;
    case 2:
        p = fill(aligned_alloc(32, (n + 31) & ~31ul), n);
        break;
    case 3:
        p = fill(malloc(n / 2 + 16), n / 2 + 16);
        p = fill(realloc(p, n), n);
        break;
    default:
        p = fill(malloc(n), n);
    }
    check_block(atomic_exchange(&slots[*r >> 8 & (N_SLOTS - 1)], p));
}

static void lock_all(unsigned r)
{
    struct timespec soon;
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 200000;
    soon.tv_sec += soon.tv_nsec / 1000000000;
    soon.tv_nsec %= 1000000000;
    switch (r >> 20 & 7) {
    case 0:
        pthread_mutex_lock(&mutex);
        counter++;
        pthread_cond_signal(&condition);
        pthread_mutex_unlock(&mutex);
        break;
    case 1:
        pthread_mutex_lock(&mutex);
        pthread_cond_timedwait(&condition, &mutex, &soon);
        counter++;
        pthread_mutex_unlock(&mutex);
        break;
    case 2:
        pthread_rwlock_rdlock(&rwlock);
        pthread_rwlock_unlock(&rwlock);
        break;
    case 3:
        pthread_rwlock_wrlock(&rwlock);
        guarded++;
        pthread_rwlock_unlock(&rwlock);
        break;
    case 4:
        mtx_lock(&c11);
        mtx_unlock(&c11);
        break;
    case 5:
        pthread_mutex_lock(&recursive);
        pthread_mutex_lock(&recursive);
        pthread_mutex_unlock(&recursive);
        pthread_mutex_unlock(&recursive);
        break;
    case 6:
        if (pthread_mutex_timedlock(&mutex, &soon) == 0)
            pthread_mutex_unlock(&mutex);
        break;
    default:
        if (sem_timedwait(&semaphore, &soon) != 0 && errno != ETIMEDOUT && errno != EINTR)
            fail("sem_timedwait");
    }
}

static void *worker(void *arg)
{
    unsigned r = (unsigned)(size_t)arg * 77777u + 1;
    while (!stop) {
        for (int i = 0; i < 200; i++)
            allocate(&r);
        lock_all(r);
        n_rounds++;
    }
    pthread_barrier_wait(&barrier);
    return arg;
}

static void *short_lived(void *arg)
{
    unsigned r = (unsigned)(size_t)arg;
    for (int i = 0; i < 20; i++)
        allocate(&r);
    pthread_mutex_lock(&mutex);
    counter++;
    pthread_mutex_unlock(&mutex);
    return arg;
}

static void *maker(void *arg)
{
    while (!stop) {
        pthread_t threads[8];
        for (size_t i = 0; i < 8; i++)
            if (pthread_create(&threads[i], NULL, short_lived, (void *)(i + 1)) != 0)
                return fail("pthread_create"), arg;
        for (size_t i = 0; i < 8; i++) {
            void *result = NULL;
            pthread_join(threads[i], &result);
            if (result != (void *)(i + 1))
                fail("a thread's result");
            n_threads++;
        }
    }
    return arg;
}

static void *forker(void *arg)
{
    for (unsigned n = 0; !stop; n++) {
        pid_t pid = fork();
        if (pid == 0) {
            unsigned r = n;
            for (int i = 0; i < 100; i++)
                allocate(&r);
            if (n % 3 == 0)
                execl("/bin/true", "true", (char *)NULL);
            if (n % 3 == 1)
                kill(getpid(), SIGKILL);
            _exit(7);
        }
        int status = 0;
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
            return fail("fork"), arg;
        if (n % 3 == 2 && (!WIFEXITED(status) || WEXITSTATUS(status) != 7))
            fail("a child's status");
        n_children++;
        usleep(3000);
    }
    return arg;
}

static void *loader(void *arg)
{
    while (!stop && library) {
        void *handle = dlopen(library, RTLD_NOW);
        int (*run)(int) = handle ? (int (*)(int))dlsym(handle, "plugin_run") : NULL;
        if (!run || run(1000) != 1000)
            return fail("a library"), arg;
        dlclose(handle);
        n_loads++;
        usleep(1000);
    }
    return arg;
}

static void *signaller(void *arg)
{
    while (!stop) {
        kill(getpid(), SIGUSR1);
        usleep(500);
    }
    return arg;
}

int main(int argc, char **argv)
{
    pthread_t threads[N_WORKERS + 4];
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&recursive, &kind);
    mtx_init(&c11, mtx_plain);
    sem_init(&semaphore, 0, 0);
    pthread_barrier_init(&barrier, NULL, N_WORKERS + 1);
    library = argc > 2 ? argv[2] : NULL;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    int n = 0;
    for (; n < N_WORKERS; n++)
        pthread_create(&threads[n], NULL, worker, (void *)(size_t)n);
    void *(*const others[])(void *) = {maker, forker, loader, signaller};
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[n++], NULL, others[i], NULL);
    struct timespec until, now;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += atoi(argv[1]);
    do {
        usleep(10000);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec < until.tv_sec || (now.tv_sec == until.tv_sec && now.tv_nsec < until.tv_nsec));
    stop = true;
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < N_SLOTS; i++)
        check_block(slots[i]);
    if (n_signals == 0 || n_threads == 0 || n_children == 0 || n_rounds == 0 || (library && n_loads == 0))
        fail("something did not happen");
    printf("%ld rounds, %ld threads, %ld children, %ld loads, %ld signals, %ld errors\n", n_rounds,
           n_threads, n_children, n_loads, n_signals, n_errors);
    return n_errors ? 1 : 0;
}
