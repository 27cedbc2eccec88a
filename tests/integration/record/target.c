/* A program for the tests of `sonde record`: does what its arguments say, one
 * after another.
 *   spin MS        use MS milliseconds of CPU time in spin_here
 *   vforks MS      use MS milliseconds of CPU time in vfork and its children's ends
 *   exit N         end with status N
 *   signal N       end by signal N
 *   child MS       a child that spins; waits for it
 *   daemon MS      a child that outlives us, spinning; says its pid, does not wait for it
 *   exec ARGS...   become this program again with ARGS
 *   noperf ARGS... become the command ARGS, which is refused perf events
 *   unlink         remove our own file
 *   hold           say "ready", wait for a signal and say which it was, exit 5
 *   jit MS         spin in code made at run time, named in /tmp/perf-PID.map */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile unsigned long sink;

static double cpu_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

__attribute__((noinline)) void spin_here(double ms)
{
    double end = cpu_ms() + ms;
    while (cpu_ms() < end)
        for (int i = 0; i < 20000; i++)
            sink += (unsigned long)i * (unsigned long)i;
}

__attribute__((noinline)) void vforks_here(double ms)
{
    double end = cpu_ms() + ms;
    while (cpu_ms() < end) {
        pid_t pid = vfork();
        if (pid == 0)
            _exit(0);
        waitpid(pid, NULL, 0);
    }
}

static volatile sig_atomic_t got;

static void note(int signal_number)
{
    got = signal_number;
}

static int hold(void)
{
    struct sigaction action = {.sa_handler = note};
    sigset_t blocked, old;
    sigfillset(&blocked);
    sigprocmask(SIG_BLOCK, &blocked, &old);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    puts("ready");
    fflush(stdout);
    sigset_t open = old;
    sigdelset(&open, SIGINT);
    sigdelset(&open, SIGTERM);
    sigdelset(&open, SIGHUP);
    while (!got)
        sigsuspend(&open);
    printf("got %d\n", (int)got);
    return 5;
}

static void jit(double ms)
{
    /* push %rbp; mov %rsp, %rbp; loop: dec %edi; jnz loop; pop %rbp; ret */
    static const uint8_t code[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xcf, 0x75, 0xfc, 0x5d, 0xc3};
    uint8_t *memory =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        exit(77);
    memcpy(memory, code, sizeof code);
    char path[64];
    snprintf(path, sizeof path, "/tmp/perf-%d.map", (int)getpid());
    FILE *map = fopen(path, "w");
    fprintf(map, "%lx %zx compiled_loop\n", (unsigned long)(uintptr_t)memory, sizeof code);
    fclose(map);
    double end = cpu_ms() + ms;
    while (cpu_ms() < end)
        ((void (*)(unsigned))(uintptr_t)memory)(1000000);
}

static int without_perf(char **command)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_perf_event_open, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        return 77;
    execvp(*command, command);
    return 99;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *what = argv[i];
        double number = i + 1 < argc ? atof(argv[i + 1]) : 0;
        if (!strcmp(what, "unlink")) {
            unlink(argv[0]);
            continue;
        }
        if (!strcmp(what, "hold"))
            return hold();
        if (!strcmp(what, "exec")) {
            argv[i] = argv[0];
            execv(argv[0], argv + i);
            return 99;
        }
        if (!strcmp(what, "noperf") && i + 1 < argc)
            return without_perf(argv + i + 1);
        i++;
        if (!strcmp(what, "spin"))
            spin_here(number);
        else if (!strcmp(what, "vforks"))
            vforks_here(number);
        else if (!strcmp(what, "exit"))
            return (int)number;
        else if (!strcmp(what, "signal"))
            raise((int)number);
        else if (!strcmp(what, "jit"))
            jit(number);
        else if (!strcmp(what, "child") || !strcmp(what, "daemon")) {
            bool daemon = !strcmp(what, "daemon");
            pid_t pid = fork();
            if (pid == 0) {
                for (int fd = 0; daemon && fd < 3; fd++)
                    close(fd); /* whoever reads our output need not wait for it */
                spin_here(number);
                _exit(0);
            }
            if (daemon) {
                printf("daemon %d\n", (int)pid);
                fflush(stdout);
            } else {
                waitpid(pid, NULL, 0);
            }
        }
    }
    return 0;
}
