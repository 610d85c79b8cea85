/* SPDX-License-Identifier: Apache-2.0 */
/* All times are given. */
#include "daemon/health/gap.h"

#include "harrier/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECONDS(n) ((clock_nanos)(n)*CLOCK_SECOND)
#define WALL SECONDS(1000000)

/* A machine, its store, and the daemon's gap. */
struct machine {
    struct counted_state now;
    clock_nanos monotonic;
    struct gap *gap;
    struct buffer stored;
};

static void save(struct machine *machine, bool told)
{
    machine->stored.length = 0;
    gap_write(machine->gap, told, &machine->stored);
}

static void start(struct machine *machine)
{
    machine->gap = gap_new(&machine->now, buffer_slice(&machine->stored));
}

static void pass(struct machine *machine, clock_nanos time, bool accepting)
{
    for (clock_nanos passed = 0; passed < time; passed += CLOCK_SECOND) {
        machine->now.boot += CLOCK_SECOND;
        machine->now.wall += CLOCK_SECOND;
        machine->monotonic += CLOCK_SECOND;
        assert_int_equal(gap_tick(machine->gap, &machine->now, machine->monotonic, accepting), 0);
    }
}

static void be_away(struct machine *machine, clock_nanos time)
{
    gap_free(machine->gap);
    machine->now.boot += time;
    machine->now.wall += time;
    machine->monotonic += time;
    start(machine);
}

static int setup(void **state)
{
    struct machine *machine = xcalloc(1, sizeof *machine);
    machine->now = (struct counted_state){.boot = SECONDS(50), .wall = WALL, .boot_id = "0123456789abcdef0123456789abcdef"};
    machine->monotonic = SECONDS(50);
    start(machine);
    *state = machine;
    return 0;
}

static int teardown(void **state)
{
    struct machine *machine = *state;
    gap_free(machine->gap);
    buffer_free(&machine->stored);
    free(machine);
    return 0;
}

static void assert_untold(const struct machine *machine, clock_nanos from, clock_nanos to)
{
    struct gap_span span;
    assert_true(gap_untold(machine->gap, &span));
    assert_in_range(span.from, from - SECONDS(1), from + SECONDS(1));
    assert_in_range(span.to, to - SECONDS(1), to + SECONDS(1));
}

static void assert_nothing(const struct machine *machine)
{
    struct gap_span span;
    assert_false(gap_untold(machine->gap, &span));
    assert_false(gap_shown(machine->gap, &span));
}

static void test_a_first_start_is_no_gap(void **state)
{
    struct machine *machine = *state;
    pass(machine, SECONDS(10), true);
    assert_nothing(machine);
    assert_int_equal(gap_away(machine->gap), 0);
}

static void test_a_restart_within_an_api_server_s_patience_is_no_gap(void **state)
{
    struct machine *machine = *state;
    pass(machine, SECONDS(10), true);
    save(machine, false);
    be_away(machine, SECONDS(70));
    pass(machine, SECONDS(10), true);
    assert_nothing(machine);
    assert_int_equal(gap_away(machine->gap), SECONDS(70));
}

static void test_a_longer_downtime_is_a_gap_from_the_last_batch_to_the_next(void **state)
{
    struct machine *machine = *state;
    pass(machine, SECONDS(10), true);
    clock_nanos from = machine->now.wall;
    pass(machine, SECONDS(15), false); /* it drains */
    save(machine, false);
    be_away(machine, SECONDS(300));
    pass(machine, SECONDS(5), false); /* it starts */
    assert_nothing(machine);
    pass(machine, SECONDS(1), true);
    assert_untold(machine, from, machine->now.wall);
}

static void test_a_store_that_refuses_for_long_and_a_machine_that_sleeps_are_gaps(void **state)
{
    struct machine *machine = *state;
    struct gap_span span;
    pass(machine, SECONDS(10), true);
    clock_nanos from = machine->now.wall;
    pass(machine, SECONDS(100), false);
    pass(machine, SECONDS(5), true);
    assert_untold(machine, from, from + SECONDS(101));
    gap_untold(machine->gap, &span);
    gap_told(machine->gap, &span);
    from = machine->now.wall;
    machine->now.boot += SECONDS(3600);
    machine->now.wall += SECONDS(3600);
    assert_int_equal(gap_tick(machine->gap, &machine->now, machine->monotonic, true), SECONDS(3600));
    assert_untold(machine, from, from + SECONDS(3600));
}

