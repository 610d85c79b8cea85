/* SPDX-License-Identifier: Apache-2.0 */
/* Ages: clocks jump, go back, and begin anew; what is stored gets older only by the time that has passed. */
#include "daemon/store/schema.h"
#include "fixture.h"

#include <sqlite3.h>
#include <unistd.h>

#define HOUR (3600 * CLOCK_SECOND)
#define DAY (24 * HOUR)
#define YEAR (365 * DAY)

/* What the machine's clocks show. */
static struct {
    clock_nanos boot, wall;
} hands;

static void read_hands(void *context, clock_nanos *boot, clock_nanos *wall)
{
    (void)context;
    *boot = hands.boot;
    *wall = hands.wall;
}

static void run_sql(const struct fixture *fixture, const char *sql)
{
    char path[128];
    sqlite3 *database;
    snprintf(path, sizeof path, "%s/store.db", fixture->directory);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
}

static void close_store(struct fixture *fixture)
{
    store_close(fixture->store);
    fixture->store = NULL;
}

static void boot_as(struct fixture *fixture, const char *boot_id, clock_nanos boot)
{
    close_store(fixture);
    hands.boot = boot;
    fixture->options.clock = (struct counted_source){.read = read_hands, .boot_id = boot_id};
    fixture_open(fixture);
}

#define FIRST_BOOT "0123456789abcdef0123456789abcdef"
#define NEXT_BOOT "ffffffff-ffff-ffff-ffff-ffffffffffff"

static int setup(void **state)
{
    int failed = fixture_setup(state);
    hands.wall = 1700000000 * CLOCK_SECOND;
    boot_as(*state, FIRST_BOOT, HOUR);
    return failed;
}

/* The daemon runs for so long. What maintenance did meanwhile. */
static struct store_maintenance pass(struct fixture *fixture, clock_nanos span)
{
    struct store_maintenance sum = {0}, step;
    clock_nanos maintained = 0, now = 0;
    for (clock_nanos passed = 0; passed <= span; passed += 10 * CLOCK_SECOND) {
        now = counted_now(store_clock(fixture->store));
        if (passed == 0 || passed - maintained >= DAY / 2 || passed + 10 * CLOCK_SECOND > span) {
            maintained = passed;
            do {
                assert_int_equal(store_maintain(fixture->store, now, &step), RESULT_OK);
                sum.alerts_removed += step.alerts_removed;
                sum.given_up_removed += step.given_up_removed;
                sum.ids_forgotten += step.ids_forgotten;
            } while (step.more);
        }
        hands.boot += 10 * CLOCK_SECOND;
        hands.wall += 10 * CLOCK_SECOND;
    }
    return sum;
}

static struct store_delivery first_open(const struct fixture *fixture)
{
    struct store_reader *reader = fixture_reader(fixture);
    struct store_delivery row;
    size_t count;
    assert_int_equal(store_open_deliveries(reader, "soc", &row, 1, &count), RESULT_OK);
    assert_int_equal(count, 1);
    store_reader_close(reader);
    return row;
}

/* --- jumps -------------------------------------------------------------------------------------------------------------- */

static void test_a_clock_a_year_ahead_for_a_while_removes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct counted_jumps before, jumps;
    counted_jumps(store_clock(fixture->store), &before);
    fixture_commit_alerts(fixture, 1, 20, "soc");
    for (int64_t alert = 1; alert <= 20; alert++)
        fixture_report(fixture, "soc", alert, 0, alert % 2 ? STORE_DEAD : STORE_DELIVERED, "");
    hands.wall += YEAR;
    struct store_maintenance ahead = pass(fixture, 40 * CLOCK_SECOND);
    hands.wall -= YEAR;
    struct store_maintenance right = pass(fixture, HOUR);
    assert_int_equal(ahead.alerts_removed + right.alerts_removed, 0);
    assert_int_equal(ahead.ids_forgotten + right.ids_forgotten, 0);
    counted_jumps(store_clock(fixture->store), &jumps);
    assert_int_equal(jumps.count - before.count, 2); /* each told once */
}

static void test_a_clock_years_behind_that_is_put_right_removes_nothing_until_it_is_old(void **state)
{
    struct fixture *fixture = *state;
    hands.wall = 86400 * CLOCK_SECOND; /* 1970, before NTP */
    boot_as(fixture, NEXT_BOOT, 0);
    fixture_commit_alerts(fixture, 1, 5, NULL);
    hands.wall = 1700000000 * CLOCK_SECOND;
    assert_int_equal(pass(fixture, 29 * DAY).alerts_removed, 0);
    assert_int_equal(pass(fixture, 3 * DAY).alerts_removed, 5);
}

