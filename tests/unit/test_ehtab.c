#include "unit.h"

#include "unwind/ehtab.h"

#include <stdlib.h>
#include <string.h>

#define HDR 0x2000u /* offset of .eh_frame_hdr, where the image begins */

static void *alloc(void *arg, size_t n)
{
    return calloc(1, n);
}

static const struct ehtab_alloc allocator = {alloc, NULL};
static struct ehtab_scratch scratch;

/* A module's read-only segment being written: room for the header first. */
struct maker {
    uint8_t bytes[4096];
    size_t n, n_fdes;
    size_t cie;
    struct {
        uint32_t code, fde;
    } fdes[16];
};

static void put4(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, 4);
}

static void record(struct maker *m, const uint8_t *body, size_t n)
{
    size_t padded = (n + 3) & ~(size_t)3;
    put4(m->bytes + m->n, (uint32_t)padded);
    memset(m->bytes + m->n + 4, 0, padded);
    memcpy(m->bytes + m->n + 4, body, n);
    m->n += 4 + padded;
}

/* A CIE as gcc writes it: "zR", CFA = rsp + 8, return address at CFA - 8. */
static void cie(struct maker *m, const char *augmentation)
{
    uint8_t body[64] = {0, 0, 0, 0, 1};
    size_t n = 5, len = strlen(augmentation) + 1;
    memcpy(body + n, augmentation, len);
    n += len;
    static const uint8_t rest[] = {1, 0x78, 16, 1, 0x1b, 0x0c, 7, 8, 0x90, 1};
    memcpy(body + n, rest, sizeof rest);
    m->cie = m->n;
    record(m, body, n + sizeof rest);
}

static void fde(struct maker *m, uint32_t code, uint32_t n_code, const uint8_t *ops, size_t n_ops)
{
    uint8_t body[1024] = {0};
    size_t at = m->n;
    put4(body, (uint32_t)(at + 4 - m->cie));
    put4(body + 4, code - (uint32_t)(HDR + at + 8));
    put4(body + 8, n_code);
    if (n_ops)
        memcpy(body + 13, ops, n_ops);
    m->fdes[m->n_fdes].code = code;
    m->fdes[m->n_fdes++].fde = (uint32_t)(HDR + at);
    record(m, body, 13 + n_ops);
}

static void start(struct maker *m)
{
    memset(m, 0, sizeof *m);
    m->n = 12 + 8 * 16;
    cie(m, "zR");
}

static struct ehtab_image finish(struct maker *m, struct ehtab *tab)
{
    static const uint8_t head[] = {1, 0x1b, 3, 0x3b};
    memcpy(m->bytes, head, 4);
    put4(m->bytes + 8, (uint32_t)m->n_fdes);
    for (size_t i = 0; i < m->n_fdes; i++) {
        put4(m->bytes + 12 + 8 * i, m->fdes[i].code - HDR);
        put4(m->bytes + 16 + 8 * i, m->fdes[i].fde - HDR);
    }
    struct ehtab_image image = {m->bytes, HDR, m->n};
    assert_true(ehtab_init(tab, &image, HDR, 0x10000, allocator));
    return image;
}

static void release(struct ehtab *tab)
{
    for (uint32_t i = 0; i < tab->n_pages; i++)
        free(tab->pages[i]);
    free(tab->pages);
}

static void expect(struct ehtab *tab, struct ehtab_image *image, uint64_t offset, int kind, int cfa,
                   int rbp)
{
    struct ehtab_row row = ehtab_find(tab, image, offset, allocator, &scratch);
    if (row.kind != kind || (kind >= EHTAB_PLT && (row.cfa != cfa || row.rbp != rbp)))
        fail_msg("at %#lx: kind %d cfa %d rbp %d", (unsigned long)offset, row.kind, row.cfa,
                 row.rbp);
}

