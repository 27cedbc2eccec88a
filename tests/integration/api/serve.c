/* serve ADDRESS [RATE]: a program with a server of profiles, which does what the lines of
 * its standard input say and prints a line for each: `ok`, or what was asked for, or
 * `line N: errno E` when a check failed.  Made by run.py. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sonde/sonde.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))
#define BLOCKS 1000
#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            printf("line %d: errno %d\n", __LINE__, errno);                                        \
            return;                                                                                \
        }                                                                                          \
    } while (0)

static void *blocks[BLOCKS];
static int n_blocks;
static int things[100];
static struct sonde_profile *own;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile double sink;

NOINLINE void keep_blocks(int n, size_t size)
{
    for (int i = 0; i < n; i++)
        blocks[n_blocks++] = malloc(size);
}

NOINLINE void drop_blocks(int n)
{
    while (n--)
        free(blocks[--n_blocks]);
}

static void *nothing(void *arg)
{
    return arg;
}

NOINLINE void make_threads(int n)
{
    for (int i = 0; i < n; i++) {
        pthread_t t;
        pthread_create(&t, NULL, nothing, NULL);
        pthread_join(t, NULL);
    }
}

static void *wait_for_it(void *arg)
{
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    return arg;
}

NOINLINE void hold_lock(int n, int ms)
{
    for (int i = 0; i < n; i++) {
        pthread_t t;
        pthread_mutex_lock(&mutex);
        pthread_create(&t, NULL, wait_for_it, NULL);
        usleep((unsigned)ms * 1000);
        pthread_mutex_unlock(&mutex);
        pthread_join(t, NULL);
    }
}

NOINLINE void burn_here(double seconds)
{
    struct timespec t;
    double end = 0;
    do {
        for (int i = 0; i < 20000; i++)
            sink = sink * 1.0000001 + 1e-9;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        end = end ? end : (double)t.tv_sec + (double)t.tv_nsec * 1e-9 + seconds;
    } while ((double)t.tv_sec + (double)t.tv_nsec * 1e-9 < end);
}

NOINLINE int add_thing(int i, int skip)
{
    return sonde_profile_add(own, &things[i], skip);
}

NOINLINE void add_things(int n, int skip)
{
    for (int i = 0; i < n; i++)
        CHECK(add_thing(i, skip) == 0);
    CHECK(add_thing(0, 0) == -1 && errno == EEXIST);
    puts("ok");
}

/* What the functions promise of bad arguments. */
static void check_errors(void)
{
    struct sonde_profile *heap = sonde_lookup("heap"), *list[20];
    int full = open("/dev/full", O_WRONLY), ro = open("/dev/null", O_RDONLY);
    CHECK(heap && heap == sonde_lookup("heap"));
    CHECK(!sonde_lookup("nope") && errno == ENOENT);
    CHECK(!sonde_lookup(NULL) && errno == EINVAL);
    CHECK(strcmp(sonde_profile_name(heap), "heap") == 0);
    CHECK(sonde_profile_write(heap, -1, 0) == -1 && errno == EBADF);
    CHECK(sonde_profile_write(heap, ro, 0) == -1 && errno == EBADF);
    CHECK(sonde_profile_write(heap, full, 0) == -1 && errno == ENOSPC);
    CHECK(sonde_profile_write(NULL, full, 0) == -1 && errno == EINVAL);
    CHECK(sonde_write_heap_profile(full) == -1 && errno == ENOSPC);
    int ends[2]; /* a reader that has gone is no SIGPIPE */
    CHECK(pipe(ends) == 0 && close(ends[0]) == 0);
    CHECK(sonde_profile_write(heap, ends[1], 0) == -1 && errno == EPIPE);
    close(ends[1]);
    CHECK(sonde_profile_count(NULL) == -1 && errno == EINVAL);
    CHECK(sonde_profile_add(heap, heap, 0) == -1 && errno == EPERM);
    CHECK(sonde_profile_remove(heap, heap) == -1 && errno == EPERM);
    CHECK(sonde_profile_add(NULL, heap, 0) == -1 && errno == EINVAL);
    CHECK(sonde_profile_add(own, heap, -1) == -1 && errno == EINVAL);
    CHECK(!sonde_new_profile("heap") && errno == EEXIST);
    CHECK(!sonde_new_profile("serve.things") && errno == EEXIST);
    CHECK(!sonde_new_profile("") && errno == EINVAL);
    CHECK(!sonde_new_profile(NULL) && errno == EINVAL);
    CHECK(sonde_lookup("serve.things") == own);
    CHECK(sonde_set_mem_profile_rate(-1) == -1 && errno == EINVAL);
    CHECK(sonde_set_mem_profile_rate((1L << 40) + 1) == -1 && errno == EINVAL);
    CHECK(sonde_set_mem_profile_rate(12345) == -1 && errno == EBUSY);
    CHECK(sonde_http_serve("localhost:0") == -1 && errno == EBUSY);
    CHECK(sonde_set_block_profile_rate((1L << 40) + 1) == -1 && errno == EINVAL);
    CHECK(sonde_set_mutex_profile_fraction(3) == 0);
    CHECK(sonde_set_mutex_profile_fraction(-1) == 3);
    CHECK(sonde_set_mutex_profile_fraction(0) == 3);
    size_t n = sonde_profiles(list, 20);
    CHECK(n == sonde_profiles(NULL, 0) && n >= 6 && n <= 20);
    for (size_t i = 1; i < n; i++)
        CHECK(strcmp(sonde_profile_name(list[i - 1]), sonde_profile_name(list[i])) < 0);
    puts("ok");
}