static void test_a_clock_that_went_back_keeps_nothing_longer(void **state)
{
    struct fixture *fixture = *state;
    fixture_commit_alerts(fixture, 1, 5, NULL);
    hands.wall -= 10 * YEAR;
    assert_int_equal(pass(fixture, 29 * DAY).alerts_removed, 0);
    assert_int_equal(pass(fixture, 3 * DAY).alerts_removed, 5);
    assert_int_equal(pass(fixture, 60 * DAY).ids_forgotten, 5);
}

static void test_even_a_jump_of_the_kernels_clock_ages_nothing(void **state)
{
    struct fixture *fixture = *state;
    fixture_commit_alerts(fixture, 1, 5, NULL);
    for (int i = 0; i < 20; i++) {
        hands.boot += i % 2 ? -YEAR : YEAR;
        hands.wall += i % 2 ? -YEAR : YEAR;
        assert_int_equal(pass(fixture, 20 * CLOCK_SECOND).alerts_removed, 0);
    }
}

/* --- restarts ----------------------------------------------------------------------------------------------------------- */

static void test_age_survives_restarts_and_reboots_whatever_the_wall_clock_says_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    fixture_commit_alerts(fixture, 1, 5, NULL);
    assert_int_equal(pass(fixture, 10 * DAY).alerts_removed, 0);
    hands.wall += YEAR;
    boot_as(fixture, FIRST_BOOT, hands.boot + 10 * CLOCK_SECOND);
    assert_int_equal(pass(fixture, 10 * DAY).alerts_removed, 0);
    hands.wall -= 2 * YEAR;
    boot_as(fixture, NEXT_BOOT, 0);
    assert_int_equal(pass(fixture, 9 * DAY).alerts_removed, 0);
    assert_int_equal(pass(fixture, 3 * DAY).alerts_removed, 5);
}

static clock_nanos counted_over_restart(struct fixture *fixture, const char *boot_id, clock_nanos away)
{
    clock_nanos before = counted_now(store_clock(fixture->store));
    hands.wall += away;
    boot_as(fixture, boot_id, hands.boot + away);
    return counted_now(store_clock(fixture->store)) - before;
}

static void test_time_away_counts_under_the_same_boot_and_within_bounds_only(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(counted_over_restart(fixture, FIRST_BOOT, 30 * CLOCK_SECOND), 30 * CLOCK_SECOND);
    assert_int_equal(counted_over_restart(fixture, FIRST_BOOT, YEAR), COUNTED_AWAY_MAX);
    assert_int_equal(counted_over_restart(fixture, NEXT_BOOT, YEAR), 0);
    assert_int_equal(counted_over_restart(fixture, NEXT_BOOT, -HOUR), 0); /* the same id, and a clock that went back: not the same boot */
    assert_int_equal(counted_over_restart(fixture, "", HOUR), 0);
    assert_int_equal(counted_over_restart(fixture, "", HOUR), 0); /* two boots that are not known are not the same */
}

static void test_a_process_that_was_killed_goes_on_close_to_where_it_was(void **state)
{
    struct fixture *fixture = *state;
    fixture_commit_alerts(fixture, 1, 1, NULL);
    pass(fixture, DAY);
    clock_nanos before = counted_now(store_clock(fixture->store));
    char command[300];
    snprintf(command, sizeof command, "cp %s/store.db %s/copy; cp %s/store.db-wal %s/copy-wal", fixture->directory, fixture->directory,
             fixture->directory, fixture->directory);
    assert_int_equal(system(command), 0);
    close_store(fixture);
    snprintf(command, sizeof command, "cd %s && mv copy store.db && mv copy-wal store.db-wal", fixture->directory);
    assert_int_equal(system(command), 0);
    boot_as(fixture, NEXT_BOOT, 0);
    clock_nanos after = counted_now(store_clock(fixture->store));
    assert_true(after <= before && before - after <= 2 * 60 * CLOCK_SECOND);
}

/* --- waits -------------------------------------------------------------------------------------------------------------- */

static void report_pending(struct fixture *fixture, int64_t alert, clock_nanos wait)
{
    struct store_delivery_result result = {
        .alert = alert, .state = STORE_PENDING, .attempts = 1, .time = hands.wall, .next_time = hands.wall + wait, .wait = wait, .destination = "soc"};
    assert_int_equal(store_commit(fixture->store, NULL, 0, &result, 1, NULL), RESULT_OK);
}

static void test_a_wait_and_an_age_are_the_same_after_any_jump_and_a_restart(void **state)
{
    struct fixture *fixture = *state;
    fixture_commit_alerts(fixture, 1, 1, "soc");
    pass(fixture, 600 * CLOCK_SECOND);
    report_pending(fixture, 1, HOUR);
    hands.wall -= YEAR;
    boot_as(fixture, FIRST_BOOT, hands.boot + 10 * CLOCK_SECOND);
    struct store_delivery row = first_open(fixture);
    clock_nanos now = counted_now(store_clock(fixture->store));
    assert_in_range(row.counted_next - now, HOUR - 60 * CLOCK_SECOND, HOUR);
    assert_in_range(now - row.counted_since, 600 * CLOCK_SECOND, 660 * CLOCK_SECOND);
}

