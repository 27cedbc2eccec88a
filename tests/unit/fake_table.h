/* fake_table: a table of functions like that of Go 1.20 and later, made for a test.
 * Functions lie one after the other, 64 bytes each, from TABLE_TEXT on. */
#ifndef SONDE_TESTS_FAKE_TABLE_H
#define SONDE_TESTS_FAKE_TABLE_H

#include "sym/gopclntab.h"
#include "unit.h"

#include <string.h>

#define TABLE_TEXT 0x400000u
#define TABLE_FUNCTION_BYTES 64u

struct fake_function {
    const char *name;
    uint8_t id, flags;
    int frame;             /* bytes up to the return address; -1: not known */
    struct str args, live; /* data, or empty */
    int live_index;        /* of all of it; 0: none */
    const char *inlined;   /* what all of the second half is inlined from */
    uint8_t inlined_id;
};

struct fake_table {
    uint8_t bytes[16384], data[4096];
    struct gopclntab *table;
};

static uint64_t fake_pc(unsigned function, unsigned offset)
{
    return TABLE_TEXT + TABLE_FUNCTION_BYTES * function + offset;
}

static void fake_u32(uint8_t *at, uint64_t value)
{
    memcpy(at, &value, 4);
}

/* One value for a whole function, as tables of numbers hold it. */
static size_t fake_numbers(uint8_t *at, int value, unsigned n_bytes, int second, unsigned n_second)
{
    size_t n = 0;
    at[n++] = (uint8_t)(2 * (value + 1));
    at[n++] = (uint8_t)n_bytes;
    if (n_second) {
        int delta = second - value;
        at[n++] = (uint8_t)(delta < 0 ? -2 * delta - 1 : 2 * delta);
        at[n++] = (uint8_t)n_second;
    }
    at[n++] = 0;
    return n;
}

static void fake_table_init(struct fake_table *t, const struct fake_function *functions, unsigned n)
{
    enum { NAMES = 0x200, UNITS = 0xe00, FILES = 0xf00, NUMBERS = 0x1000, FUNCTIONS = 0x1800 };
    memset(t, 0, sizeof *t);
    uint8_t *b = t->bytes;
    const uint64_t header[] = {n, 1, 0, NAMES, UNITS, FILES, NUMBERS, FUNCTIONS};
    fake_u32(b, 0xfffffff1u);
    b[6] = 1;
    b[7] = 8;
    memcpy(b + 8, header, sizeof header);
    memcpy(b + FILES, "f.go", 5);
    size_t name = 1, numbers = 1, record = 8 * (n + 1), data = 0;
    for (unsigned i = 0; i < n; i++) {
        const struct fake_function *f = &functions[i];
        uint8_t *r = b + FUNCTIONS + record;
        fake_u32(b + FUNCTIONS + 8 * i, TABLE_FUNCTION_BYTES * i);
        fake_u32(b + FUNCTIONS + 8 * i + 4, record);
        fake_u32(r, TABLE_FUNCTION_BYTES * i);
        fake_u32(r + 4, name);
        strcpy((char *)b + NAMES + name, f->name);
        name += strlen(f->name) + 1;
        if (f->frame >= 0) {
            fake_u32(r + 16, numbers);
            numbers += fake_numbers(b + NUMBERS + numbers, f->frame, TABLE_FUNCTION_BYTES, 0, 0);
        }
        fake_u32(r + 20, numbers); /* the file: 0 */
        numbers += fake_numbers(b + NUMBERS + numbers, 0, TABLE_FUNCTION_BYTES, 0, 0);
        fake_u32(r + 24, numbers); /* the line: 10 + i */
        numbers += fake_numbers(b + NUMBERS + numbers, 10 + (int)i, TABLE_FUNCTION_BYTES, 0, 0);
        fake_u32(r + 28, 4); /* tables of numbers */
        fake_u32(r + 36, 100 + i);
        r[40] = f->id;
        r[41] = f->flags;
        r[43] = 7; /* data */
        if (f->inlined) {
            fake_u32(r + 44 + 8, numbers);
            numbers += fake_numbers(b + NUMBERS + numbers, -1, TABLE_FUNCTION_BYTES / 2, 0,
                                    TABLE_FUNCTION_BYTES / 2);
        }
        if (f->live_index) {
            fake_u32(r + 44 + 12, numbers);
            numbers +=
                fake_numbers(b + NUMBERS + numbers, f->live_index, TABLE_FUNCTION_BYTES, 0, 0);
        }
        for (unsigned k = 0; k < 7; k++)
            fake_u32(r + 60 + 4 * k, UINT32_MAX);
        if (f->inlined) {
            uint8_t *call = t->data + data;
            fake_u32(r + 60 + 4 * 3, data);
            call[0] = f->inlined_id;
            fake_u32(call + 4, name);
            fake_u32(call + 8, 4); /* inlined at the fifth byte */
            fake_u32(call + 12, 200 + i);
            strcpy((char *)b + NAMES + name, f->inlined);
            name += strlen(f->inlined) + 1;
            data += 16;
        }
        const struct str bytes[] = {f->args, f->live};
        for (unsigned k = 0; k < 2; k++) {
            if (!bytes[k].len)
                continue;
            fake_u32(r + 60 + 4 * (5 + k), data);
            memcpy(t->data + data, bytes[k].p, bytes[k].len);
            data += bytes[k].len;
        }
        record += 60 + 28;
    }
    fake_u32(b + FUNCTIONS + 8 * n, TABLE_FUNCTION_BYTES * n);
    t->table = gopclntab_new((struct str){(const char *)b, sizeof t->bytes}, TABLE_TEXT,
                             (struct str){(const char *)t->data, sizeof t->data}, NULL);
    assert_non_null(t->table);
}

static void fake_table_release(struct fake_table *t)
{
    gopclntab_free(t->table);
}

#endif
