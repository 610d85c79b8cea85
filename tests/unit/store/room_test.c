/* SPDX-License-Identifier: Apache-2.0 */
/* A store that is full: what it refuses, what it still takes, and how it gets room again. */
#include "faulty_vfs.h"
#include "fixture.h"

enum { SOFT = 500 * 1000, HARD = 1000 * 1000 };

static int setup_faulty(void **state)
{
    faulty_register();
    return fixture_setup_on(state, "faulty");
}

static int setup_small(void **state)
{
    fixture_setup(state);
    struct fixture *fixture = *state;
    fixture->options.soft_bytes = SOFT;
    fixture->options.hard_bytes = HARD;
    fixture_reopen(fixture);
    return 0;
}

/* Undelivered alerts until no more is taken; returns how many there are. */
static int fill(struct fixture *fixture, const char *to)
{
    int count = 0;
    while (store_has_room(fixture->store)) {
        fixture_commit_heavy(fixture, count + 1, 1, to);
        count++;
    }
    return count;
}

static void deliver(struct fixture *fixture, const char *destination, int64_t first, int64_t last)
{
    for (int64_t alert = first; alert <= last; alert++)
        assert_int_equal(fixture_report(fixture, destination, alert, 0, STORE_DELIVERED, ""), RESULT_OK);
}

/* Steps until none may help. */
static void make_room(struct fixture *fixture)
{
    struct store_maintenance done = {.more = true};
    while (done.more)
        assert_int_equal(store_make_room(fixture->store, counted_now(store_clock(fixture->store)), &done), RESULT_OK);
}

static struct submission *alert_of(int number)
{
    struct submission *submission = submission_new(SLICE("prod"), (struct slice){0});
    fixture_add_alert(submission, number, "HIGH", "soc", (struct slice){0});
    return submission;
}

static void add_letters(struct fixture *fixture, int count, size_t bytes)
{
    char *kept = xcalloc(1, bytes + 1);
    struct submission *submission = submission_new(SLICE("prod"), (struct slice){0});
    struct submission_dead_letter letter = {SLICE("in"), SLICE("syntax"), SLICE("no JSON"), bytes, 0, slice_make(kept, bytes)};
    for (int i = 0; i < count; i++)
        assert_int_equal(submission_add_dead_letter(submission, &letter), RESULT_OK);
    assert_int_equal(fixture_commit(fixture, submission, NULL), RESULT_OK);
    free(kept);
}

static void test_results_are_committed_beside_a_submission_that_finds_no_room(void **state)
{
    struct fixture *fixture = *state;
    int count = fill(fixture, "soc");
    struct submission *submission = alert_of(count + 1);
    struct store_submission part = {.bytes = submission_bytes(submission)};
    struct store_delivery_result result = {.alert = 1, .state = STORE_DELIVERED, .attempts = 1, .time = clock_wall(), .destination = "soc"};
    struct store_commit_counts counts;
    assert_int_equal(store_commit(fixture->store, &part, 1, &result, 1, &counts), RESULT_OK);
    assert_int_equal(part.result, RESULT_FULL);
    assert_int_equal(counts.refused_for_room, 1);
    assert_int_equal(counts.alerts_added, 0);
    assert_int_equal(fixture_counts(fixture).destinations[0].pending, count - 1);
    submission_free(submission);
}

static void test_a_position_is_committed_where_alerts_find_no_room(void **state)
{
    struct fixture *fixture = *state;
    int count = fill(fixture, "soc");
    struct submission *moved = submission_new(SLICE("prod"), (struct slice){0});
    struct submission *refused = alert_of(count + 1);
    assert_int_equal(submission_add_position(moved, SLICE("node-1"), SLICE("here")), RESULT_OK);
    struct store_submission parts[] = {{.bytes = submission_bytes(refused)}, {.bytes = submission_bytes(moved)}};
    assert_int_equal(store_commit(fixture->store, parts, 2, NULL, 0, NULL), RESULT_OK);
    assert_int_equal(parts[0].result, RESULT_FULL);
    assert_int_equal(parts[1].result, RESULT_OK);
    submission_free(moved);
    submission_free(refused);
}

