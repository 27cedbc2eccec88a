#include "base/gzip_ahead.h"

#include "base/gzip.h"
#include "base/thread.h"

#include <dlfcn.h>
#include <isa-l/igzip_lib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEAST_BYTES ((size_t)4 << 20)
#define MOST_BYTES ((size_t)1 << 30)
#define MOST_TIMES 1032u /* what deflate can reach */
#define RING_BYTES ((size_t)2 << 20)
#define STEP_BYTES ((size_t)256 << 10)
#define PIECE_BYTES ((size_t)64 << 10)
#define N_PIECES 4u

struct library {
    void (*init)(struct inflate_state *);
    int (*read_header)(struct inflate_state *, struct isal_gzip_header *);
    int (*inflate)(struct inflate_state *);
    uint32_t (*sum)(uint32_t sum, const unsigned char *data, uint64_t n);
};

struct trailer {
    uint32_t sum, size;
};

/* Of the file, packed. */
struct piece {
    size_t n;
    uint8_t bytes[PIECE_BYTES];
};

/* The thread has the most to do.  So it does nothing but unpack: the caller reads the file and
 * adds up the sum. */
struct gzip_ahead {
    struct library isal;
    struct thread thread;
    pthread_mutex_t lock; /* of the next seven */
    pthread_cond_t changed;
    size_t made, used;     /* bytes; the ring has those between */
    size_t n_read, n_gone; /* pieces; those between wait for the thread */
    bool is_read;          /* all of the file */
    bool ended;            /* nothing more is made */
    bool stopped;          /* nobody reads on */

    /* The caller's. */
    int fd;
    off_t read;        /* bytes of the file */
    const uint8_t *at; /* of the first byte that is not used */
    uint32_t sum;
    size_t n_summed;

    /* The thread's, until it has ended. */
    struct inflate_state state;
    off_t given; /* bytes of the file */
    bool whole;

    uint8_t *ring, *memory; /* one huge page, behind as many addresses for what is moved there */
    off_t size;             /* of the file */
    struct trailer claim;
    struct piece pieces[N_PIECES];
};

