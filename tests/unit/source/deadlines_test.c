/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/source/deadlines.h"

static struct deadlines wheel;

static void test_a_deadline_passes_when_its_time_has_come_and_once(void **state)
{
    struct deadline one = {.set = false};
    (void)state;
    deadlines_begin(&wheel, 10, 1000);
    deadlines_set(&wheel, &one, 1055);
    for (clock_nanos now = 1000; now < 1055; now++)
        assert_null(deadlines_take(&wheel, now));
    assert_ptr_equal(deadlines_take(&wheel, 1055), &one);
    assert_false(one.set);
    assert_null(deadlines_take(&wheel, 1055));
    assert_null(deadlines_take(&wheel, 999999));
}

static void test_a_deadline_can_be_moved_and_removed(void **state)
{
    struct deadline one = {.set = false}, two = {.set = false};
    (void)state;
    deadlines_begin(&wheel, 10, 0);
    deadlines_set(&wheel, &one, 100);
    deadlines_set(&wheel, &two, 100);
    deadlines_set(&wheel, &one, 300);
    deadlines_remove(&two);
    deadlines_remove(&two);
    assert_null(deadlines_take(&wheel, 299));
    assert_ptr_equal(deadlines_take(&wheel, 300), &one);
    /* into the past */
    deadlines_set(&wheel, &two, 5);
    assert_ptr_equal(deadlines_take(&wheel, 300), &two);
}

static void test_a_deadline_beyond_the_wheel_waits_for_its_round(void **state)
{
    struct deadline far = {.set = false};
    clock_nanos at = 10 * (DEADLINE_SLOTS * 3 + 5);
    (void)state;
    deadlines_begin(&wheel, 10, 0);
    deadlines_set(&wheel, &far, at);
    for (clock_nanos now = 0; now < at; now += 7)
        assert_null(deadlines_take(&wheel, now));
    assert_ptr_equal(deadlines_take(&wheel, at), &far);
}

static void test_a_sweep_that_comes_late_misses_none(void **state)
{
    struct deadline all[100] = {{.set = false}};
    size_t taken = 0;
    (void)state;
    deadlines_begin(&wheel, 10, 0);
    for (size_t i = 0; i < 100; i++)
        deadlines_set(&wheel, &all[i], (clock_nanos)(i * 997));
    while (deadlines_take(&wheel, 10 * DEADLINE_SLOTS * 20))
        taken++;
    assert_int_equal(taken, 100);
}

static void test_what_is_told_may_remove_others_that_have_passed(void **state)
{
    struct deadline all[3] = {{.set = false}};
    (void)state;
    deadlines_begin(&wheel, 10, 0);
    for (size_t i = 0; i < 3; i++)
        deadlines_set(&wheel, &all[i], 50);
    struct deadline *first = deadlines_take(&wheel, 60);
    assert_non_null(first);
    for (size_t i = 0; i < 3; i++)
        deadlines_remove(&all[i]);
    assert_null(deadlines_take(&wheel, 60));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_deadline_passes_when_its_time_has_come_and_once),
        cmocka_unit_test(test_a_deadline_can_be_moved_and_removed),
        cmocka_unit_test(test_a_deadline_beyond_the_wheel_waits_for_its_round),
        cmocka_unit_test(test_a_sweep_that_comes_late_misses_none),
        cmocka_unit_test(test_what_is_told_may_remove_others_that_have_passed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
