/* json_read: a JSON text, value by value, as encoding/json of Go takes it.
 *
 *   struct json_reader r = json_reader_of(data, len);
 *   json_enter(&r, JSON_OBJECT);
 *   while (json_next_key(&r, &key))
 *       if (!strcmp(buf_str(&key), "name"))
 *           json_read_string(&r, &text);
 *       else
 *           json_skip(&r);
 *   json_finish(&r, &err);
 *
 * The first thing that is wrong sticks: from then on nothing is read, every loop ends, and
 * json_finish tells of it with its line.
 * In: text of any bytes; what is no UTF-8 becomes U+FFFD.  Ownership: data is borrowed.
 * Threads: a reader belongs to one.  Signals: no. */
#ifndef SONDE_BASE_JSON_READ_H
#define SONDE_BASE_JSON_READ_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_reader {
    const char *begin, *p, *end;
    unsigned depth;    /* of what is entered */
    bool is_first;     /* nothing of the innermost has been read */
    const char *wrong; /* what is, at p; NULL: nothing yet */
};

struct json_reader json_reader_of(const void *data, size_t len);

/* What the next value is.  JSON_NULL also after something was wrong. */
enum json_kind json_peek(struct json_reader *r);

/* Go into the array or object that is next.  False, and wrong, when it is something else. */
bool json_enter(struct json_reader *r, enum json_kind kind);
/* Is there another item in the array that was entered last; its value is then next.  False: it
 * is left. */
bool json_next_item(struct json_reader *r);
/* The same for an object; the member's name replaces *key. */
bool json_next_key(struct json_reader *r, struct buf *key);

/* The next value; wrong when it is something else.  NULL values are JSON_NULL to json_peek and
 * are passed with json_skip. */
void json_read_bool(struct json_reader *r, bool *value);
void json_read_string(struct json_reader *r, struct buf *value); /* replaces it; may hold NULs */
/* As it stands there: what of JSON's numbers fits is the caller's matter. */
void json_read_number(struct json_reader *r, struct str *value);

/* Pass over the next value, whatever it is. */
void json_skip(struct json_reader *r);

/* Say that something is wrong where the reader is; `what` is a literal. */
void json_wrong(struct json_reader *r, const char *what);
void json_no_memory(struct json_reader *r);

/* After the outermost value: is that all?  False with ERR_INPUT, "line N: WHAT", or
 * ERR_NOMEM. */
bool json_finish(struct json_reader *r, struct err *err);

#endif
