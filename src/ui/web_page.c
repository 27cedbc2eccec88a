/* web_page: the page itself: one HTML text for all views. */
#include "page/page.h"
#include "ui/web_routes.h"

void web_page_shell(struct web_call *call)
{
    if (!page_find(call->name))
        web_response_text(call->response, 404, "there is no such page");
    else
        web_shell_write(call->response, "app", str_of(web_site(call)->title),
                        "Without it, <code>sonde pprof</code> makes the same reports as text and "
                        "pictures.");
}