static void test_a_full_store_in_which_all_is_delivered_frees_itself_at_once(void **state)
{
    struct fixture *fixture = *state;
    int count = fill(fixture, "soc");
    make_room(fixture);
    assert_false(store_has_room(fixture->store));
    assert_int_equal(fixture_counts(fixture).destinations[0].pending, count); /* what is not delivered stays */
    deliver(fixture, "soc", 1, count);
    make_room(fixture);
    assert_true(store_has_room(fixture->store));
    struct submission *submission = alert_of(count + 1);
    assert_int_equal(fixture_commit(fixture, submission, NULL), RESULT_OK);
}

static void test_it_does_so_as_well_where_both_bounds_are_the_same(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.soft_bytes = HARD;
    fixture_reopen(fixture);
    int count = fill(fixture, "soc");
    deliver(fixture, "soc", 1, count);
    make_room(fixture);
    assert_true(store_has_room(fixture->store));
}

static void test_a_full_store_has_room_again_once_a_sixteenth_is_free(void **state)
{
    struct fixture *fixture = *state;
    int count = fill(fixture, "soc");
    int delivered = 0;
    while (!store_has_room(fixture->store) && delivered < count) {
        delivered++;
        deliver(fixture, "soc", delivered, delivered);
        make_room(fixture);
    }
    struct store_counts counts = fixture_counts(fixture);
    assert_true(counts.database_bytes - counts.free_bytes <= HARD - HARD / 16);
    assert_true(delivered > 1 && delivered < count / 2);
}

static void test_the_message_names_what_holds_the_room(void **state)
{
    struct fixture *fixture = *state;
    char expected[64];
    add_letters(fixture, 3, 2048);
    int count = fill(fixture, "soc siem");
    deliver(fixture, "siem", 1, 1);
    fixture_reopen(fixture); /* told again after a restart */
    assert_false(store_has_room(fixture->store));
    snprintf(expected, sizeof expected, "%d for `soc`, %d for `siem`", count, count - 1);
    assert_non_null(strstr(store_error(fixture->store), expected));
    assert_non_null(strstr(store_error(fixture->store), "6 KiB of it are dead letters"));
    assert_non_null(strstr(store_error(fixture->store), "store.size"));
}

/* --- the other bounds --------------------------------------------------------------------------------------------------- */

static void test_dead_letters_never_take_more_than_a_quarter_of_the_size(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.dead_letter_bytes = UINT64_C(1) << 30;
    fixture->options.dead_letter_count = 1000000;
    fixture_reopen(fixture);
    for (int i = 0; i < 40; i++)
        add_letters(fixture, 10, 5000); /* 2 MB in all, twice what fills the store */
    for (int i = 0; i < 20; i++)
        add_letters(fixture, 100, 0);
    assert_true(store_has_room(fixture->store));
    struct store_counts counts = fixture_counts(fixture);
    assert_true(counts.database_bytes - counts.free_bytes < SOFT);
    assert_true(counts.dead_letters <= SOFT / 8192);
    assert_true(counts.dead_letters_dropped >= 2400 - SOFT / 8192);
}

static void test_dead_letters_go_before_an_alert_is_refused(void **state)
{
    struct fixture *fixture = *state;
    add_letters(fixture, 20, 5000);
    int count = fill(fixture, "soc");
    make_room(fixture);
    assert_true(store_has_room(fixture->store));
    assert_int_equal(fixture_counts(fixture).dead_letters, 0);
    assert_int_equal(fixture_counts(fixture).dead_letters_dropped, 20);
    assert_int_equal(fixture_counts(fixture).destinations[0].pending, count);
}

