/* The query of a URL: what is taken goes into a URL again, and means the same there. */
#include "ui/percent.h"
#include "ui/web_query.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void describe(const struct report_options *options, struct buf *out)
{
    for (const struct option_def *def = option_defs; def->name; def++) {
        if (def->param && !def->is_transient)
            web_query_value(options, def, out);
        buf_putc(out, '\n');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA arena = {0};
    AUTO_BUF url = {0}, one = {0}, two = {0}, again = {0};
    struct web_query query, other;
    struct report_options options, back;
    struct err err = {0};
    char *text = malloc(size + 1);
    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    arena_init(&arena);
    report_options_init(&options);
    report_options_init(&back);
    bool ok =
        web_query_parse(&query, text, &arena, &err) && web_query_options(&query, &options, &err);
    if (ok == (err.code != ERR_NONE))
        abort();
    if (ok) {
        web_query_with(&query, text, &options, &url);
        if (!web_query_parse(&other, buf_str(&url), &arena, &err) ||
            !web_query_options(&other, &back, &err))
            abort();
        describe(&options, &one);
        describe(&back, &two);
        if (strcmp(buf_str(&one), buf_str(&two)) != 0)
            abort();
        if (web_query_with(&other, buf_str(&url), &options, &again) ||
            strcmp(buf_str(&again), buf_str(&url)) != 0)
            abort();
    }
    free(text);
    return 0;
}