/* push rbp; mov rbp, rsp; ..; early leave, ret; ..; leave; ret. */
static void frame_pointer_function(void **state)
{
    static const uint8_t ops[] = {0x41, 0x0e, 16,   0x86, 2,    0x43, 0x0d, 6,    0x50, 0x0a, 0x0c,
                                  7,    8,    0xc6, 0x41, 0x0b, 0x02, 40,   0x0c, 7,    8};
    struct maker m;
    struct ehtab tab;
    start(&m);
    fde(&m, 0x1000, 0x60, ops, sizeof ops);
    struct ehtab_image image = finish(&m, &tab);
    expect(&tab, &image, 0xfff, EHTAB_NONE, 0, 0);
    expect(&tab, &image, 0x1000, EHTAB_RSP, 8, EHTAB_RBP_SAME);
    expect(&tab, &image, 0x1001, EHTAB_RSP, 16, -2);
    expect(&tab, &image, 0x1003, EHTAB_RSP, 16, -2);
    expect(&tab, &image, 0x1004, EHTAB_RBP, 16, -2);
    expect(&tab, &image, 0x1013, EHTAB_RBP, 16, -2);
    expect(&tab, &image, 0x1014, EHTAB_RSP, 8, EHTAB_RBP_SAME);
    expect(&tab, &image, 0x1015, EHTAB_RBP, 16, -2);
    expect(&tab, &image, 0x103d, EHTAB_RSP, 8, -2);
    expect(&tab, &image, 0x105f, EHTAB_RSP, 8, -2);
    expect(&tab, &image, 0x1060, EHTAB_NONE, 0, 0);
    expect(&tab, &image, 0xffff, EHTAB_NONE, 0, 0);
    expect(&tab, &image, 1ull << 40, EHTAB_NONE, 0, 0);
    release(&tab);
}

/* DW_CFA_register of the return address: rdi as in vfork, any other register is
 * more than a row can say, and so is rdi with a frame pointer. */
static void return_address_in_a_register(void **state)
{
    static const uint8_t ops[] = {0x41, 0x0e, 0, 0x09, 16,   5,    0x48, 0x0e, 8,
                                  0x47, 0x90, 1, 0x41, 0x09, 16,   5,    0x0d, 6,
                                  0x41, 0x0d, 7, 0xd0, 0x41, 0x09, 16,   1};
    struct maker m;
    struct ehtab tab;
    start(&m);
    fde(&m, 0x1000, 0x20, ops, sizeof ops);
    struct ehtab_image image = finish(&m, &tab);
    expect(&tab, &image, 0x1000, EHTAB_RSP, 8, EHTAB_RBP_SAME);
    expect(&tab, &image, 0x1001, EHTAB_RDI, 0, EHTAB_RBP_SAME);
    expect(&tab, &image, 0x1008, EHTAB_RDI, 0, EHTAB_RBP_SAME);
    expect(&tab, &image, 0x1009, EHTAB_RDI, 8, EHTAB_RBP_SAME);
    expect(&tab, &image, 0x1010, EHTAB_RSP, 8, EHTAB_RBP_SAME);
    assert_int_equal(ehtab_find(&tab, &image, 0x1011, allocator, &scratch).kind, EHTAB_BAD);
    expect(&tab, &image, 0x1012, EHTAB_RSP, 8, EHTAB_RBP_SAME);
    assert_int_equal(ehtab_find(&tab, &image, 0x1013, allocator, &scratch).kind, EHTAB_BAD);
    release(&tab);
}

/* A function over three pages, and frames larger than any 16-bit field. */
static void across_pages(void **state)
{
    static const uint8_t ops[] = {0x04, 0, 0x10, 0, 0,    0x0e, 0x80, 0x80,
                                  0x80, 1, 0x03, 0, 0x10, 0x0e, 24};
    struct maker m;
    struct ehtab tab;
    start(&m);
    fde(&m, 0x3800, 0x2000, ops, sizeof ops);
    fde(&m, 0x5800, 0x10, NULL, 0);
    struct ehtab_image image = finish(&m, &tab);
    expect(&tab, &image, 0x4900, EHTAB_RSP, 1 << 21, EHTAB_RBP_SAME);
    expect(&tab, &image, 0x37ff, EHTAB_NONE, 0, 0);
    expect(&tab, &image, 0x3800, EHTAB_RSP, 8, EHTAB_RBP_SAME);
    expect(&tab, &image, 0x47ff, EHTAB_RSP, 8, EHTAB_RBP_SAME);
    expect(&tab, &image, 0x4800, EHTAB_RSP, 1 << 21, EHTAB_RBP_SAME);
    expect(&tab, &image, 0x57ff, EHTAB_RSP, 1 << 21, EHTAB_RBP_SAME);
    expect(&tab, &image, 0x5800, EHTAB_RSP, 8, EHTAB_RBP_SAME);
    expect(&tab, &image, 0x5810, EHTAB_NONE, 0, 0);
    release(&tab);
}

