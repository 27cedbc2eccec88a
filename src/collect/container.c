#include "collect/container.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define ID_DIGITS 64
#define SHORT_DIGITS 12

static bool is_id(const char *p, const char *end)
{
    if (end - p < ID_DIGITS || (end - p > ID_DIGITS && isalnum((unsigned char)p[ID_DIGITS])))
        return false;
    for (int i = 0; i < ID_DIGITS; i++)
        if (!isxdigit((unsigned char)p[i]))
            return false;
    return true;
}

/* What follows `prefix` up to the next slash. */
static bool name_after(struct str text, const char *prefix, char id[CONTAINER_ID_BYTES])
{
    const char *p = memmem(text.p, text.len, prefix, strlen(prefix));
    if (!p)
        return false;
    p += strlen(prefix);
    size_t n = 0, left = (size_t)(text.p + text.len - p);
    while (n < left && p[n] != '/' && p[n] != '\n')
        n++;
    snprintf(id, CONTAINER_ID_BYTES, "%.*s", (int)n, p);
    return n > 0;
}

bool container_find(struct str cgroup, char id[CONTAINER_ID_BYTES])
{
    const char *end = cgroup.p + cgroup.len, *found = NULL;
    for (const char *p = cgroup.p; p < end; p++)
        if ((p == cgroup.p || !isalnum((unsigned char)p[-1])) && is_id(p, end))
            found = p; /* the innermost */
    if (found) {
        snprintf(id, CONTAINER_ID_BYTES, "%.*s", ID_DIGITS, found);
        return true;
    }
    return name_after(cgroup, "/lxc.payload.", id) || name_after(cgroup, "/lxc/", id);
}

uint32_t container_labels(struct gather *gather, const struct proc *proc)
{
    AUTO_BUF text = {0}, labels = {0};
    char id[CONTAINER_ID_BYTES];
    if (!proc_text(proc, "cgroup", &text, NULL) || !text.len ||
        !container_find((struct str){text.data, text.len}, id))
        return 0;
    bool is_long = strlen(id) == ID_DIGITS;
    buf_printf(&labels, "container%c%.*s%ccontainer_id%c%s%c", 0,
               is_long ? SHORT_DIGITS : (int)strlen(id), id, 0, 0, id, 0);
    return labels.failed ? 0 : gather_labels(gather, (struct str){labels.data, labels.len});
}