static void test_a_wait_passes_while_the_daemon_is_away_and_the_age_stays(void **state)
{
    struct fixture *fixture = *state;
    fixture_commit_alerts(fixture, 1, 1, "soc");
    report_pending(fixture, 1, HOUR);
    boot_as(fixture, FIRST_BOOT, hands.boot + HOUR / 2);
    struct store_delivery row = first_open(fixture);
    clock_nanos now = counted_now(store_clock(fixture->store));
    assert_in_range(row.counted_next - now, HOUR / 2 - 60 * CLOCK_SECOND, HOUR / 2);
    assert_in_range(now - row.counted_since, 0, 2 * COUNTED_AWAY_MAX);
    boot_as(fixture, FIRST_BOOT, hands.boot + YEAR);
    assert_true(first_open(fixture).counted_next <= counted_now(store_clock(fixture->store)));
}

static void test_after_a_reboot_what_waits_is_tried_at_once_and_is_no_older(void **state)
{
    struct fixture *fixture = *state;
    fixture_commit_alerts(fixture, 1, 1, "soc");
    report_pending(fixture, 1, HOUR);
    hands.wall += YEAR;
    boot_as(fixture, NEXT_BOOT, 0);
    struct store_delivery row = first_open(fixture);
    assert_int_equal(row.counted_next, 0);
    assert_in_range(counted_now(store_clock(fixture->store)) - row.counted_since, 0, 60 * CLOCK_SECOND);
}

/* --- given up is not delivered ------------------------------------------------------------------------------------------ */

static void test_what_was_given_up_is_kept_for_a_retention_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    uint64_t count;
    fixture_commit_alerts(fixture, 1, 2, "soc");
    pass(fixture, 29 * DAY);
    fixture_report(fixture, "soc", 1, 0, STORE_DEAD, "gone");
    fixture_report(fixture, "soc", 2, 0, STORE_DELIVERED, "");
    struct store_maintenance done = pass(fixture, 28 * DAY);
    assert_int_equal(done.alerts_removed, 1);
    assert_int_equal(done.given_up_removed, 0);
    assert_int_equal(store_retry_dead(fixture->store, 1, NULL, &count), RESULT_OK); /* the operator comes late, not too late */
    assert_in_range(counted_now(store_clock(fixture->store)) - first_open(fixture).counted_since, 0, 60 * CLOCK_SECOND);
    fixture_report(fixture, "soc", 1, 1, STORE_DEAD, "gone");
    assert_int_equal(pass(fixture, 29 * DAY).alerts_removed, 0);
    done = pass(fixture, 2 * DAY);
    assert_int_equal(done.alerts_removed, 1);
    assert_int_equal(done.given_up_removed, 1);
}

static void commit_heavy(struct fixture *fixture, int first, int count)
{
    char json[8000];
    struct submission *submission = submission_new(SLICE("prod"), (struct slice){0});
    memset(json, 'x', sizeof json);
    for (int i = 0; i < count; i++)
        fixture_add_alert(submission, first + i, "HIGH", "soc", slice_make(json, sizeof json));
    assert_int_equal(fixture_commit(fixture, submission, NULL), RESULT_OK);
}

static void end_all(struct fixture *fixture, int64_t first, int64_t last, enum store_delivery_state outcome)
{
    for (int64_t alert = first; alert <= last; alert++)
        fixture_report(fixture, "soc", alert, 0, outcome, "");
}

static void test_a_crowd_removes_what_was_delivered_and_what_was_given_up_last(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.soft_bytes = 500 * 1000;
    fixture->options.hard_bytes = 1500 * 1000;
    fixture_reopen(fixture);
    commit_heavy(fixture, 1, 60);
    end_all(fixture, 1, 60, STORE_DEAD);
    commit_heavy(fixture, 61, 60);
    end_all(fixture, 61, 120, STORE_DELIVERED);
    struct store_maintenance done = pass(fixture, 0);
    assert_in_range(done.alerts_removed, 1, 60);
    assert_int_equal(done.given_up_removed, 0);

    /* Nothing but what was given up, and hardly any room: then it goes, and is counted. */
    commit_heavy(fixture, 121, 60);
    end_all(fixture, 121, 180, STORE_DEAD);
    commit_heavy(fixture, 181, 20);
    done = pass(fixture, 0);
    assert_in_range(done.given_up_removed, 1, 120);
    assert_true(store_has_room(fixture->store));
    assert_int_equal(fixture_counts(fixture).destinations[0].pending, 20);
}

