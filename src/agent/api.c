/* api: the functions of sonde/sonde.h. */
#include "agent/block.h"
#include "agent/custom.h"
#include "agent/heap.h"
#include "agent/http.h"
#include "agent/http_listen.h"
#include "agent/lock.h"
#include "agent/notice.h"
#include "agent/profile_out.h"
#include "agent/profiles.h"
#include "agent/recording.h"
#include "agent/request.h"
#include "agent/timers.h"
#include "sonde/sonde.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#define EXPORT __attribute__((visibility("default")))

static struct lock lock; /* for what follows */
static int rate = RECORDING_HZ_DEFAULT;
static int cpu_fd = -1; /* of the CPU profile that is on */

static bool is_for_writing(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY)
        return true;
    errno = EBADF;
    return false;
}

static int fail(int error)
{
    errno = error;
    return -1;
}

/* CPU. */

EXPORT int sonde_start_cpu_profile(int fd)
{
    if (!is_for_writing(fd))
        return -1;
    lock_take(&lock);
    bool ok = recording_begin_cpu((uint32_t)rate);
    if (ok)
        cpu_fd = fd;
    lock_give(&lock);
    return ok ? 0 : -1;
}

EXPORT int sonde_stop_cpu_profile(void)
{
    lock_take(&lock);
    int fd = cpu_fd;
    cpu_fd = -1;
    struct store *store = fd >= 0 ? recording_end_cpu() : NULL;
    lock_give(&lock);
    if (!store)
        return 0;
    struct out out;
    struct taken taken;
    out_init(&out, fd);
    bool ok = profiles_take_cpu(store, &taken);
    if (ok && !profile_out(&profiles_cpu, &taken, &out)) {
        errno = ENOMEM;
        ok = false;
    }
    ok = ok && out_end(&out);
    int saved_errno = errno;
    taken_release(&taken);
    out_release(&out);
    recording_release_cpu();
    errno = saved_errno;
    return ok ? 0 : -1;
}

EXPORT int sonde_set_cpu_profile_rate(int hz)
{
    if (hz < 0 || hz > RECORDING_HZ_MAX)
        return fail(EINVAL);
    if (recording_has(WIRE_CPU))
        return fail(EBUSY);
    lock_take(&lock);
    rate = hz ? hz : RECORDING_HZ_DEFAULT;
    lock_give(&lock);
    return 0;
}

/* Profiles by name. */

EXPORT int sonde_set_mem_profile_rate(long bytes)
{
    if (bytes < 0 || (uint64_t)bytes > HEAP_RATE_MAX)
        return fail(EINVAL);
    return profiles_set_heap_rate((uint64_t)bytes) ? 0 : -1;
}

EXPORT int sonde_set_block_profile_rate(long ns)
{
    if (ns > (long)BLOCK_RATE_MAX)
        return fail(EINVAL);
    return profiles_set_block_rate(ns > 0 ? (uint64_t)ns : 0) ? 0 : -1;
}

EXPORT int sonde_set_mutex_profile_fraction(int fraction)
{
    int before = (int)profiles_mutex_fraction();
    if (fraction >= 0 && !profiles_set_mutex_fraction((uint64_t)fraction))
        return -1;
    return before;
}

EXPORT struct sonde_profile *sonde_lookup(const char *name)
{
    if (!name) {
        errno = EINVAL;
        return NULL;
    }
    return (struct sonde_profile *)profiles_find(name);
}

EXPORT int sonde_profile_write(struct sonde_profile *profile, int fd, int debug)
{
    struct out out;
    if (!profile)
        return fail(EINVAL);
    if (!is_for_writing(fd))
        return -1;
    out_init(&out, fd);
    bool ok = profiles_write(profile, &out, debug) && out_end(&out);
    int saved_errno = errno;
    out_release(&out);
    errno = saved_errno;
    return ok ? 0 : -1;
}

EXPORT int sonde_write_heap_profile(int fd)
{
    struct sonde_profile *heap = sonde_lookup("heap");
    return heap ? sonde_profile_write(heap, fd, 0) : -1;
}

struct list {
    struct sonde_profile **to;
    size_t n, max;
};

static void add_to_list(void *arg, const struct sonde_profile *profile)
{
    struct list *list = arg;
    if (list->n < list->max)
        list->to[list->n] = (struct sonde_profile *)profile;
    list->n++;
}

EXPORT size_t sonde_profiles(struct sonde_profile **profiles, size_t max)
{
    struct list list = {profiles, 0, profiles ? max : 0};
    profiles_each(add_to_list, &list);
    return list.n;
}

EXPORT const char *sonde_profile_name(const struct sonde_profile *profile)
{
    return profile->name;
}

EXPORT long sonde_profile_count(struct sonde_profile *profile)
{
    return profile ? profiles_count(profile) : fail(EINVAL);
}

/* HTTP. */

EXPORT int sonde_http_serve(const char *address)
{
    recording_prepare(true);
    if (!http_serve(address && *address ? address : NULL))
        return -1;
    profiles_start_usual();
    return 0;
}

