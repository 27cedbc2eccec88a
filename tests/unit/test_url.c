/* Expected values: those of go tool pprof's adjustURL and of symbolz. */
#include "ui/url.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void check(const char *source, int seconds, int timeout, const char *text, int timeout_s)
{
    struct url url;
    bool is_url = url_of_source(&url, source, seconds, timeout);
    assert_int_equal(is_url, text != NULL);
    if (text) {
        assert_string_equal(buf_str(&url.text), text);
        assert_int_equal(url.timeout_seconds, timeout_s);
        assert_int_equal(url.socket.len, 0);
    }
    url_release(&url);
}

static void sources(void **state)
{
    check("http://localhost:6060/debug/pprof/heap", 0, 0, "http://localhost:6060/debug/pprof/heap",
          60);
    check("localhost:6060/debug/pprof/heap", 0, 0, "http://localhost:6060/debug/pprof/heap", 60);
    check("127.0.0.1:8080", 5, 0, "http://127.0.0.1:8080/debug/pprof/profile?seconds=5", 7);
    check("https://h/", 0, -1, "https://h/debug/pprof/profile", 60);
    check("https+insecure://h:1/x?seconds=10&gc=1", 0, 0, "https+insecure://h:1/x?gc=1&seconds=10",
          15);
    check("http://h/x?seconds=10", 20, 100, "http://h/x?seconds=20", 100);
    check("http://h/x?b=1%2F2&a=x+y&bad=%zz&c;d", 0, 0, "http://h/x?a=x+y&b=1%2F2", 60);
    check("http://user:pw@h/x#part", 0, 0, "http://user:pw@h/x", 60);
    check("http://[::1]:80/x", 0, 0, "http://[::1]:80/x", 60);
}

static void no_urls(void **state)
{
    check("profile.pb.gz", 0, 0, NULL, 0);
    check("dir/host:80", 0, 0, NULL, 0);
    check("file:/tmp/x", 0, 0, NULL, 0);
    check("http://", 0, 0, NULL, 0);
    check("http://:80/", 0, 0, NULL, 0);
    check("host:port/x", 0, 0, NULL, 0);
    check("http://h/a b", 0, 0, NULL, 0);
    check("", 0, 0, NULL, 0);
    check("unix:/nowhere/x.sock/debug", 0, 0, NULL, 0);
}

static void sockets(void **state)
{
    char dir[] = "/tmp/sonde-url-XXXXXX", path[64], source[128];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/s", dir);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    memcpy(to.sun_path, path, strlen(path));
    assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof to), 0);
    snprintf(source, sizeof source, "unix:%s/debug/pprof/heap?gc=1", path);
    struct url url;
    assert_true(url_of_source(&url, source, 0, 0));
    assert_string_equal(buf_str(&url.text), "http://localhost/debug/pprof/heap?gc=1");
    assert_string_equal(buf_str(&url.socket), path);
    url_release(&url);
    close(fd);
    unlink(path);
    rmdir(dir);
}

static void symbols(void **state)
{
    static const char *const cases[][2] = {
        {"http://h:1/debug/pprof/heap?gc=1", "http://h:1/debug/pprof/symbol"},
        {"http://h/pprof/heap", "http://h/pprof/symbol"},
        {"http://h/profilez", "http://h/symbolz"},
        {"http://h/a/profilez/", "http://h/a/symbolz"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_BUF out = {0};
        assert_true(url_of_symbols(cases[i][0], &out));
        assert_string_equal(buf_str(&out), cases[i][1]);
    }
    AUTO_BUF out = {0};
    assert_false(url_of_symbols("/tmp/x", &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources),
        cmocka_unit_test(no_urls),
        cmocka_unit_test(sockets),
        cmocka_unit_test(symbols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
