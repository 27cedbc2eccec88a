/* harsh MODE: as survive, for programs that take from themselves what a profiler
 * inside them may count on. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile double sink;
static double burn_share = 1; /* less in runs that nothing is measured in */

static double cpu_s(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

__attribute__((noinline)) static void hot(int n)
{
    double x = 1;
    for (int i = 0; i < n; i++)
        x = x * 1.0000001 + 1e-9;
    sink = x;
}

__attribute__((noipa)) static void burn(int ms)
{
    double end = cpu_s(CLOCK_THREAD_CPUTIME_ID) + ms / 1e3 * burn_share;
    while (cpu_s(CLOCK_THREAD_CPUTIME_ID) < end)
        hot(20000);
    sink += 1;
}

static void *burner(void *arg)
{
    burn((int)(intptr_t)arg);
    return NULL;
}

static int child_status(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static volatile sig_atomic_t n_signals, n_bad;

static void fork_in_handler(int signo)
{
    pid_t pid = fork();
    if (pid == 0) {
        burn(5);
        _exit(6);
    }
    if (child_status(pid) != 6)
        n_bad++;
    n_signals++;
}

static int mode_handlerfork(void)
{
    struct itimerval each = {{0, 10000}, {0, 10000}}, none = {{0, 0}, {0, 0}};
    signal(SIGVTALRM, fork_in_handler);
    setitimer(ITIMER_VIRTUAL, &each, NULL);
    while (n_signals < 20)
        hot(20000);
    setitimer(ITIMER_VIRTUAL, &none, NULL);
    burn(50);
    printf("bad children %d\n", (int)n_bad);
    return 0;
}

static void *after_main(void *arg)
{
    usleep(20000);
    burn(200);
    printf("main is gone\n");
    exit(3);
}

static int mode_mainexit(void)
{
    pthread_t t;
    burn(50);
    pthread_create(&t, NULL, after_main, NULL);
    pthread_exit(NULL);
}

/* What belongs to the process in /proc is root's from now on. */
static int mode_dumpable(void)
{
    pthread_t t;
    printf("prctl %d\n", prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
    pthread_create(&t, NULL, burner, (void *)100);
    burn(100);
    pthread_join(t, NULL);
    pid_t pid = fork();
    if (pid == 0) {
        burn(50);
        _exit(4);
    }
    printf("child %d\n", child_status(pid));
    return 0;
}

static int mode_chroot(void)
{
    pthread_t t;
    if (chroot(".") != 0 || chdir("/") != 0 || setgid(65534) != 0 || setuid(65534) != 0)
        return 77;
    for (int i = 0; i < 3; i++) {
        pthread_create(&t, NULL, burner, (void *)50);
        burn(50);
        pthread_join(t, NULL);
    }
    pid_t pid = fork();
    if (pid == 0) {
        burn(50);
        _exit(4);
    }
    printf("child %d\n", child_status(pid));
    return 0;
}

/* Past libc: our signals stay pending, and the program must not notice. */
static int mode_rawmask(void)
{
    uint64_t all = ~0ull, none = 0, pending = 0;
    struct timespec t = {0, 20000000};
    siginfo_t info;
    burn(50);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8);
    kill(getpid(), SIGUSR1);
    burn(100);
    uint64_t usr = 1ull << (SIGUSR1 - 1);
    printf("waited for %d\n", (int)syscall(SYS_rt_sigtimedwait, &usr, &info, &t, 8));
    syscall(SYS_rt_sigpending, &pending, 8);
    printf("pending %d\n", (pending & usr) != 0);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8);
    burn(100);
    return 0;
}

static void count(int signo)
{
    n_signals++;
}

/* While others burn, waits with full masks last as long as they should. */
static int mode_fullmasks(void)
{
    sigset_t all, most;
    pthread_t t;
    struct timespec wait = {0, 50000000};
    struct pollfd none = {-1, 0, 0};
    int ep = epoll_create1(0);
    struct epoll_event event;
    sigfillset(&all);
    sigfillset(&most);
    sigdelset(&most, SIGALRM);
    signal(SIGALRM, count);
    /* Only sigsuspend lets it in: it is to wait for it, however late it comes there. */
    sigset_t alarm_only;
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarm_only, NULL);
    pthread_create(&t, NULL, burner, (void *)300);
    printf("ppoll %d\n", ppoll(&none, 1, &wait, &all));
    printf("epoll_pwait %d\n", epoll_pwait(ep, &event, 1, 50, &all));
    printf("pselect %d\n", pselect(0, NULL, NULL, NULL, &wait, &all));
    struct itimerval once = {{0, 0}, {0, 50000}};
    setitimer(ITIMER_REAL, &once, NULL);
    int rc = sigsuspend(&most);
    printf("sigsuspend %d %d, %d signals\n", rc, errno == EINTR, (int)n_signals);
    burn(50);
    pthread_join(t, NULL);
    return 0;
}

/* A page of a library that is still being run cannot be read any more. */
static int page_of(struct dl_phdr_info *info, size_t size, void *arg)
{
    void **page = arg;
    if (!strstr(info->dlpi_name, "plugin"))
        return 0;
    *page = (void *)(info->dlpi_addr & ~4095ul);
    return 1;
}

