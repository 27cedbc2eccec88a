/* survive: what a trace must not disturb: many threads, forks, exec, vfork, handlers that leave by
 * longjmp in the middle of a wait, and (with an argument) a crash at the end. */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define N_THREADS 200
#define N_FORKS 60

static pthread_barrier_t barrier;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long n;

static void *work(void *arg)
{
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 20; i++) {
        pthread_mutex_lock(&mutex);
        n++;
        if (i == 5)
            usleep(10);
        pthread_mutex_unlock(&mutex);
    }
    if ((long)arg % 5 == 0)
        pthread_exit(NULL);
    return NULL;
}

static void threads(void)
{
    pthread_t all[N_THREADS];
    pthread_barrier_init(&barrier, NULL, N_THREADS);
    for (long i = 0; i < N_THREADS; i++)
        if (pthread_create(&all[i], NULL, work, (void *)i) != 0)
            exit(10);
    for (int i = 0; i < N_THREADS; i++)
        pthread_join(all[i], NULL);
}

static void forks(void)
{
    for (int i = 0; i < N_FORKS; i++) {
        pid_t pid = i % 4 == 3 ? (pid_t)syscall(SYS_fork) : fork();
        if (pid == 0) {
            usleep(100);
            if (i % 4 == 1)
                execl("/bin/true", "true", (char *)NULL);
            pid_t inner = i % 4 == 2 ? vfork() : 1;
            if (inner == 0)
                execl("/bin/true", "true", (char *)NULL);
            if (i % 4 == 2)
                waitpid(inner, NULL, 0);
            _exit(7);
        }
        int status;
        if (waitpid(pid, &status, 0) != pid || (i % 4 != 1 && WEXITSTATUS(status) != 7))
            exit(11);
    }
}

static sigjmp_buf back;

static void on_alarm(int signo)
{
    siglongjmp(back, 1);
}

static void jumps(void)
{
    static sem_t sem;
    sem_init(&sem, 0, 0);
    signal(SIGALRM, on_alarm);
    for (int i = 0; i < 20; i++) {
        if (sigsetjmp(back, 1) == 0) {
            ualarm(2000, 0);
            if (i % 2)
                sem_wait(&sem);
            else
                pause();
            exit(12);
        }
    }
    sem_post(&sem);
    if (sem_wait(&sem) != 0)
        exit(13);
}

int main(int argc, char **argv)
{
    threads();
    forks();
    jumps();
    threads();
    if (n != 2L * N_THREADS * 20)
        return 14;
    if (argc > 1)
        *(volatile int *)0 = 1;
    puts("fine");
    return 0;
}
