/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/health/skew.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECONDS(n) ((clock_nanos)(n)*CLOCK_SECOND)
#define MINUTES(n) SECONDS((n)*60)

static const struct skew_limits limits = {.ahead = MINUTES(2), .late = MINUTES(10)};

/* Events of that lead in each of so many minutes; the time after it. */
static clock_nanos minutes_of(struct skew *skew, clock_nanos from, unsigned int count, clock_nanos lead, clock_nanos step)
{
    for (unsigned int i = 0; i < count; i++, from += MINUTES(1), lead += step) {
        skew_note(skew, &limits, lead, from);
        skew_note(skew, &limits, lead - MINUTES(30), from + SECONDS(20)); /* an older one among them */
        skew_pass(skew, &limits, from + MINUTES(1));
    }
    return from;
}

static void test_one_event_from_the_future_is_enough(void **state)
{
    struct skew skew = {0};
    (void)state;
    skew_note(&skew, &limits, MINUTES(2), SECONDS(1));
    assert_false(skew.ahead);
    skew_note(&skew, &limits, MINUTES(2) + 1, SECONDS(2));
    assert_true(skew.ahead);
    assert_int_equal(skew.lead, MINUTES(2) + 1);
}

static void test_the_future_is_over_when_events_have_agreed_for_ten_minutes(void **state)
{
    struct skew skew = {0};
    (void)state;
    skew_note(&skew, &limits, MINUTES(5), SECONDS(1));
    skew_note(&skew, &limits, -SECONDS(1), SECONDS(2));
    skew_note(&skew, &limits, -SECONDS(1), SECONDS(2) + MINUTES(10) - 1);
    assert_true(skew.ahead);
    skew_pass(&skew, &limits, MINUTES(60));
    assert_true(skew.ahead); /* nothing came that could agree */
    skew_note(&skew, &limits, SECONDS(61), MINUTES(61)); /* more than half of the limit: not agreed */
    skew_note(&skew, &limits, -SECONDS(1), MINUTES(62));
    skew_note(&skew, &limits, -SECONDS(1), MINUTES(71));
    assert_true(skew.ahead);
    skew_note(&skew, &limits, -SECONDS(1), MINUTES(72));
    assert_false(skew.ahead);
}

static void test_youngest_events_that_stay_old_for_ten_minutes_are_late(void **state)
{
    struct skew skew = {0};
    (void)state;
    clock_nanos now = minutes_of(&skew, SECONDS(1), 9, -MINUTES(15), 0);
    assert_false(skew.late);
    now = minutes_of(&skew, now, 1, -MINUTES(15), 0);
    assert_true(skew.late);
    assert_int_equal(skew.lead, -MINUTES(15));
    now = minutes_of(&skew, now, 9, -SECONDS(30), 0);
    assert_true(skew.late);
    minutes_of(&skew, now, 1, -SECONDS(30), 0);
    assert_false(skew.late);
}

static void test_events_that_get_older_are_late_too(void **state)
{
    struct skew skew = {0};
    (void)state;
    minutes_of(&skew, SECONDS(1), 10, -MINUTES(15), -SECONDS(30));
    assert_true(skew.late);
}

static void test_a_backlog_that_is_worked_off_is_not_late(void **state)
{
    struct skew skew = {0};
    (void)state;
    minutes_of(&skew, SECONDS(1), 40, -MINUTES(60), SECONDS(20));
    assert_false(skew.late);
}

static void test_a_batch_that_was_sent_again_among_new_ones_is_not_late(void **state)
{
    struct skew skew = {0};
    (void)state;
    minutes_of(&skew, SECONDS(1), 30, -SECONDS(20), 0);
    assert_false(skew.late);
    assert_int_equal(skew.early_minutes, 30);
}

static void test_minutes_without_events_tell_nothing(void **state)
{
    struct skew skew = {0};
    (void)state;
    skew_note(&skew, &limits, -MINUTES(20), SECONDS(1));
    for (int i = 1; i < 100; i++)
        skew_pass(&skew, &limits, MINUTES(i) + SECONDS(2));
    assert_false(skew.late);
    assert_int_equal(skew.late_minutes, 1);
}

static void test_what_is_switched_off_is_not_looked_at(void **state)
{
    struct skew skew = {0};
    const struct skew_limits off = {0};
    (void)state;
    for (int i = 0; i < 20; i++)
        skew_note(&skew, &off, i % 2 ? MINUTES(60) : -MINUTES(60), MINUTES(i));
    assert_false(skew.ahead);
    assert_false(skew.late);
    assert_true(skew.known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_event_from_the_future_is_enough),
        cmocka_unit_test(test_the_future_is_over_when_events_have_agreed_for_ten_minutes),
        cmocka_unit_test(test_youngest_events_that_stay_old_for_ten_minutes_are_late),
        cmocka_unit_test(test_events_that_get_older_are_late_too),
        cmocka_unit_test(test_a_backlog_that_is_worked_off_is_not_late),
        cmocka_unit_test(test_a_batch_that_was_sent_again_among_new_ones_is_not_late),
        cmocka_unit_test(test_minutes_without_events_tell_nothing),
        cmocka_unit_test(test_what_is_switched_off_is_not_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