static void test_a_jump_of_the_clock_makes_no_gap_and_no_gap_longer(void **state)
{
    struct machine *machine = *state;
    pass(machine, SECONDS(10), true);
    machine->now.wall += SECONDS(3600);
    pass(machine, SECONDS(10), true);
    assert_nothing(machine);
    save(machine, false);
    machine->now.wall += SECONDS(3600);
    be_away(machine, SECONDS(200));
    pass(machine, SECONDS(1), true);
    assert_untold(machine, machine->now.wall - SECONDS(201), machine->now.wall);
}

static void test_after_another_boot_the_wall_clock_says_how_long_it_was(void **state)
{
    struct machine *machine = *state;
    pass(machine, SECONDS(10), true);
    clock_nanos from = machine->now.wall;
    save(machine, false);
    machine->now.boot_id[0] = 'f';
    machine->now.boot = machine->monotonic = SECONDS(20);
    machine->now.wall += SECONDS(7200);
    gap_free(machine->gap);
    start(machine);
    assert_int_equal(gap_away(machine->gap), SECONDS(7200));
    pass(machine, SECONDS(1), true);
    assert_untold(machine, from, machine->now.wall);
}

static void test_what_is_not_stored_as_told_is_told_after_the_next_start_and_what_is_is_shown_for_a_day(void **state)
{
    struct machine *machine = *state;
    struct gap_span span, again;
    pass(machine, SECONDS(100), false);
    pass(machine, SECONDS(1), true);
    assert_true(gap_untold(machine->gap, &span));
    save(machine, false);
    be_away(machine, SECONDS(5));
    assert_true(gap_untold(machine->gap, &again));
    assert_memory_equal(&span, &again, sizeof span);
    save(machine, true);
    gap_told(machine->gap, &again);
    be_away(machine, SECONDS(5));
    assert_false(gap_untold(machine->gap, &again));
    assert_true(gap_shown(machine->gap, &again));
    assert_memory_equal(&span, &again, sizeof span);
    for (int i = 0; i < 24; i++)
        pass(machine, SECONDS(3600), true);
    assert_nothing(machine);
}

static void test_a_gap_that_follows_before_the_first_is_told_is_told_with_it(void **state)
{
    struct machine *machine = *state;
    struct gap_span first;
    clock_nanos from = machine->now.wall;
    pass(machine, SECONDS(100), false);
    pass(machine, SECONDS(1), true);
    gap_untold(machine->gap, &first);
    pass(machine, SECONDS(100), false);
    pass(machine, SECONDS(1), true);
    gap_told(machine->gap, &first);
    assert_untold(machine, from, machine->now.wall);
}

static void test_a_damaged_state_is_as_a_first_start(void **state)
{
    struct machine *machine = *state;
    buffer_append_text(&machine->stored, "{\"wall\":");
    be_away(machine, SECONDS(500));
    pass(machine, SECONDS(1), true);
    assert_nothing(machine);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_first_start_is_no_gap),
        TEST(test_a_restart_within_an_api_server_s_patience_is_no_gap),
        TEST(test_a_longer_downtime_is_a_gap_from_the_last_batch_to_the_next),
        TEST(test_a_store_that_refuses_for_long_and_a_machine_that_sleeps_are_gaps),
        TEST(test_a_jump_of_the_clock_makes_no_gap_and_no_gap_longer),
        TEST(test_after_another_boot_the_wall_clock_says_how_long_it_was),
        TEST(test_what_is_not_stored_as_told_is_told_after_the_next_start_and_what_is_is_shown_for_a_day),
        TEST(test_a_gap_that_follows_before_the_first_is_told_is_told_with_it),
        TEST(test_a_damaged_state_is_as_a_first_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