static void test_ids_without_their_alerts_are_bounded_in_number(void **state)
{
    struct fixture *fixture = *state;
    struct store_commit_counts counts;
    fixture->options.id_count = 100;
    fixture_reopen(fixture);
    for (int i = 0; i < 10; i++)
        fixture_commit_alerts(fixture, 1 + i * 100, 100, NULL);
    struct store_maintenance done;
    uint64_t forgotten = 0;
    do { /* the alerts are past their retention, their ids are not */
        assert_int_equal(store_maintain(fixture->store, clock_wall() + 40 * 86400 * CLOCK_SECOND, &done), RESULT_OK);
        forgotten += done.ids_forgotten;
    } while (done.more);
    assert_int_equal(forgotten, 900);
    struct submission *submission = alert_of(1000);
    assert_int_equal(fixture_commit(fixture, submission, &counts), RESULT_OK);
    assert_int_equal(counts.alerts_known, 1);
}

/* --- a full disk -------------------------------------------------------------------------------------------------------- */

static void test_a_full_disk_takes_results_all_the_same(void **state)
{
    struct fixture *fixture = *state;
    enum { COUNT = 400 };
    struct store_delivery_result results[COUNT] = {0};
    size_t stored;
    fixture_commit_alerts(fixture, 1, COUNT, "soc");
    assert_int_equal(store_checkpoint(fixture->store, true), RESULT_OK);
    for (int i = 0; i < COUNT; i++) {
        results[i] = (struct store_delivery_result){.alert = i + 1, .state = STORE_DELIVERED, .attempts = 1, .time = clock_wall()};
        snprintf(results[i].destination, sizeof results[i].destination, "soc");
    }
    fail_growth = true;
    struct submission *submission = submission_new(SLICE("prod"), (struct slice){0});
    enum { HUGE_BYTES = 4 << 20 };
    char *json = xcalloc(1, HUGE_BYTES);
    memset(json, 'x', HUGE_BYTES);
    fixture_add_alert(submission, COUNT + 1, "HIGH", "soc", slice_make(json, HUGE_BYTES));
    free(json);
    struct store_submission part = {.bytes = submission_bytes(submission)};
    for (int i = 0; i < 20; i++)
        assert_int_equal(store_commit(fixture->store, &part, 1, NULL, 0, NULL), RESULT_FULL);
    enum result result = store_commit_results(fixture->store, results, COUNT, &stored);
    fail_growth = false;
    assert_int_equal(result, RESULT_OK);
    assert_int_equal(stored, COUNT);
    assert_int_equal(fixture_open_count(fixture, "soc"), 0);
    submission_free(submission);
}

/* A checkpoint that fails half way is no other program that wrote over the database. */
static void test_a_checkpoint_on_a_full_disk_is_not_taken_for_a_foreign_write(void **state)
{
    struct fixture *fixture = *state;
    fixture_commit_heavy(fixture, 1, 50, "soc");
    fail_growth = true;
    assert_int_equal(store_checkpoint(fixture->store, true), RESULT_FULL);
    fail_growth = false;
    assert_int_equal(store_check(fixture->store), RESULT_OK);
    fixture_commit_heavy(fixture, 51, 1, "soc");
    assert_int_equal(store_losses(fixture->store), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_small, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_results_are_committed_beside_a_submission_that_finds_no_room),
        TEST(test_a_position_is_committed_where_alerts_find_no_room),
        TEST(test_a_full_store_in_which_all_is_delivered_frees_itself_at_once),
        TEST(test_it_does_so_as_well_where_both_bounds_are_the_same),
        TEST(test_a_full_store_has_room_again_once_a_sixteenth_is_free),
        TEST(test_the_message_names_what_holds_the_room),
        TEST(test_dead_letters_never_take_more_than_a_quarter_of_the_size),
        TEST(test_dead_letters_go_before_an_alert_is_refused),
        TEST(test_ids_without_their_alerts_are_bounded_in_number),
        cmocka_unit_test_setup_teardown(test_a_full_disk_takes_results_all_the_same, setup_faulty, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_checkpoint_on_a_full_disk_is_not_taken_for_a_foreign_write, setup_faulty, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