static void expressions(void **state)
{
    static const uint8_t plt[] = {0x0f, 11,   0x77, 8,    0x80, 0,   0x3f,
                                  0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22};
    static const uint8_t deref[] = {0x0f, 3, 0x76, 0x78, 0x06, 0x10, 6, 2, 0x76, 0};
    static const uint8_t other[] = {0x0f, 2, 0x77, 8, 0x41, 0x0c, 7, 8};
    static const uint8_t by_r10[] = {0x0c, 10, 0};
    static const uint8_t end[] = {0x07, 16};
    static const uint8_t lost[] = {0x07, 6};
    struct maker m;
    struct ehtab tab;
    start(&m);
    fde(&m, 0x1000, 0x10, plt, sizeof plt);
    fde(&m, 0x1010, 0x10, deref, sizeof deref);
    fde(&m, 0x1020, 0x10, other, sizeof other);
    fde(&m, 0x1030, 0x10, by_r10, sizeof by_r10);
    fde(&m, 0x1040, 0x10, end, sizeof end);
    fde(&m, 0x1050, 0x10, lost, sizeof lost);
    cie(&m, "zRS");
    fde(&m, 0x1060, 0x10, NULL, 0);
    struct ehtab_image image = finish(&m, &tab);
    expect(&tab, &image, 0x1000, EHTAB_PLT, 11, EHTAB_RBP_SAME);
    expect(&tab, &image, 0x1010, EHTAB_DEREF, -8, EHTAB_RBP_AT_BP);
    expect(&tab, &image, 0x1020, EHTAB_BAD, 0, 0);
    expect(&tab, &image, 0x1021, EHTAB_RSP, 8, EHTAB_RBP_SAME);
    expect(&tab, &image, 0x1030, EHTAB_BAD, 0, 0);
    expect(&tab, &image, 0x1040, EHTAB_END, 0, 0);
    expect(&tab, &image, 0x1050, EHTAB_RSP, 8, EHTAB_RBP_LOST);
    expect(&tab, &image, 0x1060, EHTAB_SIGNAL, 0, EHTAB_RBP_SAME);
    release(&tab);
}

static void header_of_another_form(void **state)
{
    struct maker m;
    struct ehtab tab;
    start(&m);
    fde(&m, 0x1000, 0x10, NULL, 0);
    struct ehtab_image image = finish(&m, &tab);
    release(&tab);
    m.bytes[3] = 0x1b;
    assert_true(ehtab_init(&tab, &image, HDR, 0x10000, allocator));
    expect(&tab, &image, 0x1000, EHTAB_NONE, 0, 0);
    release(&tab);
}

/* Every prefix, and every byte damaged: no read outside (ASan sees it), no hang. */
static void damaged(void **state)
{
    static const uint8_t ops[] = {0x41, 0x0e, 16,   0x86, 2, 0x0a, 0x43, 0x0d, 6,    0x0b,
                                  0x0f, 3,    0x76, 0x78, 6, 0x10, 6,    2,    0x76, 0};
    struct maker m;
    struct ehtab tab;
    start(&m);
    fde(&m, 0x1000, 0x60, ops, sizeof ops);
    fde(&m, 0x1060, 0x60, ops, sizeof ops);
    struct ehtab_image image = finish(&m, &tab);
    release(&tab);
    for (size_t n = 0; n <= m.n; n++) {
        uint8_t *copy = malloc(n ? n : 1);
        memcpy(copy, m.bytes, n);
        struct ehtab_image cut = {copy, HDR, n};
        assert_true(ehtab_init(&tab, &cut, HDR, 0x10000, allocator));
        for (uint32_t at = 0xff0; at < 0x10d0; at += 7)
            ehtab_find(&tab, &cut, at, allocator, &scratch);
        release(&tab);
        free(copy);
    }
    uint8_t *copy = malloc(m.n);
    image.bytes = copy;
    for (size_t i = 0; i < m.n; i++)
        for (int v = 0; v < 256; v += 5) {
            memcpy(copy, m.bytes, m.n);
            copy[i] = (uint8_t)v;
            assert_true(ehtab_init(&tab, &image, HDR, 0x10000, allocator));
            ehtab_find(&tab, &image, 0x1010, allocator, &scratch);
            release(&tab);
        }
    free(copy);
}

