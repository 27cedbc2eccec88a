/* survive MODE: programs that a profiler inside them could disturb.  Each prints
 * what it saw, which has to be the same with libsonde and without. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <ucontext.h>
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

static int child_status(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

static int mode_fork(const char *self)
{
    burn(100);
    for (int i = 0; i < 20; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            burn(20);
            _exit(i);
        }
        printf("child %d status %d\n", i, WEXITSTATUS(child_status(pid)));
    }
    burn(100);
    return 0;
}

static void *forker(void *arg)
{
    for (int i = 0; i < 20; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            burn(5);
            _exit(7);
        }
        if (WEXITSTATUS(child_status(pid)) != 7)
            printf("bad child\n");
    }
    return NULL;
}

static void *burner(void *arg)
{
    burn((int)(intptr_t)arg);
    return NULL;
}

static int mode_forkthreads(const char *self)
{
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, i < 2 ? forker : burner, (void *)300);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    printf("done\n");
    return 0;
}

static int mode_vfork(const char *self)
{
    for (int i = 0; i < 20; i++) {
        burn(10);
        pid_t pid = vfork();
        if (pid == 0) {
            signal(SIGURG, SIG_DFL);
            execl("/bin/true", "true", (char *)NULL);
            _exit(99);
        }
        printf("child %d status %d\n", i, WEXITSTATUS(child_status(pid)));
    }
    burn(100);
    return 0;
}

static int mode_exec(const char *self)
{
    burn(100);
    execl(self, self, "execed", (char *)NULL);
    return 1;
}

static int mode_execed(const char *self)
{
    burn(100);
    printf("exec went well\n");
    return 0;
}

static int mode_threads(const char *self)
{
    int n = 0;
    for (int i = 0; i < 1250; i++) {
        pthread_t t[4];
        int made = 0;
        for (int k = 0; k < 4; k++)
            made += pthread_create(&t[k], NULL, burner, (void *)0) == 0;
        for (int k = 0; k < made; k++)
            n += pthread_join(t[k], NULL) == 0;
    }
    printf("%d threads\n", n);
    return 0;
}

static void *leaver(void *arg)
{
    burn(1);
    pthread_exit(arg);
}

static void *waiter(void *arg)
{
    for (;;)
        pause();
    return NULL;
}

static int c11_thread(void *arg)
{
    burn(20);
    return 42;
}

static int mode_threadends(const char *self)
{
    for (int i = 0; i < 50; i++) {
        pthread_t a, b;
        void *ra, *rb;
        pthread_create(&a, NULL, leaver, (void *)5);
        pthread_create(&b, NULL, waiter, NULL);
        pthread_cancel(b);
        pthread_join(a, &ra);
        pthread_join(b, &rb);
        if (ra != (void *)5 || rb != PTHREAD_CANCELED)
            printf("wrong end\n");
    }
    thrd_t t;
    int result = 0;
    thrd_create(&t, c11_thread, NULL);
    thrd_join(t, &result);
    printf("c11 %d\n", result);
    burn(50);
    return 0;
}

static int mode_dlopen(const char *self)
{
    int sum = 0;
    const char *plugin = getenv("SURVIVE_PLUGIN");
    for (int i = 0; i < 400; i++) {
        void *p = dlopen(plugin, RTLD_NOW);
        int (*work)(int) = p ? (int (*)(int))dlsym(p, "plugin_work") : NULL;
        if (!work) {
            printf("no plugin: %s\n", dlerror());
            return 1;
        }
        sum += work(300000);
        dlclose(p);
    }
    printf("sum %d\n", sum);
    return 0;
}

static volatile sig_atomic_t n_prof, n_urg, n_urg_info, n_usr;

static void on_prof(int signo)
{
    n_prof++;
}

static int mode_sigprof(const char *self)
{
    struct sigaction act = {.sa_handler = on_prof, .sa_flags = SA_RESTART};
    struct itimerval each = {{0, 10000}, {0, 10000}};
    sigaction(SIGPROF, &act, NULL);
    double begin = cpu_s(CLOCK_PROCESS_CPUTIME_ID);
    setitimer(ITIMER_PROF, &each, NULL);
    burn(500);
    double periods = (cpu_s(CLOCK_PROCESS_CPUTIME_ID) - begin) * 100;
    memset(&each, 0, sizeof each);
    setitimer(ITIMER_PROF, &each, NULL);
    printf("own timer: %s\n", n_prof > 0 && n_prof <= 2 * periods + 5 ? "right" : "wrong");
    struct sigaction now;
    sigaction(SIGPROF, NULL, &now);
    printf("own handler: %s\n", now.sa_handler == on_prof ? "kept" : "lost");
    return 0;
}

static void on_urg(int signo)
{
    n_urg++;
    burn(2);
}

static void on_urg_info(int signo, siginfo_t *info, void *context)
{
    sigset_t mask;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    if (info->si_code == SI_USER && info->si_pid == getpid() && sigismember(&mask, SIGUSR1) &&
        !sigismember(&mask, SIGUSR2))
        n_urg_info++;
}

static int mode_sigurg(const char *self)
{
    struct sigaction act = {.sa_sigaction = on_urg_info, .sa_flags = SA_SIGINFO}, old;
    sigaction(SIGURG, NULL, &old);
    printf("before: %s\n", old.sa_handler == SIG_DFL ? "default" : "other");
    kill(getpid(), SIGURG);
    signal(SIGURG, on_urg);
    for (int i = 0; i < 50; i++) {
        burn(4);
        kill(getpid(), SIGURG);
    }
    printf("plain %d\n", (int)n_urg);
    sigaddset(&act.sa_mask, SIGUSR1);
    sigaction(SIGURG, &act, &old);
    printf("old: %s\n", old.sa_handler == on_urg ? "own" : "other");
    for (int i = 0; i < 50; i++) {
        burn(4);
        kill(getpid(), SIGURG);
    }
    printf("info %d\n", (int)n_urg_info);
    act.sa_handler = on_urg;
    act.sa_flags = SA_RESETHAND;
    sigaction(SIGURG, &act, NULL);
    kill(getpid(), SIGURG);
    kill(getpid(), SIGURG);
    sigaction(SIGURG, NULL, &old);
    printf("once %d, then %s\n", (int)n_urg, old.sa_handler == SIG_DFL ? "default" : "other");
    signal(SIGURG, SIG_IGN);
    burn(50);
    return 0;
}

static void on_usr(int signo)
{
    n_usr++;
}

static int mode_blocked(const char *self)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    signal(SIGUSR1, on_usr);
    kill(getpid(), SIGUSR1);
    burn(300);
    printf("blocked %d\n", (int)n_usr);
    sigemptyset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    printf("unblocked %d\n", (int)n_usr);
    return 0;
}

static void *sig_thread(void *arg)
{
    sigset_t *set = arg;
    int signo = 0;
    for (;;) {
        burn(1);
        if (sigwait(set, &signo) != 0)
            printf("sigwait failed\n");
        printf("got %d\n", signo);
        if (signo == SIGTERM)
            return NULL;
    }
}

static int mode_sigwait(const char *self)
{
    sigset_t all;
    pthread_t t;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    pthread_create(&t, NULL, sig_thread, &all);
    burn(100);
    kill(getpid(), SIGUSR1);
    burn(100);
    kill(getpid(), SIGURG);
    burn(100);
    kill(getpid(), SIGTERM);
    pthread_join(t, NULL);
    struct timespec wait = {0, 50000000};
    siginfo_t info;
    printf("timed %d\n", sigtimedwait(&all, &info, &wait));
    int fd = signalfd(-1, &all, 0);
    kill(getpid(), SIGUSR2);
    struct signalfd_siginfo si;
    ssize_t n = read(fd, &si, sizeof si);
    printf("signalfd %d %d\n", n == sizeof si, (int)si.ssi_signo);
    return 0;
}

/* SIGURG that came before the wait is there when it begins, as PostgreSQL's latches want it. */
static int mode_signalfd(const char *self)
{
    sigset_t urg;
    sigemptyset(&urg);
    sigaddset(&urg, SIGURG);
    sigprocmask(SIG_BLOCK, &urg, NULL);
    struct pollfd fd = {.fd = signalfd(-1, &urg, SFD_NONBLOCK | SFD_CLOEXEC), .events = POLLIN};
    int n_woken = 0, n_read = 0;
    for (int i = 0; i < 50; i++) {
        struct signalfd_siginfo si;
        kill(getpid(), SIGURG);
        burn(4);
        sigprocmask(SIG_SETMASK, &urg, NULL);
        n_woken += poll(&fd, 1, 0);
        while (read(fd.fd, &si, sizeof si) == sizeof si)
            n_read++;
    }
    printf("woken %d, read %d\n", n_woken, n_read);
    return 0;
}