static int mode_loader(void)
{
    void *p = dlopen(getenv("SURVIVE_PLUGIN"), RTLD_NOW), *first = NULL;
    int (*work)(int) = p ? (int (*)(int))dlsym(p, "plugin_work") : NULL;
    if (!work)
        return 1;
    int sum = work(50000000);
    dl_iterate_phdr(page_of, &first);
    printf("mprotect %d\n", mprotect(first, 4096, PROT_NONE));
    sum += work(50000000);
    printf("munmap %d\n", munmap(first, 4096));
    sum += work(50000000);
    printf("sum %d\n", sum);
    fflush(stdout);
    _exit(0);
}

static void *closer(void *arg)
{
    const char *plugin = getenv("SURVIVE_PLUGIN");
    for (int i = 0; i < 300; i++) {
        void *p = dlopen(plugin, RTLD_NOW);
        int (*work)(int) = p ? (int (*)(int))dlsym(p, "plugin_work") : NULL;
        if (!work || work(20000) < 0)
            n_bad++;
        if (p)
            dlclose(p);
    }
    return NULL;
}

static int mode_dlrace(void)
{
    pthread_t t[6];
    for (int i = 0; i < 6; i++)
        pthread_create(&t[i], NULL, i < 4 ? closer : burner, (void *)200);
    for (int i = 0; i < 6; i++)
        pthread_join(t[i], NULL);
    printf("bad %d\n", (int)n_bad);
    return 0;
}

static pthread_barrier_t together;

static void *one_of_many(void *arg)
{
    hot(20000);
    pthread_barrier_wait(&together);
    hot(20000);
    return NULL;
}

/* 10,000 at the same time. */
static int mode_manythreads(void)
{
    enum { N = 10000 };
    static pthread_t t[N];
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    pthread_barrier_init(&together, NULL, N + 1);
    for (int i = 0; i < N; i++)
        if (pthread_create(&t[i], &small, one_of_many, NULL) != 0)
            _exit(77);
    pthread_barrier_wait(&together);
    for (int i = 0; i < N; i++)
        pthread_join(t[i], NULL);
    burn(50);
    printf("joined\n");
    return 0;
}

#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define IF(n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, n, 0, 1), ALLOW
#define LOAD_NUMBER BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))

static int set_filter(struct sock_filter *filter, size_t n, int by_prctl)
{
    struct sock_fprog program = {(unsigned short)n, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    return by_prctl ? prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0)
                    : (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static int filtered(uint32_t otherwise, int by_prctl)
{
    /* What this program itself does, and what libc does for it. */
    struct sock_filter filter[] = {
        LOAD_NUMBER,
        IF(SYS_write),
        IF(SYS_exit),
        IF(SYS_exit_group),
        IF(SYS_rt_sigreturn),
        IF(SYS_rt_sigprocmask),
        IF(SYS_clone),
        IF(SYS_clone3),
        IF(SYS_wait4),
        IF(SYS_futex),
        IF(SYS_mmap),
        IF(SYS_munmap),
        IF(SYS_mprotect),
        IF(SYS_madvise),
        IF(SYS_set_robust_list),
        IF(SYS_rseq),
        IF(SYS_fstat),
        IF(SYS_newfstatat),
        IF(SYS_clock_gettime),
        BPF_STMT(BPF_RET | BPF_K, otherwise),
    };
    pthread_t t;
    pthread_create(&t, NULL, burner, (void *)100);
    burn(100);
    if (set_filter(filter, sizeof filter / sizeof *filter, by_prctl) != 0)
        return 77;
    burn(100);
    pthread_join(t, NULL);
    for (int i = 0; i < 3; i++) {
        pthread_create(&t, NULL, burner, (void *)50);
        pthread_join(t, NULL);
    }
    pid_t pid = fork();
    if (pid == 0) {
        burn(50);
        _exit(4);
    }
    printf("child %d\n", child_status(pid));
    return 0;
}

static int mode_errnofilter(void)
{
    return filtered(SECCOMP_RET_ERRNO | EPERM, 0);
}

static int mode_killfilter(void)
{
    return filtered(SECCOMP_RET_KILL_PROCESS, 1);
}

static int mode_killfilter2(void)
{
    return filtered(SECCOMP_RET_KILL_PROCESS, 0);
}

/* read, write, exit and sigreturn, nothing else. */
static int mode_strict(void)
{
    burn(100);
    pid_t pid = fork();
    if (pid == 0) {
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0) != 0)
            syscall(SYS_exit, 77);
        for (int i = 0; i < 3000; i++)
            hot(20000);
        syscall(SYS_exit, 4);
    }
    printf("child %d\n", child_status(pid));
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } modes[] = {
        {"chroot", mode_chroot},           {"dlrace", mode_dlrace},
        {"dumpable", mode_dumpable},       {"errnofilter", mode_errnofilter},
        {"fullmasks", mode_fullmasks},     {"handlerfork", mode_handlerfork},
        {"killfilter", mode_killfilter},   {"killfilter2", mode_killfilter2},
        {"loader", mode_loader},           {"mainexit", mode_mainexit},
        {"manythreads", mode_manythreads}, {"rawmask", mode_rawmask},
        {"strict", mode_strict},
    };
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (getenv("BURN_SHORT"))
        burn_share = 0.1;
    for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof *modes; i++)
        if (strcmp(argv[1], modes[i].name) == 0)
            return modes[i].run();
    fprintf(stderr, "harsh: unknown mode\n");
    return 2;
}
