/* SPDX-License-Identifier: Apache-2.0 */
/* Retention, checkpoints, and giving space back. Time is passed in, so that nothing waits. */
#include "fixture.h"

#include <sqlite3.h>

#define DAY (86400 * CLOCK_SECOND)

/* Steps until a step says that there is no more; the sums of all. */
static struct store_maintenance maintain(struct fixture *fixture, clock_nanos now)
{
    struct store_maintenance sum = {0}, step;
    do {
        assert_int_equal(store_maintain(fixture->store, now, &step), RESULT_OK);
        sum.alerts_removed += step.alerts_removed;
        sum.ids_forgotten += step.ids_forgotten;
    } while (step.more);
    return sum;
}

static void deliver_all(struct fixture *fixture, const char *destination, int64_t first, int64_t last)
{
    for (int64_t alert = first; alert <= last; alert++)
        fixture_report(fixture, destination, alert, 0, STORE_DELIVERED, "");
}

static void test_old_alerts_go_but_not_before_they_are_delivered(void **state)
{
    struct fixture *fixture = *state;
    fixture_commit_alerts(fixture, 1, 5, "soc");
    deliver_all(fixture, "soc", 1, 3);
    assert_int_equal(maintain(fixture, clock_wall() + 29 * DAY).alerts_removed, 0);
    assert_int_equal(maintain(fixture, clock_wall() + 31 * DAY).alerts_removed, 3);
    assert_int_equal(fixture_open_count(fixture, "soc"), 2);
    deliver_all(fixture, "soc", 4, 5);
    struct store_maintenance done = maintain(fixture, clock_wall() + 31 * DAY);
    assert_int_equal(done.alerts_removed, 2);
    assert_int_equal(fixture_counts(fixture).alerts, 0);
}

static void test_an_id_is_known_longer_than_its_alert(void **state)
{
    struct fixture *fixture = *state;
    struct store_commit_counts counts;
    fixture_commit_alerts(fixture, 1, 3, NULL);
    struct store_maintenance done = maintain(fixture, clock_wall() + 40 * DAY);
    assert_int_equal(done.alerts_removed, 3);
    assert_int_equal(done.ids_forgotten, 0);
    struct submission *submission = submission_new(SLICE("prod"), (struct slice){0});
    fixture_add_alert(submission, 2, "HIGH", "soc", (struct slice){0});
    assert_int_equal(fixture_commit(fixture, submission, &counts), RESULT_OK);
    assert_int_equal(counts.alerts_known, 1);
    assert_int_equal(maintain(fixture, clock_wall() + 91 * DAY).ids_forgotten, 3);
}

static void test_the_walk_over_known_ids_reaches_all_of_them(void **state)
{
    struct fixture *fixture = *state;
    uint64_t forgotten = 0;
    fixture_commit_alerts(fixture, 1, 1300, NULL);
    for (int step = 0; step < 30; step++) {
        struct store_maintenance done;
        assert_int_equal(store_maintain(fixture->store, clock_wall() + 91 * DAY, &done), RESULT_OK);
        forgotten += done.ids_forgotten;
    }
    assert_int_equal(forgotten, 1300);
}

static void test_the_number_of_an_alert_is_never_used_again(void **state)
{
    struct fixture *fixture = *state;
    fixture_commit_alerts(fixture, 1, 3, NULL);
    maintain(fixture, clock_wall() + 31 * DAY);
    fixture_reopen(fixture);
    fixture_commit_alerts(fixture, 4, 1, NULL);
    struct store_reader *reader = fixture_reader(fixture);
    int64_t last;
    assert_int_equal(store_last_alert(reader, &last), RESULT_OK);
    assert_int_equal(last, 4);
    store_reader_close(reader);
}

static uint64_t used_bytes(const struct fixture *fixture)
{
    struct store_counts counts = fixture_counts(fixture);
    return counts.database_bytes - counts.free_bytes;
}

static void test_over_the_soft_limit_the_oldest_delivered_ones_go(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.soft_bytes = 1000 * 1000;
    fixture->options.hard_bytes = 100 * 1000 * 1000;
    fixture_reopen(fixture);
    fixture_commit_heavy(fixture, 1, 100, "soc");
    fixture_commit_heavy(fixture, 101, 200, NULL);
    struct store_maintenance done = maintain(fixture, clock_wall());
    assert_true(done.alerts_removed > 0 && done.alerts_removed <= 200);
    assert_true(used_bytes(fixture) <= 1000 * 1000 + 512 * 1024); /* what is undelivered is close to 1 MB by itself */
    assert_int_equal(fixture_open_count(fixture, "soc"), 64);     /* as many as the question asks for: none was lost */
    assert_int_equal(fixture_counts(fixture).destinations[0].pending, 100);
}