/* --- the older schema --------------------------------------------------------------------------------------------------- */

/* With wall times of any kind: long ago, and of a clock that was ahead. */
static const char version_2_rows[] = "INSERT INTO alert VALUES (7, x'0101', x'0202', 5, 6, 4, 50, 'HIGH', 'r', 'c'),"
                                     " (8, x'0102', x'0202', 5, 4102444800000000000, 4, 50, 'HIGH', 'r', 'c');"
                                     "INSERT INTO document VALUES (7, '{}'), (8, '{}');"
                                     "INSERT INTO seen VALUES (zeroblob(32), 7, 6), (x'" FIRST_BOOT FIRST_BOOT "', 8, 4102444800);"
                                     "INSERT INTO destination VALUES (1, 'soc'), (2, 'siem');"
                                     "INSERT INTO queue VALUES (1, 8, 0, 0, 3, 6, 4102444800000000000, 'down');"
                                     "INSERT INTO ended VALUES (7, 2, 0, 3, 9, 6, 7, 'gone');"
                                     "UPDATE meta SET value = 8 WHERE name = 'last_alert'";

static void make_version_2(struct fixture *fixture)
{
    struct database database;
    char path[128];
    static const char *const none[1] = {NULL};
    close_store(fixture);
    snprintf(path, sizeof path, "%s/store.db", fixture->directory);
    unlink(path);
    assert_int_equal(database_open(&database, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL, 100, none), RESULT_OK);
    assert_int_equal(schema_migrate(&database, schema_steps, 2), RESULT_OK);
    assert_int_equal(database_run(&database, version_2_rows), RESULT_OK);
    database_close(&database);
}

static void test_a_store_of_version_2_begins_to_age_when_it_is_opened(void **state)
{
    struct fixture *fixture = *state;
    make_version_2(fixture);
    fixture_open(fixture);
    struct store_delivery row = first_open(fixture);
    assert_int_equal(row.alert, 8);
    assert_int_equal(row.counted_next, 0);
    assert_in_range(counted_now(store_clock(fixture->store)) - row.counted_since, 0, CLOCK_SECOND);
    struct store_maintenance done = pass(fixture, 29 * DAY);
    assert_int_equal(done.alerts_removed + done.ids_forgotten, 0);
    fixture_report(fixture, "soc", 8, 0, STORE_DELIVERED, "");
    done = pass(fixture, 3 * DAY);
    assert_int_equal(done.alerts_removed, 2);
    assert_int_equal(pass(fixture, 60 * DAY).ids_forgotten, 2);
}

static void test_a_clock_row_that_is_nonsense_stops_nothing(void **state)
{
    struct fixture *fixture = *state;
    static const char *const rows[] = {
        "UPDATE counted_time SET counted = 9223372036854775807, boot = 9223372036854775807, wall = 9223372036854775807",
        "UPDATE counted_time SET counted = -9223372036854775807, boot = -9223372036854775807, wall = -9223372036854775807",
        "UPDATE counted_time SET boot_id = 'not an id, and much longer than one would be, so that it has to be cut somewhere'",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        close_store(fixture);
        run_sql(fixture, rows[i]);
        fixture_open(fixture);
        fixture_commit_alerts(fixture, (int)i * 10 + 1, 1, "soc");
        pass(fixture, 20 * CLOCK_SECOND);
    }
    assert_int_equal(fixture_open_count(fixture, "soc"), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_clock_a_year_ahead_for_a_while_removes_nothing),
        TEST(test_a_clock_years_behind_that_is_put_right_removes_nothing_until_it_is_old),
        TEST(test_a_clock_that_went_back_keeps_nothing_longer),
        TEST(test_even_a_jump_of_the_kernels_clock_ages_nothing),
        TEST(test_age_survives_restarts_and_reboots_whatever_the_wall_clock_says_meanwhile),
        TEST(test_time_away_counts_under_the_same_boot_and_within_bounds_only),
        TEST(test_a_process_that_was_killed_goes_on_close_to_where_it_was),
        TEST(test_a_wait_and_an_age_are_the_same_after_any_jump_and_a_restart),
        TEST(test_a_wait_passes_while_the_daemon_is_away_and_the_age_stays),
        TEST(test_after_a_reboot_what_waits_is_tried_at_once_and_is_no_older),
        TEST(test_what_was_given_up_is_kept_for_a_retention_of_its_own),
        TEST(test_a_crowd_removes_what_was_delivered_and_what_was_given_up_last),
        TEST(test_a_store_of_version_2_begins_to_age_when_it_is_opened),
        TEST(test_a_clock_row_that_is_nonsense_stops_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
