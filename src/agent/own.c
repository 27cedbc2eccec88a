#include "agent/own.h"

#include "agent/heap.h"
#include "agent/peer.h"
#include "agent/raw.h"
#include "agent/recording.h"
#include "agent/timers.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define STACK_BYTES (128u << 10)
#define STACK_BYTES_MAX (16u << 20)
#define PAGE_BYTES 4096u
#define CLAIMED (-1)

static struct own_thread {
    int tid; /* 0: none; CLAIMED: it begins */
    void (*run)(void *arg);
    void *arg;
    const struct timespec *late; /* how long it first waits; NULL: not */
    const int *is_over;          /* futex: 0: for so long */
    char *memory;                /* of a thread that libc does not know of; stays for the next */
} threads[OWN_MAX];

static bool is_forbidden, is_for_all; /* atomic */
static __thread bool is_here;

bool own_is(int tid)
{
    for (int i = 0; i < OWN_MAX; i++)
        if (__atomic_load_n(&threads[i].tid, __ATOMIC_ACQUIRE) == tid)
            return true;
    return false;
}

bool own_is_here(void)
{
    return is_here;
}

uint32_t own_count(void)
{
    uint32_t n = 0;
    for (int i = 0; i < OWN_MAX; i++)
        n += __atomic_load_n(&threads[i].tid, __ATOMIC_ACQUIRE) > 0;
    return n;
}

/* The status of the main thread as /proc has it: one character is its state, and the last
 * number what it ended with. */
static bool main_status(char *state, int *status)
{
    char text[1024];
    long tasks = peer_open_tasks();
    if (tasks < 0)
        return false;
    peer_file(tasks, raw_getpid(), "stat", text, sizeof text);
    raw4(SYS_close, tasks, 0, 0, 0);
    const char *name_end = strrchr(text, ')'), *last = strrchr(text, ' ');
    if (!name_end || last < name_end + 2)
        return false;
    *state = name_end[2];
    *status = 0;
    while (*++last >= '0' && *last <= '9')
        *status = *status * 10 + (*last - '0');
    return true;
}

bool own_program_has_one(void)
{
    struct stat st;
    /* A folder's link count is 2 and one for each folder in it. */
    return raw4(SYS_newfstatat, AT_FDCWD, (long)"/proc/self/task", (long)&st, 0) == 0 &&
           st.st_nlink <= 2 + own_count() + 1;
}

bool own_is_alone(void)
{
    char state;
    int status;
    return !__atomic_load_n(&is_for_all, __ATOMIC_ACQUIRE) && own_program_has_one() &&
           main_status(&state, &status) && state == 'Z';
}

void own_follow(void)
{
    char state;
    int status;
    /* Where libc knows of us it has something to do yet. */
    if (is_here && main_status(&state, &status) && state == 'Z')
        raw4(SYS_exit, status >> 8 & 0xff, 0, 0, 0);
}

void own_forbid(bool yes, bool for_all)
{
    __atomic_store_n(&is_forbidden, yes, __ATOMIC_RELEASE);
    if (!yes || for_all)
        __atomic_store_n(&is_for_all, yes, __ATOMIC_RELEASE);
}

void own_reset(void)
{
    for (int i = 0; i < OWN_MAX; i++)
        threads[i].tid = 0;
}

