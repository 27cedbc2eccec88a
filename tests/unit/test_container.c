/* Control groups as container runtimes name them. */
#include "collect/container.h"
#include "unit.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static void expect(const char *cgroup, const char *expected)
{
    char id[CONTAINER_ID_BYTES] = "";
    assert_int_equal(container_find(str_of(cgroup), id), expected != NULL);
    if (expected)
        assert_string_equal(id, expected);
}

static void ids_of_runtimes(void **state)
{
    expect("0::/docker/" ID "\n", ID);
    expect("0::/system.slice/docker-" ID ".scope\n", ID);
    expect("12:cpu:/kubepods/burstable/pod1234-56/" ID "\n11:memory:/\n", ID);
    expect("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-" ID ".scope\n", ID);
    expect("0::/machine.slice/libpod-" ID ".scope/container\n", ID);
    expect("0::/docker/" ID "/docker/" OTHER "\n", OTHER);
}

static void names_of_lxc(void **state)
{
    expect("0::/lxc.payload.web/init.scope\n", "web");
    expect("4:cpu:/lxc/web\n", "web");
}

static void no_container(void **state)
{
    expect("0::/user.slice/user-1000.slice/session-2.scope\n", NULL);
    expect("0::/\n", NULL);
    expect("", NULL);
    expect("0::/" ID "0\n", NULL); /* too long */
    expect("0::/0123456789abcdef\n", NULL);
    expect("0::/lxc/\n", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_of_runtimes),
        cmocka_unit_test(names_of_lxc),
        cmocka_unit_test(no_container),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