static void test_over_the_hard_limit_nothing_more_is_taken_and_what_is_undelivered_stays(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.soft_bytes = 500 * 1000;
    fixture->options.hard_bytes = 1000 * 1000;
    fixture_reopen(fixture);
    fixture_commit_heavy(fixture, 1, 300, "soc");
    assert_false(store_has_room(fixture->store));
    assert_non_null(strstr(store_error(fixture->store), "store.size"));
    maintain(fixture, clock_wall());
    assert_int_equal(fixture_counts(fixture).destinations[0].pending, 300);

    struct submission *submission = submission_new(SLICE("c"), SLICE(""));
    struct submission_dead_letter letter = {.source = SLICE("s"), .reason = SLICE("r"), .detail = SLICE("d")};
    assert_int_equal(submission_add_dead_letter(submission, &letter), RESULT_OK);
    struct store_submission part = {.bytes = submission_bytes(submission)};
    assert_int_equal(store_commit(fixture->store, &part, 1, NULL, 0, NULL), RESULT_FULL);
    submission_free(submission);
}

static void test_a_step_is_bounded(void **state)
{
    struct fixture *fixture = *state;
    struct store_maintenance step;
    fixture_commit_alerts(fixture, 1, 1000, NULL);
    assert_int_equal(store_maintain(fixture->store, clock_wall() + 31 * DAY, &step), RESULT_OK);
    assert_true(step.alerts_removed > 0 && step.alerts_removed < 300);
    assert_true(step.more);
}

static void test_a_checkpoint_empties_the_wal_for_the_next_commit(void **state)
{
    struct fixture *fixture = *state;
    fixture_commit_heavy(fixture, 1, 50, NULL);
    uint64_t before = fixture_counts(fixture).wal_bytes;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(store_checkpoint(fixture->store, true), RESULT_OK);
        fixture_commit_heavy(fixture, 100 + i * 10, 10, NULL);
    }
    assert_true(fixture_counts(fixture).wal_bytes <= before);
    assert_true(used_bytes(fixture) > 200 * 8000);
}

static void test_a_small_wal_is_left_alone_unless_idle(void **state)
{
    struct fixture *fixture = *state;
    fixture_commit_alerts(fixture, 1, 1, NULL);
    uint64_t before = fixture_counts(fixture).wal_bytes;
    assert_int_equal(store_checkpoint(fixture->store, false), RESULT_OK);
    fixture_commit_alerts(fixture, 2, 1, NULL);
    assert_true(fixture_counts(fixture).wal_bytes > before); /* it was not begun anew */
    before = fixture_counts(fixture).wal_bytes;
    assert_int_equal(store_checkpoint(fixture->store, true), RESULT_OK);
    fixture_commit_alerts(fixture, 3, 1, NULL);
    assert_int_equal(fixture_counts(fixture).wal_bytes, before);
}

static void test_a_pinned_wal_does_not_stop_commits_and_is_emptied_afterwards(void **state)
{
    struct fixture *fixture = *state;
    char path[128];
    sqlite3 *pin;
    fixture->options.checkpoint_bytes = 64 * 1024;
    fixture_reopen(fixture);
    fixture_commit_alerts(fixture, 1, 1, NULL);
    snprintf(path, sizeof path, "%s/store.db", fixture->directory);
    assert_int_equal(sqlite3_open(path, &pin), SQLITE_OK);
    assert_int_equal(sqlite3_exec(pin, "BEGIN; SELECT count(*) FROM alert", NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; i < 20; i++) {
        fixture_commit_heavy(fixture, 100 + i * 10, 10, NULL);
        assert_int_equal(store_checkpoint(fixture->store, false), RESULT_OK);
    }
    uint64_t pinned = fixture_counts(fixture).wal_bytes;
    assert_true(pinned > 1000 * 1000);
    sqlite3_close(pin);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(store_checkpoint(fixture->store, true), RESULT_OK);
        fixture_commit_heavy(fixture, 1000 + i * 10, 10, NULL);
    }
    assert_true(fixture_counts(fixture).wal_bytes <= pinned + 200 * 1024); /* not grown by the second 1.6 MB */
}

static void test_free_pages_are_given_back_step_by_step(void **state)
{
    struct fixture *fixture = *state;
    bool more = true;
    int steps = 0;
    fixture_commit_heavy(fixture, 1, 200, NULL);
    maintain(fixture, clock_wall() + 31 * DAY);
    uint64_t before = fixture_counts(fixture).database_bytes;
    while (more && steps++ < 100)
        assert_int_equal(store_vacuum_step(fixture->store, 50, &more), RESULT_OK);
    assert_true(steps > 2 && steps < 100);
    assert_true(fixture_counts(fixture).database_bytes < before / 4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_old_alerts_go_but_not_before_they_are_delivered),
        TEST(test_an_id_is_known_longer_than_its_alert),
        TEST(test_the_walk_over_known_ids_reaches_all_of_them),
        TEST(test_the_number_of_an_alert_is_never_used_again),
        TEST(test_over_the_soft_limit_the_oldest_delivered_ones_go),
        TEST(test_over_the_hard_limit_nothing_more_is_taken_and_what_is_undelivered_stays),
        TEST(test_a_step_is_bounded),
        TEST(test_a_checkpoint_empties_the_wal_for_the_next_commit),
        TEST(test_a_small_wal_is_left_alone_unless_idle),
        TEST(test_a_pinned_wal_does_not_stop_commits_and_is_emptied_afterwards),
        TEST(test_free_pages_are_given_back_step_by_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
