/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harrier/base/address.h"
#include "harrier/base/budget.h"

static void test_addresses_read_and_print_the_same(void **state)
{
    static const char *const texts[] = {"127.0.0.1:9480", "[::1]:9480", "[2001:db8::5]:1", "0.0.0.0:65535"};
    char text[ADDRESS_TEXT_SIZE];
    struct address address;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(address_parse_host_port(slice_of(texts[i]), &address, NULL), RESULT_OK);
        assert_string_equal(address_format(&address, text), texts[i]);
    }
    assert_int_equal(address_parse_host_port(SLICE("localhost:1"), &address, NULL), RESULT_OK);
    assert_string_equal(address_format(&address, text), "127.0.0.1:1");
    assert_true(address_parse_host(SLICE("fd00::7"), &address));
    assert_string_equal(address_format(&address, text), "fd00::7");
}

static void test_what_is_no_address_is_refused_with_a_reason(void **state)
{
    static const char *const texts[] = {"",
                                        ":",
                                        ":80",
                                        "127.0.0.1",
                                        "127.0.0.1:",
                                        "127.0.0.1:x",
                                        "127.0.0.1:-1",
                                        "127.0.0.1:65536",
                                        "::1:80",
                                        "[127.0.0.1]:80",
                                        "[::1:80",
                                        "[]:80",
                                        "example.org:80",
                                        "127.1:80",
                                        "127.0.0.1 :80"};
    struct address address;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *problem = NULL;
        if (address_parse_host_port(slice_of(texts[i]), &address, &problem) == RESULT_OK)
            fail_msg("accepted: %s", texts[i]);
        assert_non_null(problem);
    }
    assert_int_equal(address_parse_host_port(slice_make("127.0.0.1\0:80", 13), &address, NULL), RESULT_INVALID);
}

static bool is_loopback(const char *text)
{
    struct address address;
    assert_true(address_parse_host(slice_of(text), &address));
    return address_is_loopback(&address);
}

static void test_loopback_is_told_in_both_families(void **state)
{
    (void)state;
    assert_true(is_loopback("127.0.0.1"));
    assert_true(is_loopback("127.255.0.9"));
    assert_true(is_loopback("::1"));
    assert_true(is_loopback("::ffff:127.0.0.1"));
    assert_false(is_loopback("0.0.0.0"));
    assert_false(is_loopback("128.0.0.1"));
    assert_false(is_loopback("::"));
    assert_false(is_loopback("::2"));
    assert_false(is_loopback("::ffff:10.0.0.1"));
}

static bool is_in(const char *host, const char *network_text)
{
    struct address address;
    struct address_network network;
    assert_true(address_parse_host(slice_of(host), &address));
    assert_true(address_network_parse(slice_of(network_text), &network));
    return address_in_network(&address, &network);
}

static void test_networks_hold_their_hosts_and_no_others(void **state)
{
    struct address_network network;
    (void)state;
    assert_true(is_in("10.255.255.255", "10.0.0.0/8"));
    assert_false(is_in("11.0.0.0", "10.0.0.0/8"));
    assert_true(is_in("192.168.1.129", "192.168.1.128/25"));
    assert_false(is_in("192.168.1.127", "192.168.1.128/25"));
    assert_true(is_in("::ffff:10.1.1.1", "10.0.0.0/8"));
    assert_true(is_in("1.2.3.4", "1.2.3.4"));
    assert_false(is_in("1.2.3.5", "1.2.3.4"));
    assert_true(is_in("1.2.3.5", "0.0.0.0/0"));
    assert_true(is_in("fd12::1", "fd00::/8"));
    assert_false(is_in("fe00::1", "fd00::/8"));
    assert_true(is_in("fe00::1", "::/0"));
    static const char *const wrong[] = {"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "fd00::/129", "x/8", ""};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(address_network_parse(slice_of(wrong[i]), &network));
}

static void test_an_ipv4_peer_of_an_ipv6_socket_has_its_ipv4_address(void **state)
{
    static const struct {
        const char *told, *meant;
    } rows[] = {{"[::ffff:192.0.2.7]:4711", "192.0.2.7:4711"}, {"[::ffff:127.0.0.1]:1", "127.0.0.1:1"}, {"[2001:db8::1]:9", "[2001:db8::1]:9"},
                {"[::1]:9", "[::1]:9"}, {"[::192.0.2.7]:9", "[::192.0.2.7]:9"}, {"192.0.2.7:80", "192.0.2.7:80"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct address address;
        char text[ADDRESS_TEXT_SIZE];
        assert_int_equal(address_parse_host_port(slice_of(rows[i].told), &address, NULL), RESULT_OK);
        uint16_t port = address_port(&address);
        address_unmap_ipv4(&address);
        assert_string_equal(address_format(&address, text), rows[i].meant);
        assert_int_equal(address_port(&address), port);
        assert_false(address_is_ipv6_wildcard(&address));
    }
    struct address any;
    assert_int_equal(address_parse_host_port(SLICE("[::]:1"), &any, NULL), RESULT_OK);
    assert_true(address_is_ipv6_wildcard(&any));
    assert_int_equal(address_parse_host_port(SLICE("0.0.0.0:1"), &any, NULL), RESULT_OK);
    assert_false(address_is_ipv6_wildcard(&any));
}

static void test_a_budget_refuses_what_does_not_fit(void **state)
{
    struct budget *budget = budget_new(100);
    (void)state;
    assert_true(budget_take(budget, 60));
    assert_true(budget_take(budget, 40));
    assert_false(budget_take(budget, 1));
    assert_false(budget_take(budget, UINT64_MAX));
    assert_int_equal(budget_used(budget), 100);
    budget_give(budget, 70);
    assert_true(budget_take(budget, 20));
    assert_int_equal(budget_used(budget), 50);
    assert_int_equal(budget_peak(budget), 100);
    assert_int_equal(budget_refused(budget), 2);
    budget_set_limit(budget, 10);
    assert_false(budget_take(budget, 1));
    budget_give(budget, 50);
    assert_true(budget_take(budget, 10));
    budget_give(budget, 10);
    budget_free(budget);
}

static void test_a_budget_without_a_limit_only_counts(void **state)
{
    struct budget *budget = budget_new(0);
    (void)state;
    assert_true(budget_take(budget, UINT64_C(1) << 50));
    assert_int_equal(budget_peak(budget), UINT64_C(1) << 50);
    budget_give(budget, UINT64_C(1) << 50);
    assert_int_equal(budget_used(budget), 0);
    budget_free(budget);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_read_and_print_the_same),  cmocka_unit_test(test_what_is_no_address_is_refused_with_a_reason),
        cmocka_unit_test(test_loopback_is_told_in_both_families),  cmocka_unit_test(test_networks_hold_their_hosts_and_no_others),
        cmocka_unit_test(test_an_ipv4_peer_of_an_ipv6_socket_has_its_ipv4_address),
        cmocka_unit_test(test_a_budget_refuses_what_does_not_fit), cmocka_unit_test(test_a_budget_without_a_limit_only_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
