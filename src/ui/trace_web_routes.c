#include "ui/trace_web_site.h"

/* Go's own addresses; all pages are one HTML text. */
const struct web_route trace_web_routes[] = {
    {"/", WEB_GET, WEB_LIGHT, trace_web_page},
    {"/trace", WEB_GET, WEB_LIGHT, trace_web_page},
    {"/goroutines", WEB_GET, WEB_LIGHT, trace_web_page},
    {"/goroutine", WEB_GET, WEB_LIGHT, trace_web_page},
    {"/mmu", WEB_GET, WEB_LIGHT, trace_web_page},
    {"/gc", WEB_GET, WEB_LIGHT, trace_web_page},
    {"/latency", WEB_GET, WEB_LIGHT, trace_web_page},
    {"/usertasks", WEB_GET, WEB_LIGHT, trace_web_page},
    {"/usertask", WEB_GET, WEB_LIGHT, trace_web_page},
    {"/userregions", WEB_GET, WEB_LIGHT, trace_web_page},
    {"/userregion", WEB_GET, WEB_LIGHT, trace_web_page},
    {"/flame", WEB_GET, WEB_LIGHT, trace_web_page},
    {"/io", WEB_GET, WEB_LONG, trace_web_profile_page},
    {"/block", WEB_GET, WEB_LONG, trace_web_profile_page},
    {"/syscall", WEB_GET, WEB_LONG, trace_web_profile_page},
    {"/sched", WEB_GET, WEB_LONG, trace_web_profile_page},
    {"/cpu", WEB_GET, WEB_LONG, trace_web_profile_page},
    {"/regionio", WEB_GET, WEB_LONG, trace_web_profile_page},
    {"/regionblock", WEB_GET, WEB_LONG, trace_web_profile_page},
    {"/regionsyscall", WEB_GET, WEB_LONG, trace_web_profile_page},
    {"/regionsched", WEB_GET, WEB_LONG, trace_web_profile_page},
    {"/assets/*", WEB_GET, WEB_LIGHT, web_shell_asset},
    {"/data/meta", WEB_GET, WEB_LIGHT, trace_web_meta},
    {"/data/flame", WEB_GET, WEB_LONG, trace_web_flame},
    {"/data/mmu", WEB_GET, WEB_LONG, trace_web_data},
    {"/data/mmuworst", WEB_GET, WEB_LONG, trace_web_data},
    {"/data/latency", WEB_GET, WEB_LONG, trace_web_data},
    {"/data/*", WEB_GET, WEB_HEAVY, trace_web_data},
    {"/jsontrace", WEB_GET, WEB_LONG, trace_web_jsontrace},
    {"/raw/*", WEB_GET, WEB_LONG, trace_web_raw},
    {0},
};

void trace_web_page(struct web_call *call)
{
    web_shell_write(call->response, "trace", str_of(trace_web_site(call)->title),
                    "Without it, <code>sonde trace -summary</code> and <code>-pprof</code> tell "
                    "the same as text.");
}