__attribute__((noipa)) static void deep_burn(int depth, int ms)
{
    if (depth == 0)
        burn(ms);
    else
        deep_burn(depth - 1, ms);
    sink += 1;
}

static void on_alt(int signo)
{
    char here;
    stack_t now;
    sigaltstack(NULL, &now);
    printf("on its stack: %d\n",
           &here >= (char *)now.ss_sp && &here < (char *)now.ss_sp + now.ss_size);
    deep_burn(10, 200);
}

static int mode_altstack(const char *self)
{
    static char memory[32768];
    stack_t alt = {.ss_sp = memory, .ss_size = sizeof memory};
    struct sigaction act = {.sa_handler = on_alt, .sa_flags = SA_ONSTACK};
    sigaltstack(&alt, NULL);
    sigaction(SIGUSR1, &act, NULL);
    deep_burn(5, 50);
    raise(SIGUSR1);
    return 0;
}

static ucontext_t main_context, fibers[8];
static int fiber_runs[8];

static void fiber(int i)
{
    for (int k = 0; k < 10; k++) {
        deep_burn(5, 5);
        fiber_runs[i]++;
        swapcontext(&fibers[i], &main_context);
    }
}

static int mode_coroutine(const char *self)
{
    for (int i = 0; i < 8; i++) {
        char *stack =
            mmap(NULL, 16384 + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        mprotect(stack, 4096, PROT_NONE);
        getcontext(&fibers[i]);
        fibers[i].uc_stack.ss_sp = stack + 4096;
        fibers[i].uc_stack.ss_size = 16384;
        fibers[i].uc_link = &main_context;
        makecontext(&fibers[i], (void (*)(void))fiber, 1, i);
    }
    for (int k = 0; k < 10; k++)
        for (int i = 0; i < 8; i++)
            swapcontext(&main_context, &fibers[i]);
    for (int i = 0; i < 8; i++)
        printf("fiber %d ran %d\n", i, fiber_runs[i]);
    return 0;
}

static jmp_buf back;
static sigjmp_buf signal_back;

static void jump(int depth)
{
    hot(1000);
    if (depth == 0)
        longjmp(back, 1);
    jump(depth - 1);
    sink += 1;
}

static void on_alarm(int signo)
{
    siglongjmp(signal_back, 1);
}

static int mode_longjmp(const char *self)
{
    volatile int n = 0, n_alarms = 0;
    double end = cpu_s(CLOCK_PROCESS_CPUTIME_ID) + 0.3;
    while (cpu_s(CLOCK_PROCESS_CPUTIME_ID) < end) {
        if (setjmp(back) == 0)
            jump(20);
        n++;
    }
    signal(SIGVTALRM, on_alarm);
    struct itimerval each = {{0, 4000}, {0, 4000}};
    setitimer(ITIMER_VIRTUAL, &each, NULL);
    while (n_alarms < 50)
        if (sigsetjmp(signal_back, 1) == 0)
            deep_burn(10, 100);
        else
            n_alarms++;
    signal(SIGVTALRM, SIG_IGN);
    printf("jumped %d alarms %d\n", n > 10, n_alarms);
    return 0;
}

static void handler_leaf(int signo)
{
    deep_burn(4, 300);
    n_usr++;
}

__attribute__((noipa)) static void raise_deep(int depth)
{
    if (depth == 0)
        raise(SIGUSR1);
    else
        raise_deep(depth - 1);
    sink += 1;
}

static int mode_sighandler(const char *self)
{
    signal(SIGUSR1, handler_leaf);
    raise_deep(6);
    printf("handled %d\n", (int)n_usr);
    return 0;
}

static int mode_jit(const char *self)
{
    /* push rbp; mov rbp, rsp; mov eax, edi; 1: dec eax; jnz 1b; pop rbp; ret */
    static const uint8_t code[] = {0x55, 0x48, 0x89, 0xe5, 0x89, 0xf8,
                                   0xff, 0xc8, 0x75, 0xfc, 0x5d, 0xc3};
    uint8_t *p =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return 77;
    memcpy(p, code, sizeof code);
    double end = cpu_s(CLOCK_PROCESS_CPUTIME_ID) + 0.4;
    while (cpu_s(CLOCK_PROCESS_CPUTIME_ID) < end)
        ((void (*)(int))p)(1000000);
    printf("jitted\n");
    return 0;
}

static int mode_closefds(const char *self)
{
    int out = dup(1);
    for (int fd = 3; fd < 1024; fd++)
        if (fd != out)
            close(fd);
    pid_t pid = fork();
    if (pid != 0)
        return WEXITSTATUS(child_status(pid));
    setsid();
    burn(200);
    int fd = open("/dev/null", O_RDONLY);
    dprintf(out, "lowest free %d\n", fd);
    return 0;
}

static int mode_rlimit(const char *self)
{
    /* Limits set from outside: what is left has to do. */
    int n = 0;
    while (n < 64 && malloc(1 << 20))
        n++;
    printf("%s\n", n >= 32 ? "enough" : "too little");
    burn(200);
    return 0;
}

static int mode_kill(const char *self)
{
    burn(300);
    printf("dying\n");
    fflush(stdout);
    kill(getpid(), SIGKILL);
    return 0;
}

static int mode_stop(const char *self)
{
    double end = cpu_s(CLOCK_MONOTONIC) + 1.5 * burn_share;
    int n = 0;
    while (cpu_s(CLOCK_MONOTONIC) < end) {
        burn(10);
        n++;
    }
    printf("went on %d\n", n > 0);
    return 0;
}

static int mode_rawclone(const char *self)
{
    burn(50);
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        pthread_t t;
        pthread_create(&t, NULL, burner, (void *)50);
        pthread_join(t, NULL);
        _exit(3);
    }
    printf("child %d\n", WEXITSTATUS(child_status(pid)));
    return 0;
}