static void *no_memory(void *arg, size_t n)
{
    return NULL;
}

static void without_memory(void **state)
{
    struct maker m;
    struct ehtab tab;
    const struct ehtab_alloc none = {no_memory, NULL};
    start(&m);
    fde(&m, 0x1000, 0x10, NULL, 0);
    struct ehtab_image image = finish(&m, &tab);
    assert_int_equal(ehtab_find(&tab, &image, 0x1000, none, &scratch).kind, EHTAB_NONE);
    assert_int_equal(ehtab_find(&tab, &image, 0x1000, allocator, &scratch).kind, EHTAB_RSP);
    release(&tab);
    assert_false(ehtab_init(&tab, &image, HDR, 0x10000, none));
    assert_int_equal(ehtab_find(&tab, &image, 0x1000, allocator, &scratch).kind, EHTAB_NONE);
}

/* The section alone, as a file without .eh_frame_hdr has it; functions not in order. */
static void index_of_a_section(void **state)
{
    static const uint8_t large[] = {0x0e, 24};
    struct maker m;
    struct ehtab tab;
    start(&m);
    size_t first = m.cie;
    fde(&m, 0x5000, 0x20, large, sizeof large);
    fde(&m, 0x1000, 0x10, NULL, 0);
    cie(&m, "zRS");
    fde(&m, 0x1010, 0x10, NULL, 0);
    struct ehtab_image image, frames = {m.bytes + first, HDR + first, m.n - first};
    uint64_t hdr, n_bytes = ehtab_index_bytes(&frames);
    void *to = calloc(1, n_bytes);
    assert_true(ehtab_index(&frames, 0, to, &image, &hdr));
    assert_true(image.n_bytes <= n_bytes);
    assert_true(ehtab_init(&tab, &image, hdr, 0x10000, allocator));
    expect(&tab, &image, 0x0fff, EHTAB_NONE, 0, 0);
    expect(&tab, &image, 0x1000, EHTAB_RSP, 8, EHTAB_RBP_SAME);
    expect(&tab, &image, 0x1010, EHTAB_SIGNAL, 0, EHTAB_RBP_SAME);
    expect(&tab, &image, 0x5001, EHTAB_RSP, 24, EHTAB_RBP_SAME);
    expect(&tab, &image, 0x5020, EHTAB_NONE, 0, 0);
    release(&tab);
    free(to);
    for (size_t n = 0; n < frames.n_bytes; n++) { /* cut, and with each byte damaged */
        uint8_t *bytes = malloc(frames.n_bytes);
        memcpy(bytes, frames.bytes, frames.n_bytes);
        bytes[n] ^= 0xff;
        struct ehtab_image damaged = {bytes, frames.lo, n % 2 ? n : frames.n_bytes};
        to = calloc(1, ehtab_index_bytes(&damaged));
        ehtab_index(&damaged, 0, to, &image, &hdr);
        assert_true(image.n_bytes <= ehtab_index_bytes(&damaged));
        free(to);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_pointer_function), cmocka_unit_test(return_address_in_a_register),
        cmocka_unit_test(across_pages),           cmocka_unit_test(expressions),
        cmocka_unit_test(header_of_another_form), cmocka_unit_test(damaged),
        cmocka_unit_test(without_memory),         cmocka_unit_test(index_of_a_section),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