/* A child has nothing of its parent's but its own profiles, and may begin anew. */
static void check_fork(int seconds)
{
    fflush(stdout);
    int rate = n_blocks ? 1 : 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (sonde_http_address() || sonde_profile_count(own) != 7)
            _exit(1);
        if (sonde_profile_remove(own, &things[0]) != 0 || sonde_profile_count(own) != 6)
            _exit(2);
        if (rate && sonde_profile_count(sonde_lookup("heap")) > 5)
            _exit(3);
        if (seconds && sonde_http_serve(NULL) != 0)
            _exit(4);
        if (seconds && (!sonde_http_address() || strncmp(sonde_http_address(), "unix:/", 6) != 0))
            _exit(5);
        usleep((unsigned)seconds * 1000000);
        exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(sonde_profile_count(own) == 7);
    puts("ok");
}

/* setuid and its kind wait for each thread. */
static void check_setuid(void)
{
    CHECK(setresuid((uid_t)-1, geteuid(), (uid_t)-1) == 0);
    puts("ok");
}

/* A filter for all threads, which ends the process when one waits by poll or accepts. */
static void check_filter(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_poll, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_accept4, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog filter = {sizeof code / sizeof *code, code};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) == 0);
    CHECK(!sonde_http_address());
    puts("ok");
}

static void write_profile(const char *name, int debug, const char *path)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
    struct sonde_profile *profile = sonde_lookup(name);
    CHECK(fd >= 0 && profile);
    CHECK(sonde_profile_write(profile, fd, debug) == 0);
    close(fd);
    puts("ok");
}

int main(int argc, char **argv)
{
    char line[512], word[32], name[64], path[256];
    if (argc > 2 && sonde_set_mem_profile_rate(atol(argv[2])) != 0) {
        perror("rate");
        return 1;
    }
    own = sonde_new_profile("serve.things");
    if (strcmp(argv[1], "-") != 0 && sonde_http_serve(argv[1]) != 0) {
        perror("serve");
        return 1;
    }
    printf("%s\n", sonde_http_address() ? sonde_http_address() : "none");
    for (int a, b; fflush(stdout), fgets(line, sizeof line, stdin);) {
        a = b = 0;
        *word = '\0';
        sscanf(line, "%31s %d %d", word, &a, &b);
        if (strcmp(word, "keep") == 0)
            keep_blocks(a, (size_t)b), puts("ok");
        else if (strcmp(word, "drop") == 0)
            drop_blocks(a), puts("ok");
        else if (strcmp(word, "rate") == 0)
            printf("%d\n", sonde_set_mem_profile_rate(a));
        else if (strcmp(word, "threads") == 0)
            make_threads(a), puts("ok");
        else if (strcmp(word, "rates") == 0)
            a = sonde_set_block_profile_rate(a),
            printf("%d %d\n", a, sonde_set_mutex_profile_fraction(b));
        else if (strcmp(word, "lock") == 0)
            hold_lock(a, b), puts("ok");
        else if (strcmp(word, "burn") == 0)
            burn_here(a / 1000.0), puts("ok");
        else if (strcmp(word, "add") == 0)
            add_things(a, b);
        else if (strcmp(word, "remove") == 0)
            a = sonde_profile_remove(own, &things[a]),
            printf("%d %ld\n", a, sonde_profile_count(own));
        else if (strcmp(word, "errors") == 0)
            check_errors();
        else if (strcmp(word, "fork") == 0)
            check_fork(a);
        else if (strcmp(word, "filter") == 0)
            check_filter();
        else if (strcmp(word, "setuid") == 0)
            check_setuid();
        else if (strcmp(word, "closeall") == 0)
            printf("%ld\n", syscall(SYS_close_range, 3, ~0u, 0));
        else if (sscanf(line, "write %63s %d %255s", name, &a, path) == 3)
            write_profile(name, a, path);
        else if (strcmp(word, "exit") == 0)
            pthread_exit(NULL);
        else
            puts("?");
    }
    return 0;
}
