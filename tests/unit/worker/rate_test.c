/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/worker/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

static const struct slice loud = {"10.0.0.1", 8}, quiet = {"10.0.0.2", 8};

static void test_without_a_bound_nobody_waits(void **state)
{
    struct rate *rate = rate_new(0);
    (void)state;
    rate_charge(rate, loud, 1000000, CLOCK_SECOND);
    assert_int_equal(rate_wait(rate, loud, CLOCK_SECOND), 0);
    assert_int_equal(rate_waits(rate), 0);
    rate_free(rate);
}

static void test_who_sent_too_much_waits_until_it_is_paid_off(void **state)
{
    struct rate *rate = rate_new(100);
    (void)state;
    assert_int_equal(rate_wait(rate, loud, CLOCK_SECOND), 0);
    rate_charge(rate, loud, 400, CLOCK_SECOND); /* 300 more than its bucket had: three seconds' worth */
    clock_nanos wait = rate_wait(rate, loud, CLOCK_SECOND);
    assert_in_range(wait, 3 * CLOCK_SECOND - 2, 3 * CLOCK_SECOND + 2);
    assert_true(rate_wait(rate, loud, 3 * CLOCK_SECOND) > 0);
    assert_int_equal(rate_wait(rate, loud, CLOCK_SECOND + wait), 0);
    assert_int_equal(rate_waits(rate), 2);
    rate_free(rate);
}

static void test_who_sends_little_does_not_wait_for_who_sends_much(void **state)
{
    struct rate *rate = rate_new(100);
    (void)state;
    for (clock_nanos now = CLOCK_SECOND; now < 20 * CLOCK_SECOND; now += CLOCK_SECOND) {
        if (rate_wait(rate, loud, now) == 0)
            rate_charge(rate, loud, 1000, now);
        assert_int_equal(rate_wait(rate, quiet, now), 0);
        rate_charge(rate, quiet, 40, now);
    }
    rate_free(rate);
}

static void test_two_that_send_all_they_can_get_half_each(void **state)
{
    struct rate *rate = rate_new(100);
    unsigned int got[2] = {0, 0};
    (void)state;
    for (clock_nanos now = 0; now < 60 * CLOCK_SECOND; now += CLOCK_SECOND / 10) {
        if (rate_wait(rate, loud, now) == 0)
            rate_charge(rate, loud, 30, now), got[0] += 30;
        if (rate_wait(rate, quiet, now) == 0)
            rate_charge(rate, quiet, 10, now), got[1] += 10;
    }
    assert_in_range(got[0], 2900, 3300);
    assert_in_range(got[1], 2900, 3300);
    rate_free(rate);
}

static void test_more_senders_than_there_are_places_do_no_harm(void **state)
{
    struct rate *rate = rate_new(100);
    char name[16];
    (void)state;
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "%d", i);
        assert_int_equal(rate_wait(rate, slice_of(name), i), 0);
        rate_charge(rate, slice_of(name), 500, i);
    }
    assert_true(rate_wait(rate, slice_of("2999"), 3000) > 0);
    rate_free(rate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_bound_nobody_waits),
        cmocka_unit_test(test_who_sent_too_much_waits_until_it_is_paid_off),
        cmocka_unit_test(test_who_sends_little_does_not_wait_for_who_sends_much),
        cmocka_unit_test(test_two_that_send_all_they_can_get_half_each),
        cmocka_unit_test(test_more_senders_than_there_are_places_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