/* Not unloaded: the next file may need it too. */
static bool load(struct library *library)
{
    void *handle = dlopen("libisal.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return false;
    *(void **)&library->init = dlsym(handle, "isal_inflate_init");
    *(void **)&library->read_header = dlsym(handle, "isal_read_gzip_header");
    *(void **)&library->inflate = dlsym(handle, "isal_inflate");
    *(void **)&library->sum = dlsym(handle, "crc32_gzip_refl");
    return library->init && library->read_header && library->inflate && library->sum;
}

/* The thread goes on with the next piece, if there is one. */
static void give_piece(struct gzip_ahead *a)
{
    if (a->n_gone == a->n_read)
        return;
    struct piece *piece = &a->pieces[a->n_gone++ % N_PIECES];
    a->state.next_in = piece->bytes;
    a->state.avail_in = (uint32_t)piece->n;
    a->given += (off_t)piece->n;
}

/* Tells what was made, and waits for room for the next step, and for what it is made of: how
 * much room there is.  0: nobody reads on. */
static size_t next_room(struct gzip_ahead *a, size_t made)
{
    pthread_mutex_lock(&a->lock);
    a->made = made;
    pthread_cond_signal(&a->changed);
    bool is_hungry = a->state.avail_in == 0;
    while (!a->stopped && (a->made - a->used > RING_BYTES - STEP_BYTES ||
                           (is_hungry && a->n_gone == a->n_read && !a->is_read)))
        pthread_cond_wait(&a->changed, &a->lock);
    if (is_hungry)
        give_piece(a);
    size_t room = RING_BYTES - made % RING_BYTES;
    bool stopped = a->stopped;
    pthread_mutex_unlock(&a->lock);
    return stopped ? 0 : room < STEP_BYTES ? room : STEP_BYTES;
}

static void tell_end(struct gzip_ahead *a, size_t made)
{
    pthread_mutex_lock(&a->lock);
    a->made = made;
    a->ended = true;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

/* Where in the file the stream has come to. */
static off_t position(const struct gzip_ahead *a)
{
    return a->given - (off_t)a->state.avail_in - a->state.read_in_length / 8;
}

static void *unpack(void *arg)
{
    struct gzip_ahead *a = arg;
    struct inflate_state *s = &a->state;
    size_t made = 0, room;
    while ((room = next_room(a, made)) > 0) {
        bool is_fed = s->avail_in > 0;
        s->next_out = a->ring + made % RING_BYTES;
        s->avail_out = (uint32_t)room;
        int result = a->isal.inflate(s);
        made += room - s->avail_out;
        if (s->block_state == ISAL_BLOCK_FINISH) {
            a->whole = result == ISAL_DECOMP_OK && made == a->claim.size &&
                       position(a) == a->size - (off_t)sizeof a->claim;
            break;
        }
        if (result != ISAL_DECOMP_OK || made > a->claim.size || (!is_fed && s->avail_out == room))
            break;
    }
    tell_end(a, made);
    return NULL;
}

/* What the end of the file claims; false when it is not gzip, or that is not possible. */
static bool read_claim(int fd, off_t size, struct trailer *claim)
{
    uint8_t magic[2];
    return size >= 18 && pread(fd, magic, sizeof magic, 0) == sizeof magic &&
           gzip_is(magic, sizeof magic) &&
           pread(fd, claim, sizeof *claim, size - (off_t)sizeof *claim) == sizeof *claim &&
           claim->size / MOST_TIMES <= (uint64_t)size;
}

/* One more piece of the file, for which there must be room; false at its end. */
static bool read_piece(struct gzip_ahead *a)
{
    struct piece *piece = &a->pieces[a->n_read % N_PIECES];
    ssize_t n = pread(a->fd, piece->bytes, sizeof piece->bytes, a->read);
    if (n <= 0)
        return false;
    piece->n = (size_t)n;
    a->read += n;
    return true;
}

/* Reads the first piece, which has all of the header, or the file is not for this. */
static bool begin_to_inflate(struct gzip_ahead *a)
{
    struct isal_gzip_header header = {0};
    a->isal.init(&a->state);
    if (!read_piece(a))
        return false;
    a->n_read = 1;
    give_piece(a);
    if (a->isal.read_header(&a->state, &header) != ISAL_DECOMP_OK)
        return false;
    a->state.crc_flag = ISAL_DEFLATE; /* no sum */
    return true;
}

static bool make_ring(struct gzip_ahead *a)
{
    if (!(a->memory = aligned_alloc(RING_BYTES, 2 * RING_BYTES)))
        return false;
    a->at = a->ring = a->memory + RING_BYTES;
    return true;
}

static void ahead_free(struct gzip_ahead *a)
{
    free(a->memory);
    free(a);
}

struct gzip_ahead *gzip_ahead_begin(int fd, size_t max_bytes)
{
    struct library isal;
    struct trailer claim;
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || !read_claim(fd, st.st_size, &claim) ||
        claim.size < LEAST_BYTES || claim.size > MOST_BYTES || claim.size > max_bytes ||
        !load(&isal))
        return NULL;
    struct gzip_ahead *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->isal = isal;
    a->fd = fd;
    a->size = st.st_size;
    a->claim = claim;
    if (!begin_to_inflate(a) || !make_ring(a)) {
        ahead_free(a);
        return NULL;
    }
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    if (thread_start(&a->thread, unpack, a))
        return a;
    pthread_mutex_destroy(&a->lock);
    pthread_cond_destroy(&a->changed);
    ahead_free(a);
    return NULL;
}

size_t gzip_ahead_most(const struct gzip_ahead *a)
{
    return a->claim.size;
}

/* Adds the bytes up to the n-th to the sum. */
static void add_to_sum(struct gzip_ahead *a, size_t n)
{
    if (n <= a->n_summed)
        return;
    a->sum = a->isal.sum(a->sum, a->ring + a->n_summed % RING_BYTES, n - a->n_summed);
    a->n_summed = n;
}

/* Reads what of the file there is room for, then waits until there are more than n bytes. */
static void wait_for(struct gzip_ahead *a, size_t n)
{
    for (;;) {
        /* The thread may be at the last one that is gone. */
        if (!a->is_read && !a->ended && a->n_read - a->n_gone < N_PIECES - 1) {
            pthread_mutex_unlock(&a->lock);
            bool is_more = read_piece(a);
            pthread_mutex_lock(&a->lock);
            a->n_read += is_more;
            a->is_read = !is_more;
            pthread_cond_signal(&a->changed);
        } else if (a->made - a->used <= n && !a->ended && n <= RING_BYTES - STEP_BYTES) {
            pthread_cond_wait(&a->changed, &a->lock);
        } else {
            return;
        }
    }
}

size_t gzip_ahead_next(struct gzip_ahead *a, const uint8_t **p, size_t n)
{
    pthread_mutex_lock(&a->lock);
    a->used += *p ? (size_t)(*p - a->at) : 0;
    pthread_cond_signal(&a->changed);
    wait_for(a, n);
    size_t there = a->made - a->used, next = (a->used + n) % RING_BYTES;
    pthread_mutex_unlock(&a->lock);
    a->at = next ? *p : memmove(a->ring - n, *p ? *p : a->ring, n);
    *p = a->at;
    /* Not all at once: what was read makes room. */
    size_t in_row = RING_BYTES - next, most = n + (in_row < STEP_BYTES ? in_row : STEP_BYTES);
    size_t got = there < most ? there : most;
    add_to_sum(a, a->used + got);
    return got;
}

bool gzip_ahead_end(struct gzip_ahead *a)
{
    pthread_mutex_lock(&a->lock);
    a->stopped = true;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread.id, NULL);
    bool whole = a->whole && a->n_summed == a->made && a->sum == a->claim.sum;
    pthread_mutex_destroy(&a->lock);
    pthread_cond_destroy(&a->changed);
    ahead_free(a);
    return whole;
}
