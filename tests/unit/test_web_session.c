/* Moments: which are there, which are shown, which go. */
#include "ui/web_session.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct pprof_request request;
static char path[4096];
static struct err err;
static struct diag diag;

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* A session of n sources, all of them the same file. */
static struct web_session *begin(size_t n)
{
    static char *sources[3];
    const char *root = getenv("SONDE_SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/tests/data/odd/good.pb.gz", root ? root : ".");
    for (size_t i = 0; i < 3; i++)
        sources[i] = path;
    request = (struct pprof_request){.fetch = {.sources = sources, .n_sources = n}};
    struct profile *profile = fetch_profile(&request.fetch, &diag, &err);
    assert_non_null(profile);
    struct web_session *session = web_session_new(&request, profile, &diag, &err);
    assert_non_null(session);
    return session;
}

static unsigned read_again(struct web_session *session)
{
    return web_session_refresh(session, now_ns(), &diag, &err);
}

static void one_file(void **state)
{
    struct web_pins pins;
    (void)state;
    struct web_session *session = begin(1);
    assert_false(web_session_is_live(session));
    assert_true(web_session_pin(session, &pins, &err));
    assert_int_equal(pins.n, 1);
    assert_int_equal(pins.n_pages, 1);
    assert_string_equal(pins.moments[0].page.name, path);
    assert_ptr_equal(web_session_find(&pins, 0), &pins.moments[0]);
    assert_ptr_equal(web_session_find(&pins, 1), &pins.moments[0]);
    assert_null(web_session_find(&pins, 2));
    web_session_unpin(session, &pins);
    web_session_free(session);
}

/* Each is a moment; all of them together are shown, and not among those to be compared. */
static void several_files(void **state)
{
    struct web_pins pins;
    (void)state;
    struct web_session *session = begin(3);
    assert_true(web_session_pin(session, &pins, &err));
    assert_int_equal(pins.n, 4);
    assert_int_equal(pins.n_pages, 3);
    assert_true(pins.moments[0].is_part && !pins.moments[3].is_part);
    assert_int_equal(web_session_find(&pins, 0)->id, 4);
    web_session_unpin(session, &pins);
    web_session_free(session);
}

static void old_moments_go(void **state)
{
    struct web_pins pins, old;
    (void)state;
    struct web_session *session = begin(1);
    assert_true(web_session_hold(session, 1, true));
    assert_false(web_session_hold(session, 2, true));
    assert_int_equal(read_again(session), 2);
    assert_true(web_session_pin(session, &old, &err));
    const struct profile *second = old.moments[1].page.profile;
    uint32_t n_samples = second->n_samples;
    unsigned last = 0;
    for (int i = 0; i < 300; i++)
        last = read_again(session);
    assert_int_equal(last, 302);
    assert_true(web_session_pin(session, &pins, &err));
    assert_int_equal(pins.n, 256);
    assert_int_equal(pins.n_pages, 256);
    assert_int_equal(pins.moments[0].id, 1); /* held */
    assert_int_equal(pins.moments[1].id, 302 - 254);
    assert_int_equal(web_session_find(&pins, 0)->id, 302);
    assert_null(web_session_find(&pins, 2));
    web_session_unpin(session, &pins);
    /* who reads one that has gone reads on */
    assert_int_equal(second->n_samples, n_samples);
    web_session_unpin(session, &old);
    web_session_free(session);
}

static void one_reading_for_all_who_wait(void **state)
{
    (void)state;
    struct web_session *session = begin(1);
    uint64_t before = now_ns();
    assert_int_equal(read_again(session), 2);
    assert_int_equal(web_session_refresh(session, before, &diag, &err), 2);
    assert_int_equal(read_again(session), 3);
    /* a failure too is everybody's, and changes nothing */
    request.fetch.sources = (char *[]){(char *)"/no/such/file"};
    before = now_ns();
    assert_int_equal(read_again(session), 0);
    assert_int_equal(err.code, ERR_IO);
    err = (struct err){0};
    assert_int_equal(web_session_refresh(session, before, &diag, &err), 0);
    assert_int_equal(err.code, ERR_IO);
    web_session_free(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_file),
        cmocka_unit_test(several_files),
        cmocka_unit_test(old_moments_go),
        cmocka_unit_test(one_reading_for_all_who_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
