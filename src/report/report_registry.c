#include "report/report_run.h"

#include <string.h>

const struct report_ops *const report_registry[] = {
    &report_callgrind, &report_comments,
    &report_disasm,    &report_dot,
    &report_eog,       &report_evince,
    &report_firefox,   &report_flame,
    &report_html, &report_flameterm,
    &report_folded,    &report_gif,
    &report_gv,        &report_kcachegrind,
    &report_list,      &report_pdf,
    &report_peek,      &report_peekcsv,
    &report_peekjson,  &report_png,
    &report_proto,     &report_ps,
    &report_raw,       &report_speedscope,
    &report_svg,       &report_tags,
    &report_text,      &report_top,
    &report_topcsv,    &report_topjson,
    &report_topproto,  &report_traces,
    &report_tree,      &report_treecsv,
    &report_treejson,  &report_web,
    &report_weblist,   NULL,
};

const struct report_ops *report_find(const char *name)
{
    for (size_t i = 0; report_registry[i]; i++)
        if (!strcmp(report_registry[i]->name, name))
            return report_registry[i];
    return NULL;
}