static int mode_burn(const char *self)
{
    deep_burn(3, 300);
    printf("burnt\n");
    return 0;
}

/* The time of sleeps and waits is as it was: no EINTR from a profiler's signals. */
static void *sleeper(void *arg)
{
    int *n_short = arg;
    for (int i = 0; i < 100; i++) {
        struct timespec t = {0, 3000000};
        if (nanosleep(&t, NULL) != 0)
            ++*n_short;
    }
    return NULL;
}

static int mode_eintr(const char *self)
{
    pthread_t a, b;
    int n_short = 0;
    pthread_create(&a, NULL, burner, (void *)400);
    pthread_create(&b, NULL, sleeper, &n_short);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    printf("short sleeps: %s\n", n_short == 0 ? "none" : "some");
    return 0;
}

/* glibc has every thread make the call, by a signal of its own. */
static int mode_setuid(const char *self)
{
    pthread_t t[4];
    int n_failed = 0;
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, burner, (void *)60);
    for (int i = 0; i < 200; i++)
        n_failed += setresuid(getuid(), geteuid(), getuid()) != 0;
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    printf("failed %d\n", n_failed);
    return 0;
}

static int mode_daemon(const char *self)
{
    int ends[2];
    char c = 0;
    if (pipe(ends) != 0)
        return 1;
    burn(50);
    pid_t pid = fork();
    if (pid == 0) {
        if (daemon(0, 0) != 0)
            _exit(1);
        burn(100);
        _exit(write(ends[1], "x", 1) != 1);
    }
    close(ends[1]);
    printf("parent %d\n", WEXITSTATUS(child_status(pid)));
    printf("daemon %d %c\n", (int)read(ends[0], &c, 1), c);
    printf("system %d\n", WEXITSTATUS(system("exit 4")));
    execl("/nonexistent", "nonexistent", (char *)NULL);
    burn(50);
    printf("exec failed and went on\n");
    return 0;
}

