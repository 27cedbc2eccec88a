#include "ui/graphviz.h"

#include "render/picture_svg.h"
#include "report/report_run.h"
#include "ui/filter.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The program that one of the entries TOOL:PATH,... is about; false if none is. */
static bool find_dot(const char *tools, char program[PATH_MAX])
{
    for (const char *entry = tools; entry && *entry;) {
        size_t len = strcspn(entry, ",");
        bool is_dot = len >= 3 && !strncmp(entry, "dot", 3) && (len == 3 || entry[3] == ':');
        if (is_dot) {
            struct stat st;
            snprintf(program, PATH_MAX, "%.*s", len > 4 ? (int)len - 4 : 0,
                     entry + (len > 4 ? 4 : 3));
            size_t n = strlen(program);
            if (n && n < PATH_MAX - 5 && stat(program, &st) == 0 && S_ISDIR(st.st_mode))
                strcpy(program + n, "/dot");
            else if (!n)
                strcpy(program, "dot");
            return true;
        }
        entry += len + (entry[len] == ',');
    }
    return false;
}

static bool draw(const struct report_ops *report, char *program, const struct buf *dot,
                 struct buf *out, struct err *err)
{
    char format[16];
    snprintf(format, sizeof format, "-T%s", report->graphviz);
    char *const argv[] = {program, format, NULL};
    struct err why = {0};
    if (dot->failed)
        return err_nomem(err);
    AUTO_BUF drawn = {0};
    if (filter_run(argv, dot, &drawn, &why)) {
        if (!strcmp(report->graphviz, "svg"))
            picture_svg_adopt(out, (struct str){buf_str(&drawn), drawn.len});
        else
            buf_add(out, buf_str(&drawn), drawn.len);
        return drawn.len || err_set(err, ERR_IO, "%s drew nothing", program);
    }
    if (why.sys_errno == ENOENT)
        return err_set(err, ERR_UNSUPPORTED,
                       "%s is not there, which draws %s pictures (package graphviz)", program,
                       report->graphviz);
    if (err)
        *err = why;
    return false;
}

bool graphviz_report(const struct report_ops *report, const struct report_ctx *ctx,
                     const char *tools, struct buf *out, struct err *err)
{
    char program[PATH_MAX] = "dot";
    bool asked = report->graphviz && find_dot(tools ? tools : getenv("PPROF_TOOLS"), program);
    if (!asked && !(report->flags & REPORT_NEEDS_GRAPHVIZ))
        return report->write(ctx, out, err);
    AUTO_BUF dot = {0};
    return report_dot.write(ctx, &dot, err) && draw(report, program, &dot, out, err);
}
