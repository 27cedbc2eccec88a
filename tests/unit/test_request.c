#include "agent/request.h"
#include "unit.h"

#include <string.h>

static int parse(const char *text, struct request *r)
{
    static char bytes[40000];
    size_t n = strlen(text);
    memcpy(bytes, text, n + 1);
    return request_parse(bytes, n, r);
}

static void test_parts(void **state)
{
    struct request r;
    assert_int_equal(
        parse("GET /a%2fb%20c?x=1&y HTTP/1.1\r\nhost: \t h:1 \r\nContent-Length: 7\r\n\r\n", &r),
        REQUEST_COMPLETE);
    assert_int_equal(r.method, REQUEST_GET);
    assert_string_equal(r.path, "/a/b c");
    assert_string_equal(r.query, "x=1&y");
    assert_string_equal(r.host, "h:1");
    assert_int_equal(r.n_body, 7);
    assert_int_equal(parse("POST http://h/p HTTP/1.0\n\n", &r), REQUEST_COMPLETE);
    assert_int_equal(r.method, REQUEST_POST);
    assert_string_equal(r.path, "/p");
    assert_string_equal(r.query, "");
    assert_null(r.host);
    assert_int_equal(parse("HEAD / HTTP/1.0\n\n", &r), REQUEST_COMPLETE);
    assert_int_equal(r.method, REQUEST_OTHER);
}

static void test_incomplete(void **state)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    char part[sizeof text];
    struct request r;
    for (size_t n = 0; n < sizeof text - 1; n++) {
        memcpy(part, text, n);
        part[n] = '\0';
        assert_int_equal(parse(part, &r), 0);
    }
    assert_int_equal(parse(text, &r), REQUEST_COMPLETE);
}

static void test_params(void **state)
{
    static const char query[] =
        "a=1&debug=%32&&b&seconds=x+y%2B&long=0123456789&bad=%g0&c=1;d=2&a=3";
    static const struct {
        const char *key, *value;
    } cases[] = {{"a", "1"},  {"debug", "2"}, {"b", ""},    {"seconds", "x y+"}, {"long", ""},
                 {"bad", ""}, {"c", ""},      {"none", ""}, {"seconds=x+y", ""}};
    char value[8];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        request_param(query, cases[i].key, value, sizeof value);
        assert_string_equal(value, cases[i].value);
    }
}

static void test_numbers(void **state)
{
    int64_t n = 0;
    assert_true(request_number("-17", &n) && n == -17);
    assert_true(request_number("+0", &n) && n == 0);
    assert_true(request_number("9000000000000000000", &n) && n == 9000000000000000000);
    static const char *const bad[] = {"", "-", "1.5", " 1", "0x1", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(request_number(bad[i], &n));
}

static void test_hosts(void **state)
{
    static const char *const local[] = {"localhost",    "LOCALHOST:1", "a.localhost.",
                                        "127.0.0.1:80", "[::1]",       "[fe80::1]:6060",
                                        "192.0.2.1"};
    static const char *const others[] = {"",           "example.com",   "localhost.com",
                                         "xlocalhost", "127.0.0.1.com", "[::1].com",
                                         "[::1",       "localhost:x",   "1.2.3"};
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        assert_true(request_host_is_local(local[i]));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(request_host_is_local(others[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),  cmocka_unit_test(test_incomplete),
        cmocka_unit_test(test_params), cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
