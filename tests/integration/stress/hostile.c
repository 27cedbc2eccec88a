/* hostile MODE: as survive and harsh, for programs that whatever watches allocations, locks
 * and threads could disturb.  What each prints is the same with and without a profiler. */
#define _GNU_SOURCE
#include <fenv.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECONDS 1.0

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool stop;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void churn(size_t total, size_t n)
{
    for (size_t i = 0; i < total; i += n) {
        void *volatile p = malloc(n);
        free(p);
    }
}

static int status_of(pid_t pid)
{
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* Nothing but read, write, exit and sigreturn; clocks are forbidden too. */
static int mode_strict(void)
{
    void *blocks[64];
    for (int i = 0; i < 64; i++)
        blocks[i] = malloc(40000); /* memory that malloc has from then on */
    for (int i = 0; i < 64; i++)
        free(blocks[i]);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
        return 77;
    churn(8 << 20, 100);
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
    }
    (void)!write(1, "done\n", 5);
    syscall(SYS_exit, 0);
    return 1;
}

/* What libc needs for what follows, and sonde.h says; all else is the end. */
static int filter(bool all_threads)
{
    static const int allowed[] = {
        SYS_write,  SYS_mmap,           SYS_munmap,       SYS_mprotect,        SYS_madvise,
        SYS_brk,    SYS_mremap,         SYS_futex,        SYS_clone,           SYS_clone3,
        SYS_rseq,   SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_set_robust_list, SYS_rt_sigaction,
        SYS_exit,   SYS_exit_group,     SYS_wait4,        SYS_sched_yield,     SYS_clock_nanosleep,
        SYS_vfork,  SYS_newfstatat,     SYS_getrandom,    SYS_restart_syscall, SYS_timer_delete,
        SYS_gettid, SYS_clock_gettime};
    struct sock_filter code[128] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
    unsigned short n = 1;
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        code[n++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i], 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    struct sock_fprog program = {n, code};
    setvbuf(stdout, NULL, _IOFBF, 4096); /* its first use asks what stdout is */
    printf("%s", "");
    churn(4 << 20, 100);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return all_threads ? (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                      SECCOMP_FILTER_FLAG_TSYNC, &program)
                       : prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void *locker(void *arg)
{
    const struct timespec a_ms = {0, 1000000};
    churn(4 << 20, 100);
    for (int i = 0; i < 20; i++) {
        pthread_mutex_lock(&mutex);
        nanosleep(&a_ms, NULL);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void lock_in_threads(int n)
{
    pthread_t threads[8];
    for (int i = 0; i < n; i++)
        pthread_create(&threads[i], NULL, locker, NULL);
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
}

static int mode_filter(void)
{
    bool all_threads = getenv("ALL_THREADS") != NULL;
    if (filter(all_threads) != 0)
        return 77;
    lock_in_threads(4);
    pid_t child = fork();
    if (child == 0) {
        lock_in_threads(1);
        _exit(7);
    }
    printf("%d\n", status_of(child));
    return 0;
}

/* Children that libc does not know of, of a process that cannot even ask who it is. */
static int mode_filterclone(void)
{
    static void *blocks[200];
    if (filter(false) != 0)
        return 77;
    for (int i = 0; i < 100; i++)
        blocks[i] = malloc(100000);
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        churn(4 << 20, 100);
        for (int i = 0; i < 100; i++)
            free(blocks[i]);
        syscall(SYS_exit_group, 5);
    }
    printf("%d\n", status_of(child));
    child = vfork();
    if (child == 0)
        _exit(6);
    printf("%d\n", status_of(child));
    for (int i = 0; i < 100; i++) {
        blocks[100 + i] = malloc(100000);
        free(blocks[i]);
    }
    return 0;
}

/* Any inexact result is a signal; then, none is to be seen. */
static void *contend(void *arg)
{
    for (int i = 0; i < 3000; i++) {
        pthread_mutex_lock(&mutex);
        for (volatile int j = 0; j < 500; j++)
            ;
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static int mode_float(void)
{
    pthread_t threads[3];
    feclearexcept(FE_ALL_EXCEPT);
    if (getenv("TRAPS"))
        feenableexcept(FE_ALL_EXCEPT);
    churn(64 << 20, 1000);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, contend, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    printf("%x\n", fetestexcept(FE_ALL_EXCEPT));
    return 0;
}

/* Code that was made at run time, whose rbp is no frame: what it points to, above the
 * stack, comes and goes. */
static char *place;

static void *come_and_go(void *arg)
{
    while (!stop) {
        mmap(place, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        memset(place, 1, 64);
        for (volatile int i = 0; i < 300; i++)
            ;
        munmap(place, 65536);
    }
    return NULL;
}

static int allocate(void)
{
    void *volatile p = malloc(100);
    free(p);
    return stop;
}

static void *run_made(void *made)
{
    ((void (*)(void *, int (*)(void)))made)(place + 64, allocate);
    return NULL;
}

static int mode_jit(void)
{
    static const unsigned char code[] = {
        0x55, 0x53, 0x50,       /* push %rbp; push %rbx; push %rax */
        0x48, 0x89, 0xfd,       /* mov %rdi, %rbp */
        0x48, 0x89, 0xf3,       /* mov %rsi, %rbx */
        0xff, 0xd3,             /* 1: call *%rbx */
        0x85, 0xc0, 0x74, 0xfa, /* test %eax, %eax; je 1b */
        0x58, 0x5b, 0x5d, 0xc3, /* pop %rax; pop %rbx; pop %rbp; ret */
    };
    void *made =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_t runner, other;
    memcpy(made, code, sizeof code);
    place = mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_create(&runner, NULL, run_made, made);
    pthread_create(&other, NULL, come_and_go, NULL);
    usleep((useconds_t)(SECONDS * 1e6));
    stop = true;
    pthread_join(other, NULL);
    pthread_join(runner, NULL);
    puts("done");
    return 0;
}

/* The main thread is the first to end; what is printed is not written before the end. */
static void *print(void *arg)
{
    usleep(100000);
    puts("done");
    return NULL;
}

static int mode_mainexit(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, print, NULL);
    pthread_detach(thread);
    pthread_exit(NULL);
}

/* What only a process with one thread may. */
static int mode_namespace(void)
{
    if (unshare(CLONE_NEWUSER) != 0)
        return 77;
    puts("done");
    return 0;
}

/* A signal stack that has room for a second signal's frame, and for hardly more. */
static void burn(int signo)
{
    for (double end = now() + 0.3; now() < end;)
        ;
}

static int mode_altstack(void)
{
    static unsigned char area[65536];
    stack_t stack = {.ss_sp = area + 32768, .ss_size = 2 * getauxval(AT_MINSIGSTKSZ)};
    struct sigaction act = {.sa_handler = burn, .sa_flags = SA_ONSTACK}, there;
    memset(area, 0xa5, sizeof area);
    sigaction(SIGUSR1, &act, NULL);
    if (stack.ss_size < 2048 || sigaltstack(&stack, NULL) != 0)
        return 77;
    sigaction(SIGUSR2, &act, NULL);
    raise(SIGUSR1);
    raise(SIGUSR2);
    size_t below = 0;
    for (size_t i = 0; i < 32768; i++)
        below += area[i] != 0xa5;
    sigaction(SIGUSR1, NULL, &there);
    bool is_blocked = sigismember(&there.sa_mask, SIGURG);
    sigaction(SIGUSR2, &act, &there);
    printf("%zu %d %d\n", below, is_blocked, sigismember(&there.sa_mask, SIGURG));
    return 0;
}

/* As collectors of garbage do: all others wait in a handler, wherever they are, while one
 * goes on. */
static atomic_int turn;

static void wait_here(int signo)
{
    int seen = turn;
    while (turn == seen)
        ;
}

static void renew(void *blocks[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(blocks[i]);
        blocks[i] = malloc(100); /* from what was just freed: libc takes no lock for it */
    }
}

static void *renew_always(void *arg)
{
    void *blocks[500] = {0};
    while (!stop)
        renew(blocks, 500);
    return NULL;
}

static int mode_world(void)
{
    pthread_t threads[3];
    static void *blocks[500];
    struct sigaction act = {.sa_handler = wait_here};
    sigaction(SIGUSR2, &act, NULL);
    renew(blocks, 500);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, renew_always, NULL);
    for (double end = now() + SECONDS; now() < end; turn++) {
        for (int i = 0; i < 3; i++)
            pthread_kill(threads[i], SIGUSR2);
        renew(blocks, 500);
    }
    stop = true;
    for (int i = 0; i < 3; i++)
        while (pthread_tryjoin_np(threads[i], NULL) != 0)
            turn++;
    puts("done");
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } modes[] = {{"strict", mode_strict},
                 {"filter", mode_filter},
                 {"filterclone", mode_filterclone},
                 {"float", mode_float},
                 {"jit", mode_jit},
                 {"altstack", mode_altstack},
                 {"namespace", mode_namespace},
                 {"mainexit", mode_mainexit},
                 {"world", mode_world}};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (argc == 2 && strcmp(argv[1], modes[i].name) == 0)
            return modes[i].run();
    return 2;
}
