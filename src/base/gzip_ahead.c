#include "base/gzip_ahead.h"

#include "base/gzip.h"

#include <dlfcn.h>
#include <isa-l/igzip_lib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEAST_BYTES ((size_t)4 << 20)
#define MOST_BYTES ((size_t)1 << 30)
#define MOST_TIMES 1032u /* what deflate can reach */
#define RING_BYTES ((size_t)2 << 20)
#define STEP_BYTES ((size_t)256 << 10)
#define PACKED_BYTES ((size_t)256 << 10)

struct gzip_ahead {
    pthread_t thread;
    pthread_mutex_t lock; /* of the next four */
    pthread_cond_t changed;
    size_t made, used; /* bytes; the ring has those between */
    bool ended;        /* nothing more is made */
    bool stopped;      /* nobody reads on */
    bool whole;        /* the thread's, until it has ended */
    uint8_t *ring;     /* 2 * RING_BYTES of addresses */
    size_t most;
    int fd;
    off_t read, size; /* of the file, in bytes */
    uint8_t packed[PACKED_BYTES];
    int (*inflate)(struct inflate_state *);
    struct inflate_state state;
};

struct library {
    void (*init)(struct inflate_state *);
    int (*inflate)(struct inflate_state *);
};

/* Not unloaded: the next file may need it too. */
static bool load(struct library *library)
{
    void *handle = dlopen("libisal.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return false;
    *(void **)&library->init = dlsym(handle, "isal_inflate_init");
    *(void **)&library->inflate = dlsym(handle, "isal_inflate");
    return library->init && library->inflate;
}

/* The same memory at two addresses, one after the other; NULL when it cannot be had. */
static uint8_t *make_ring(void)
{
    int fd = memfd_create("sonde-ring", MFD_CLOEXEC);
    if (fd < 0)
        return NULL;
    uint8_t *ring = MAP_FAILED;
    if (ftruncate(fd, (off_t)RING_BYTES) == 0)
        ring = mmap(NULL, 2 * RING_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int half = 0; ring != MAP_FAILED && half < 2; half++) {
        uint8_t *at = ring + half * RING_BYTES;
        if (mmap(at, RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) != at) {
            munmap(ring, 2 * RING_BYTES);
            ring = MAP_FAILED;
        }
    }
    close(fd);
    return ring == MAP_FAILED ? NULL : ring;
}

/* Tells what was made, and waits for room for the next step: how much there is.  0: nobody
 * reads on, or it was the end. */
static size_t next_room(struct gzip_ahead *a, size_t made, bool ended)
{
    pthread_mutex_lock(&a->lock);
    a->made = made;
    a->ended = ended;
    pthread_cond_signal(&a->changed);
    while (!a->ended && !a->stopped && a->made - a->used > RING_BYTES - STEP_BYTES)
        pthread_cond_wait(&a->changed, &a->lock);
    size_t room = a->ended || a->stopped ? 0 : RING_BYTES - (a->made - a->used);
    pthread_mutex_unlock(&a->lock);
    return room < STEP_BYTES ? room : STEP_BYTES;
}

/* More of the file; false at its end. */
static bool get_packed(struct gzip_ahead *a)
{
    ssize_t n = pread(a->fd, a->packed, sizeof a->packed, a->read);
    if (n <= 0)
        return false;
    a->read += n;
    a->state.next_in = a->packed;
    a->state.avail_in = (uint32_t)n;
    return true;
}

static void *unpack(void *arg)
{
    struct gzip_ahead *a = arg;
    struct inflate_state *s = &a->state;
    size_t made = 0;
    for (size_t room = STEP_BYTES; room; room = next_room(a, made, false)) {
        bool is_more = s->avail_in > 0 || get_packed(a);
        s->next_out = a->ring + made % RING_BYTES;
        s->avail_out = (uint32_t)room;
        int result = a->inflate(s);
        made += room - s->avail_out;
        if (s->block_state == ISAL_BLOCK_FINISH) {
            a->whole = result == ISAL_DECOMP_OK && s->avail_in == 0 && a->read == a->size &&
                       made == a->most;
            break;
        }
        if (result != ISAL_DECOMP_OK || made > a->most || (!is_more && s->avail_out == room))
            break;
    }
    (void)next_room(a, made, true);
    return NULL;
}

/* The length that the trailer claims; 0 when it is not gzip, or that is not possible. */
static size_t claimed_size(int fd, off_t size)
{
    uint8_t magic[2];
    uint32_t n = 0;
    if (size < 18 || pread(fd, magic, sizeof magic, 0) != sizeof magic ||
        !gzip_is(magic, sizeof magic) ||
        pread(fd, &n, sizeof n, size - (off_t)sizeof n) != sizeof n)
        return 0;
    return n / MOST_TIMES > (uint64_t)size ? 0 : n;
}

struct gzip_ahead *gzip_ahead_begin(int fd, size_t max_bytes)
{
    struct library isal;
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return NULL;
    size_t most = claimed_size(fd, st.st_size);
    if (most < LEAST_BYTES || most > MOST_BYTES || most > max_bytes || !load(&isal))
        return NULL;
    struct gzip_ahead *a = calloc(1, sizeof *a);
    if (!a || !(a->ring = make_ring()))
        goto fail;
    a->most = most;
    a->fd = fd;
    a->size = st.st_size;
    a->inflate = isal.inflate;
    isal.init(&a->state);
    a->state.crc_flag = ISAL_GZIP;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    if (pthread_create(&a->thread, NULL, unpack, a) == 0)
        return a;
    pthread_mutex_destroy(&a->lock);
    pthread_cond_destroy(&a->changed);
    munmap(a->ring, 2 * RING_BYTES);
fail:
    free(a);
    return NULL;
}

size_t gzip_ahead_most(const struct gzip_ahead *a)
{
    return a->most;
}

size_t gzip_ahead_next(struct gzip_ahead *a, const uint8_t **p, size_t n)
{
    pthread_mutex_lock(&a->lock);
    if (*p)
        a->used += (size_t)(*p - (a->ring + a->used % RING_BYTES));
    pthread_cond_signal(&a->changed);
    while (a->made - a->used <= n && !a->ended && n <= RING_BYTES - STEP_BYTES)
        pthread_cond_wait(&a->changed, &a->lock);
    size_t there = a->made - a->used;
    *p = a->ring + a->used % RING_BYTES;
    pthread_mutex_unlock(&a->lock);
    /* Not all at once: what was read makes room. */
    size_t most = n + STEP_BYTES;
    return there < most ? there : most;
}

bool gzip_ahead_end(struct gzip_ahead *a)
{
    pthread_mutex_lock(&a->lock);
    a->stopped = true;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    bool whole = a->whole;
    pthread_mutex_destroy(&a->lock);
    pthread_cond_destroy(&a->changed);
    munmap(a->ring, 2 * RING_BYTES);
    free(a);
    return whole;
}
