/* json: JSON onto a buffer.
 *
 *   struct json j = {.out = out};
 *   json_open(&j, '{');
 *   json_key(&j, "names");
 *   json_open(&j, '[');
 *   json_string(&j, name);
 *   json_close(&j, ']');
 *   json_close(&j, '}');
 *
 * Commas are put in as needed; that what is opened is closed is the caller's care.
 * In: text of any bytes.  Out: valid UTF-8, what was not is U+FFFD.
 * Failure: the buffer's (sticky).  Threads: one at a time.  Signals: no. */
#ifndef SONDE_RENDER_JSON_H
#define SONDE_RENDER_JSON_H

#include "base/buf.h"
#include "base/str.h"

struct json {
    struct buf *out;
    bool in_html; /* may stand in a <script>: '<' is written as \u003c */
    bool comma;   /* the next value needs one before it */
};

/* '{' or '[', and the end of it. */
void json_open(struct json *j, char bracket);
void json_close(struct json *j, char bracket);
/* A member's name, of ASCII that needs no escapes. */
void json_key(struct json *j, const char *key);
/* The same, of any text. */
void json_text_key(struct json *j, struct str key);

void json_string(struct json *j, struct str text);
void json_int(struct json *j, int64_t v);
/* v / 10^decimals. */
void json_decimal(struct json *j, int64_t v, unsigned decimals);
/* With as many digits as make it the same number again; what is none is 0. */
void json_double(struct json *j, double v);
void json_bool(struct json *j, bool v);
void json_null(struct json *j);
/* A line break before the next value, for people who look at the file. */
void json_break(struct json *j);

/* A member whose value is a text, a number, yes or no. */
void json_member(struct json *j, const char *key, struct str text);
void json_member_int(struct json *j, const char *key, int64_t v);
void json_member_double(struct json *j, const char *key, double v);
void json_member_bool(struct json *j, const char *key, bool v);

#endif
