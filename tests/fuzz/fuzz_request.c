/* What a client of libsonde's server sends: the head of a request, and its parts. */
#include "agent/request.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Within the bytes, with its NUL. */
static void check_text(const char *text, const char *bytes, size_t n)
{
    if (text && *text && (text < bytes || text + strlen(text) >= bytes + n))
        abort();
}

static void use(const struct request *r, const char *bytes)
{
    char value[40];
    int64_t number;
    if (r->n_head > REQUEST_HEAD_MAX || r->n_body > REQUEST_BODY_MAX || r->path[0] != '/')
        abort();
    check_text(r->path, bytes, r->n_head);
    check_text(r->query, bytes, r->n_head);
    check_text(r->host, bytes, r->n_head);
    for (const char *const *key = (const char *const[]){"seconds", "debug", "gc", "", NULL}; *key;
         key++) {
        request_param(r->query, *key, value, sizeof value);
        if (strlen(value) >= sizeof value)
            abort();
        if (request_number(value, &number) && number > INT64_MAX / 2 + INT64_MAX / 4 * 2)
            abort();
    }
    if (r->host)
        request_host_is_local(r->host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* As it comes: a part, then all; nothing is changed before it is complete. */
    for (size_t n = size / 2;; n = size) {
        char *bytes = malloc(n ? n : 1);
        struct request r;
        if (!bytes)
            abort();
        memcpy(bytes, data, n);
        int status = request_parse(bytes, n, &r);
        if (status == 0 && memcmp(bytes, data, n) != 0)
            abort();
        if (status == REQUEST_COMPLETE)
            use(&r, bytes);
        free(bytes);
        if (n == size)
            return 0;
    }
}