EXPORT const char *sonde_http_address(void)
{
    return http_address();
}

/* A number of the environment, or -1. */
static long wanted(const char *name)
{
    const char *text = secure_getenv(name);
    int64_t n;
    return text && request_number(text, &n) ? n : -1;
}

/* Where a program that does not call us is asked to serve; NULL: nowhere. */
static const char *wanted_address(void)
{
    const char *address = secure_getenv("SONDE_HTTP");
    return address && *address && strcmp(address, "off") != 0 ? address : NULL;
}

static void set_rates(void)
{
    sonde_set_mem_profile_rate(wanted("SONDE_HEAP_RATE"));
    sonde_set_block_profile_rate(wanted("SONDE_BLOCK_RATE"));
    long fraction = wanted("SONDE_MUTEX_FRACTION");
    if (fraction > 0 && fraction <= INT32_MAX)
        sonde_set_mutex_profile_fraction((int)fraction);
}

/* The error at `address`; 0: none. */
static int serve_as_wanted(const char *address)
{
    int saved_errno = errno, error;
    set_rates();
    recording_prepare(true);
    /* One process of several can have the address; each has a socket. */
    error = http_serve(strcmp(address, "unix") == 0 ? NULL : address) ? 0 : errno;
    if (!error || http_serve(NULL))
        profiles_start_usual();
    errno = saved_errno;
    return error;
}

/* Tells what the environment asks for in vain.  Not what a process gets from one that serves:
 * that was told of it, or has the address. */
static void check_environment(const char *address, int error)
{
    static const char *const rates[] = {"SONDE_HEAP_RATE", "SONDE_BLOCK_RATE",
                                        "SONDE_MUTEX_FRACTION"};
    if (http_listen_parent())
        return;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        const char *text = secure_getenv(rates[i]);
        if (text && *text && wanted(rates[i]) < 0)
            notice_environment(rates[i], text, "not a number; left out", NULL);
    }
    if (error && error != EBUSY)
        notice_environment("SONDE_HTTP", address,
                           error == EINVAL
                               ? "not PORT, localhost:PORT, IP:PORT, unix:PATH, unix or off"
                               : strerrordesc_np(error),
                           http_address());
}

/* Chromium's processes of these types end themselves where there is a thread more. */
static bool counts_threads; /* so do those that it forks */

static bool is_of_type(char **argv)
{
    for (int i = 1; argv[0] && argv[i]; i++)
        if (strncmp(argv[i], "--type=", strlen("--type=")) == 0)
            return true;
    return false;
}

/* Each process can be asked at its own socket: where somebody has loaded us into it, other than
 * `sonde record`, as if it were to serve. */
static void serve_unasked(bool is_child)
{
    const char *off = secure_getenv("SONDE_HTTP"), *preload = secure_getenv("LD_PRELOAD");
    bool is_recorded = recording_is_on(), is_under_record = secure_getenv(WIRE_ENV_DIR) != NULL,
         is_loaded = !is_under_record && preload && strstr(preload, "libsonde");
    /* Valgrind has the calls of its own machine. */
    if (!recording_is_first() || counts_threads || (off && *off) ||
        (preload && strstr(preload, "/vgpreload_")) || (is_under_record && !is_recorded))
        return;
    int saved_errno = errno;
    if (is_loaded && !is_child)
        check_environment(NULL, 0);
    if (is_loaded)
        set_rates();
    recording_prepare(is_loaded);
    http_serve_unasked(is_child || !is_loaded);
    if (is_loaded)
        profiles_start_usual();
    errno = saved_errno;
}

/* A server that forks its workers, or itself to be a daemon. */
static void serve_in_child(void)
{
    if (timers_frozen()) /* its parent has forbidden it system calls */
        return;
    if (!wanted_address()) {
        serve_unasked(true);
        return;
    }
    set_rates();
    recording_prepare(true);
    http_serve_unasked(recording_is_first());
    profiles_start_usual();
}

static __attribute__((constructor)) void follow_environment(int argc, char **argv)
{
    const char *address = wanted_address();
    counts_threads = recording_is_hooked && is_of_type(argv);
    if (address)
        check_environment(address, serve_as_wanted(address));
    else
        serve_unasked(false);
    if (address || http_is_on())
        pthread_atfork(NULL, NULL, serve_in_child);
}

static __attribute__((destructor)) void end(void)
{
    http_end();
}

/* The program's own. */

EXPORT struct sonde_profile *sonde_new_profile(const char *name)
{
    return (struct sonde_profile *)custom_new(name ? name : "");
}

EXPORT int sonde_profile_add(struct sonde_profile *profile, const void *value, int skip)
{
    const struct walk_regs caller = WALK_CALLER();
    if (!profile || skip < 0)
        return fail(EINVAL);
    return custom_add(profile, value, &caller, (uint32_t)skip) ? 0 : -1;
}

EXPORT int sonde_profile_remove(struct sonde_profile *profile, const void *value)
{
    if (!profile)
        return fail(EINVAL);
    return custom_remove(profile, value) ? 0 : -1;
}