static int mode_nothreads(const char *self)
{
    struct rlimit none = {1, 1};
    pthread_t t;
    pthread_attr_t huge;
    pthread_attr_init(&huge);
    pthread_attr_setstacksize(&huge, (size_t)1 << 46);
    int n_failed = 0;
    for (int i = 0; i < 2000; i++)
        n_failed += pthread_create(&t, &huge, burner, NULL) != 0;
    printf("failed %d\n", n_failed);
    setrlimit(RLIMIT_NPROC, &none);
    burn(100);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const char *self);
    } modes[] = {
        {"altstack", mode_altstack},
        {"blocked", mode_blocked},
        {"burn", mode_burn},
        {"closefds", mode_closefds},
        {"coroutine", mode_coroutine},
        {"daemon", mode_daemon},
        {"dlopen", mode_dlopen},
        {"eintr", mode_eintr},
        {"exec", mode_exec},
        {"execed", mode_execed},
        {"fork", mode_fork},
        {"forkthreads", mode_forkthreads},
        {"jit", mode_jit},
        {"kill", mode_kill},
        {"longjmp", mode_longjmp},
        {"nothreads", mode_nothreads},
        {"rawclone", mode_rawclone},
        {"rlimit", mode_rlimit},
        {"setuid", mode_setuid},
        {"sighandler", mode_sighandler},
        {"signalfd", mode_signalfd},
        {"sigprof", mode_sigprof},
        {"sigurg", mode_sigurg},
        {"sigwait", mode_sigwait},
        {"stop", mode_stop},
        {"threadends", mode_threadends},
        {"threads", mode_threads},
        {"vfork", mode_vfork},
    };
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (getenv("BURN_SHORT"))
        burn_share = 0.1;
    for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof *modes; i++)
        if (strcmp(argv[1], modes[i].name) == 0)
            return modes[i].run(argv[0]);
    fprintf(stderr, "survive: unknown mode\n");
    return 2;
}