static int claim(void)
{
    for (int i = 0; i < OWN_MAX; i++) {
        int none = 0;
        if (__atomic_compare_exchange_n(&threads[i].tid, &none, CLAIMED, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            return i;
    }
    return -1;
}

static void run(const struct own_thread *t)
{
    timers_disarm(raw_gettid()); /* it may have been found before */
    raw4(SYS_prctl, PR_SET_NAME, (long)"sonde", 0, 0);
    t->run(t->arg);
}

/* A thread that libc does not know of.  It has a stack and, above it, thread-local variables
 * of its own: those of libsonde and errno, which lie at the same distance from the thread
 * pointer on all threads, and all zero. */

static void hidden_thread(void *arg)
{
    const struct own_thread *t = arg;
    raw4(SYS_mprotect, (long)t->memory, PAGE_BYTES, PROT_NONE, 0);
    is_here = true;
    heap_leave_out(true);
    run(t);
    for (;;)
        raw4(SYS_exit, 0, 0, 0, 0); /* then the kernel clears our tid */
}

/* How far below the thread pointer they begin. */
static size_t below_pointer(void)
{
    uint64_t here = (uint64_t)__builtin_thread_pointer(), ours = here - (uint64_t)&is_here,
             libcs = here - (uint64_t)&errno, most = ours > libcs ? ours : libcs;
    return (most / PAGE_BYTES + 2) * PAGE_BYTES; /* each of ours is less than a page from it */
}

/* It waits, if it does, without a stack. */
static long clone_into(struct own_thread *t, char *stack, char *pointer)
{
    const long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                       CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
    const void **top = (const void **)(stack - 32);
    top[0] = t->late;
    top[1] = t->is_over;
    top[2] = t;
    top[3] = (const void *)hidden_thread;
    register long r10 __asm__("r10") = (long)&t->tid;
    register long r8 __asm__("r8") = (long)pointer;
    long result;
    __asm__ volatile("syscall\n"
                     "testq %%rax, %%rax\n"
                     "jnz 1f\n"
                     ".cfi_remember_state\n"
                     ".cfi_undefined %%rip\n"
                     "xorl %%ebp, %%ebp\n"
                     "popq %%r10\n"
                     "popq %%rdi\n"
                     "testq %%r10, %%r10\n"
                     "jz 2f\n"
                     "movl %[futex], %%eax\n"
                     "movl %[wait], %%esi\n"
                     "xorl %%edx, %%edx\n"
                     "syscall\n"
                     "2:\n"
                     "popq %%rdi\n"
                     "popq %%rax\n"
                     "call *%%rax\n"
                     "ud2\n"
                     ".cfi_restore_state\n"
                     "1:"
                     : "=a"(result)
                     : "0"((long)SYS_clone), "D"(flags), "S"(top), "d"(&t->tid), "r"(r10),
                       "r"(r8), [futex] "i"(SYS_futex), [wait] "i"(FUTEX_WAIT_PRIVATE)
                     : "rcx", "r11", "memory");
    return result;
}

/* An error number, or 0. */
static int start_hidden(struct own_thread *t)
{
    const size_t below = below_pointer(), n_bytes = PAGE_BYTES + STACK_BYTES + below + PAGE_BYTES;
    bool is_new = !t->memory;
    if (is_new && !(t->memory = raw_alloc(n_bytes)))
        return ENOMEM;
    char *stack = t->memory + PAGE_BYTES + STACK_BYTES, *pointer = stack + below;
    if (!is_new)
        memset(stack, 0, below + PAGE_BYTES);
    /* The beginning of the thread's block, as the ABI has it and compilers use it. */
    memcpy(pointer, &pointer, sizeof pointer);
    memcpy(pointer + 0x10, &pointer, sizeof pointer);
    memcpy(pointer + 0x28, (char *)__builtin_thread_pointer() + 0x28, 16); /* the guards */
    const uint64_t all = ~0ull;
    uint64_t mask;
    raw_sigmask(SIG_SETMASK, &all, &mask);
    long tid = clone_into(t, stack, pointer);
    raw_sigmask(SIG_SETMASK, &mask, NULL);
    return tid < 0 ? (int)-tid : 0;
}

/* One of libc's: where its setuid would not come to us. */

static void *known_thread(void *arg)
{
    struct own_thread *t = arg;
    heap_leave_out(true);
    __atomic_store_n(&t->tid, raw_gettid(), __ATOMIC_RELEASE);
    raw4(SYS_futex, (long)&t->tid, FUTEX_WAKE_PRIVATE, 1, 0);
    if (t->late)
        raw4(SYS_futex, (long)t->is_over, FUTEX_WAIT_PRIVATE, 0, (long)t->late);
    run(t);
    __atomic_store_n(&t->tid, 0, __ATOMIC_RELEASE);
    return NULL;
}

static int start_known(struct own_thread *t)
{
    pthread_attr_t attr;
    pthread_t made;
    /* But libc's own two: setuid and its kind wait for each thread to take them. */
    const uint64_t most = ~(3ull << 31);
    uint64_t mask;
    int rc = pthread_attr_init(&attr);
    if (rc != 0)
        return rc;
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    raw_sigmask(SIG_SETMASK, &most, &mask);
    bool was = heap_leave_out(true);
    int64_t left = heap_left;
    /* The thread-local variables of the program's libraries may need more. */
    for (size_t n = STACK_BYTES; n <= STACK_BYTES_MAX; n *= 2)
        if ((rc = pthread_attr_setstacksize(&attr, n)) != 0 ||
            (rc = recording_plain_thread(&made, &attr, known_thread, t)) != EINVAL)
            break;
    heap_left = left;
    heap_leave_out(was);
    raw_sigmask(SIG_SETMASK, &mask, NULL);
    pthread_attr_destroy(&attr);
    /* Until it is known as ours: a profile may be taken next. */
    while (rc == 0 && __atomic_load_n(&t->tid, __ATOMIC_ACQUIRE) == CLAIMED)
        raw4(SYS_futex, (long)&t->tid, FUTEX_WAIT_PRIVATE, CLAIMED, 0);
    return rc;
}

bool own_start_late(void (*fn)(void *arg), void *arg, const struct timespec *late,
                    const int *is_over)
{
    bool is_free = !__atomic_load_n(&is_forbidden, __ATOMIC_ACQUIRE);
    int i = is_free ? claim() : -1, rc = !is_free ? EPERM : EAGAIN;
    if (i >= 0) {
        threads[i].run = fn;
        threads[i].arg = arg;
        threads[i].late = late;
        threads[i].is_over = is_over;
        rc = recording_is_first() ? start_hidden(&threads[i]) : start_known(&threads[i]);
        if (rc != 0)
            __atomic_store_n(&threads[i].tid, 0, __ATOMIC_RELEASE);
    }
    errno = rc;
    return rc == 0;
}

bool own_start(void (*fn)(void *arg), void *arg)
{
    return own_start_late(fn, arg, NULL, NULL);
}
