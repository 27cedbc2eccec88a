#include "ui/web_guard.h"
#include "unit.h"

#include <string.h>
#include <unistd.h>

static struct web_address address;
static struct err err;

static bool parse(const char *text)
{
    err = (struct err){0};
    return web_address_parse(&address, text, &err);
}

static void addresses(void **state)
{
    static const struct {
        const char *text, *host;
        unsigned port;
    } good[] = {
        {":", "localhost", 0},        {":0", "localhost", 0},
        {":8080", "localhost", 8080}, {"localhost:", "localhost", 0},
        {"[::1]:80", "::1", 80},      {"10.0.0.1:65535", "10.0.0.1", 65535},
    };
    static const char *const bad[] = {"",    "8080", "host", "[::1]",  "::1",    "a:b", ":65536",
                                      ":-1", ":1 ",  ":0x1", "[::1:1", "[a]b:1", "::",  "a:1:2"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(parse(good[i].text));
        assert_string_equal(address.host, good[i].host);
        assert_int_equal(address.port, good[i].port);
        assert_int_equal(address.fd, -1);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(parse(bad[i]));
        assert_int_equal(err.code, ERR_USAGE);
    }
    char longest[400];
    memset(longest, 'a', sizeof longest);
    memcpy(longest + sizeof longest - 4, ":80", 4);
    assert_false(parse(longest));
}

static void listens_at_a_free_port(void **state)
{
    AUTO_BUF url = {0};
    struct web_address other;
    (void)state;
    assert_true(parse("127.0.0.1:0"));
    assert_true(web_address_listen(&address, &err));
    assert_true(address.port > 0 && address.is_loopback && !address.is_any);
    other = address;
    other.fd = -1;
    assert_false(web_address_listen(&other, &err));
    assert_int_equal(err.code, ERR_IO);
    close(address.fd);
    address.port = 80;
    strcpy(address.host, "::1");
    web_address_url(&address, &url);
    assert_string_equal(buf_str(&url), "http://[::1]:80");
}

static void hosts(void **state)
{
    (void)state;
    address = (struct web_address){.host = "localhost", .port = 80, .is_loopback = true};
    assert_true(web_address_allows(&address, "localhost"));
    assert_true(web_address_allows(&address, "LocalHost:9999"));
    assert_true(web_address_allows(&address, "127.0.0.1:80"));
    assert_true(web_address_allows(&address, "[::1]:80"));
    assert_false(web_address_allows(&address, ""));
    assert_false(web_address_allows(&address, ":80"));
    assert_false(web_address_allows(&address, "localhost.evil.example"));
    assert_false(web_address_allows(&address, "evil.example:80"));
    assert_false(web_address_allows(&address, "10.0.0.1"));
    assert_false(web_address_allows(&address, "localhost:80:80"));
    address = (struct web_address){.host = "0.0.0.0", .is_any = true};
    assert_true(web_address_allows(&address, "10.0.0.1:80"));
    assert_true(web_address_allows(&address, "[fe80::1]:80"));
    assert_false(web_address_allows(&address, "evil.example"));
    assert_false(web_address_allows(&address, "10.0.0.1.evil.example"));
}

static unsigned ask(struct web_origin from)
{
    const char *why = NULL;
    address = (struct web_address){.host = "localhost", .port = 80, .is_loopback = true};
    unsigned status = web_guard_check(&address, &from, "0123456789abcdef", &why);
    assert_int_equal(status != 0, why != NULL);
    return status;
}

static void requests(void **state)
{
    static const char token[] = "0123456789abcdef", host[] = "localhost:80";
    (void)state;
    assert_int_equal(ask((struct web_origin){.method = "GET"}), 400);
    assert_int_equal(ask((struct web_origin){.method = "GET", .host = "evil.example"}), 403);
    assert_int_equal(ask((struct web_origin){.method = "GET", .host = host}), 0);
    assert_int_equal(
        ask((struct web_origin){.method = "HEAD", .host = host, .fetch_site = "cross-site"}), 0);
    static const struct {
        const char *site, *mode;
        unsigned status;
    } loads[] = {
        {"cross-site", "navigate", 0},  {"same-site", "navigate", 0}, {"none", "navigate", 0},
        {"cross-site", "no-cors", 403}, {"cross-site", "cors", 403},  {"same-site", "no-cors", 403},
        {"same-origin", "no-cors", 0},  {"same-origin", "cors", 0},
    };
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++)
        assert_int_equal(ask((struct web_origin){.method = "GET",
                                                 .host = host,
                                                 .fetch_site = loads[i].site,
                                                 .fetch_mode = loads[i].mode}),
                         loads[i].status);
    assert_int_equal(ask((struct web_origin){.method = "PUT", .host = host, .token = token}), 405);
    assert_int_equal(ask((struct web_origin){.method = "POST", .host = host}), 403);
    assert_int_equal(ask((struct web_origin){.method = "POST", .host = host, .token = token}), 0);
    assert_int_equal(ask((struct web_origin){.method = "DELETE", .host = host, .token = "0"}), 403);
    assert_int_equal(
        ask((struct web_origin){
            .method = "POST", .host = host, .token = token, .origin = "http://localhost:80"}),
        0);
    assert_int_equal(
        ask((struct web_origin){.method = "POST", .host = host, .token = token, .origin = "null"}),
        403);
    assert_int_equal(
        ask((struct web_origin){
            .method = "POST", .host = host, .token = token, .origin = "ftp://localhost:80"}),
        403);
    assert_int_equal(ask((struct web_origin){.method = "POST",
                                             .host = host,
                                             .token = token,
                                             .origin = "https://page.example",
                                             .fetch_site = "same-origin"}),
                     0);
    assert_int_equal(
        ask((struct web_origin){
            .method = "POST", .host = host, .token = token, .fetch_site = "same-site"}),
        403);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(listens_at_a_free_port),
        cmocka_unit_test(hosts),
        cmocka_unit_test(requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
