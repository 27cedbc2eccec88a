#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void diag_init(struct diag *diag)
{
    *diag = (struct diag){0};
}

void diag_release(struct diag *diag)
{
    for (size_t i = 0; i < diag->n; i++)
        free(diag->texts[i]);
    diag_init(diag);
}

void diag_add(struct diag *diag, const char *fmt, ...)
{
    if (!diag)
        return;
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int len = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (len < 0) {
        diag->n_suppressed++;
        return;
    }
    for (size_t i = 0; i < diag->n; i++)
        if (strcmp(diag->texts[i], text) == 0) {
            free(text);
            return;
        }
    if (diag->n == DIAG_MAX) {
        diag->n_suppressed++;
        free(text);
        return;
    }
    diag->texts[diag->n++] = text;
}
