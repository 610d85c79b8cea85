/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/server/admin/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct address address_of(const char *text)
{
    struct address address;
    assert_int_equal(address_parse_host_port(slice_of(text), &address, NULL), RESULT_OK);
    return address;
}

static void test_a_page_on_loopback_goes_by_loopbacks_names_alone(void **state)
{
    static const char *const ours[] = {"127.0.0.1", "127.0.0.1:9481", "127.9.9.9:1", "localhost", "LOCALHOST:9481", "localhost.", "[::1]", "[::1]:9481", " localhost "};
    static const char *const others[] = {"evil.example", "evil.example:9481", "127.0.0.1.evil.example", "localhost.evil.example:9481", "10.0.0.1", "[fd00::1]:1", "", "[", "]",
                                         ":", "127.0.0.1@evil.example", "0.0.0.0", "[::1].evil.example.", "localhost:80.evil.example"};
    struct address v4 = address_of("127.0.0.1:9481"), v6 = address_of("[::1]:9481");
    (void)state;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        if (!host_is_ours(ours[i], &v4) || !host_is_ours(ours[i], &v6))
            fail_msg("%s is not taken", ours[i]);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (host_is_ours(others[i], &v4) || host_is_ours(others[i], &v6))
            fail_msg("%s is taken", others[i]);
    }
    assert_true(host_is_ours(NULL, &v4));
}

static void test_a_page_that_is_open_on_purpose_goes_by_any_name(void **state)
{
    struct address open = address_of("0.0.0.0:9481");
    (void)state;
    assert_true(host_is_ours("harrier.monitoring.svc:9481", &open));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_page_on_loopback_goes_by_loopbacks_names_alone),
        cmocka_unit_test(test_a_page_that_is_open_on_purpose_goes_by_any_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
