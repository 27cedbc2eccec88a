#include "ui/web_routes.h"

const struct web_route web_routes[] = {
    {"/", WEB_GET, WEB_LIGHT, NULL, "ui/", 307},
    {"/ui", WEB_GET, WEB_LIGHT, NULL, "ui/", 307},
    {"/ui/", WEB_GET, WEB_LIGHT, NULL, "flamegraph", 301},
    {"/ui/flamegraph2", WEB_GET, WEB_LIGHT, NULL, "flamegraph", 301},
    {"/ui/flamegraphold", WEB_GET, WEB_LIGHT, NULL, "flamegraph", 301},
    {"/ui/assets/*", WEB_GET, WEB_LIGHT, web_shell_asset},
    {"/ui/data/profile", WEB_GET, WEB_HEAVY, web_data_meta},
    {"/ui/data/*", WEB_GET, WEB_HEAVY, web_data_view},
    {"/ui/download", WEB_GET, WEB_HEAVY, web_download_profile},
    {"/ui/download/*", WEB_GET, WEB_HEAVY, web_download_report},
    {"/ui/saveconfig", WEB_CHANGE, WEB_HEAVY, web_config_save},
    {"/ui/deleteconfig", WEB_CHANGE, WEB_HEAVY, web_config_delete},
    {"/ui/refresh", WEB_CHANGE, WEB_LONG, web_data_refresh},
    {"/ui/hold", WEB_CHANGE, WEB_LIGHT, web_data_hold},
    {"/ui/*", WEB_GET, WEB_LIGHT, web_page_shell},
    {0},
};
