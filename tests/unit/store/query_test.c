/* SPDX-License-Identifier: Apache-2.0 */
/* The questions that people and the deliver thread ask. */
#include "fixture.h"

struct seen {
    struct buffer numbers;
    size_t stop_after; /* 0: never */
    size_t count;
};

static bool note(const struct store_alert *alert, void *context)
{
    struct seen *seen = context;
    buffer_printf(&seen->numbers, "%lld ", (long long)alert->alert);
    return ++seen->count != seen->stop_after;
}

static void assert_list(const struct fixture *fixture, struct store_alert_filter filter, const char *expected)
{
    struct seen seen = {0};
    struct store_reader *reader = fixture_reader(fixture);
    assert_int_equal(store_alerts(reader, &filter, note, &seen), RESULT_OK);
    assert_string_equal(seen.numbers.bytes ? seen.numbers.bytes : "", expected);
    buffer_free(&seen.numbers);
    store_reader_close(reader);
}

static void add_one(struct fixture *fixture, const char *cluster, int number, const char *severity)
{
    struct submission *submission = submission_new(slice_of(cluster), (struct slice){0});
    fixture_add_alert(submission, number, severity, NULL, (struct slice){0});
    assert_int_equal(fixture_commit(fixture, submission, NULL), RESULT_OK);
}

static void test_alerts_are_listed_by_what_was_asked_for(void **state)
{
    struct fixture *fixture = *state;
    add_one(fixture, "prod", 1, "LOW");
    add_one(fixture, "prod", 2, "CRITICAL");
    add_one(fixture, "test", 3, "HIGH");
    add_one(fixture, "prod", 4, "Sevre");
    assert_list(fixture, (struct store_alert_filter){0}, "4 3 2 1 ");
    assert_list(fixture, (struct store_alert_filter){.limit = 2}, "4 3 ");
    assert_list(fixture, (struct store_alert_filter){.severity = SEVERITY_HIGH}, "4 3 2 "); /* a misspelt one is never hidden */
    assert_list(fixture, (struct store_alert_filter){.cluster = "prod"}, "4 2 1 ");
    assert_list(fixture, (struct store_alert_filter){.rule = "odd"}, "3 1 ");
    assert_list(fixture, (struct store_alert_filter){.since = 3 * CLOCK_SECOND}, "4 3 ");
    assert_list(fixture, (struct store_alert_filter){.after = 2}, "3 4 ");
    assert_list(fixture, (struct store_alert_filter){.after = -1, .limit = 3}, "1 2 3 ");
    assert_list(fixture, (struct store_alert_filter){.cluster = "nowhere"}, "");
}

static void test_long_lists_are_whole_over_all_their_pages(void **state)
{
    struct fixture *fixture = *state;
    struct buffer expected = {0};
    fixture_commit_alerts(fixture, 1, 50, NULL);
    for (int number = 50; number > 0; number--)
        buffer_printf(&expected, "%d ", number);
    assert_list(fixture, (struct store_alert_filter){0}, expected.bytes);
    buffer_free(&expected);
    assert_list(fixture, (struct store_alert_filter){.limit = 17}, "50 49 48 47 46 45 44 43 42 41 40 39 38 37 36 35 34 ");
}

static void test_the_visitor_can_stop(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {.stop_after = 2};
    struct store_alert_filter filter = {0};
    fixture_commit_alerts(fixture, 1, 40, NULL);
    struct store_reader *reader = fixture_reader(fixture);
    assert_int_equal(store_alerts(reader, &filter, note, &seen), RESULT_OK);
    assert_int_equal(seen.count, 2);
    buffer_free(&seen.numbers);
    store_reader_close(reader);
}

static void test_an_id_is_found_by_its_beginning(void **state)
{
    struct fixture *fixture = *state;
    struct store_alert alert;
    struct arena *arena = arena_new(4096);
    char id[DIGEST_SHA256_HEX];
    fixture_commit_alerts(fixture, 1, 40, NULL);
    struct store_reader *reader = fixture_reader(fixture);
    fixture_id(7, id);
    for (size_t length = 8; length <= 64; length += 7) {
        assert_int_equal(store_alert_by_id(reader, slice_make(id, length), arena, &alert), RESULT_OK);
        assert_string_equal(alert.alert_id, id);
    }
    for (char *c = id; *c != '\0'; c++)
        *c = (char)(*c >= 'a' ? *c - 32 : *c);
    assert_int_equal(store_alert_by_id(reader, slice_of(id), arena, &alert), RESULT_OK);
    /* Forty ids and sixteen digits: some digit begins two of them. */
    size_t ambiguous = 0;
    for (const char *digit = "0123456789abcdef"; *digit; digit++)
        ambiguous += store_alert_by_id(reader, slice_make(digit, 1), arena, &alert) == RESULT_LIMIT;
    assert_true(ambiguous > 0);
    assert_int_equal(store_alert_by_id(reader, SLICE("xyz"), arena, &alert), RESULT_INVALID);
    assert_int_equal(store_alert_by_id(reader, SLICE(""), arena, &alert), RESULT_INVALID);
    assert_int_equal(store_alert_by_id(reader, SLICE("0000000000000000"), arena, &alert), RESULT_NOT_FOUND);
    store_reader_close(reader);
    arena_free(arena);
}

static void test_a_reader_sees_each_commit_and_hinders_none(void **state)
{
    struct fixture *fixture = *state;
    struct store_reader *reader = fixture_reader(fixture);
    int64_t last;
    for (int number = 1; number <= 20; number++) {
        fixture_commit_alerts(fixture, number, 1, "soc");
        assert_int_equal(store_last_alert(reader, &last), RESULT_OK);
        assert_int_equal(last, number);
    }
    store_reader_close(reader);
}

struct writing_visitor {
    struct fixture *fixture;
    int next;
};

/* A commit and a checkpoint in the middle of a list. */
static bool write_more(const struct store_alert *alert, void *context)
{
    struct writing_visitor *visitor = context;
    (void)alert;
    fixture_commit_alerts(visitor->fixture, visitor->next++, 1, "soc");
    assert_int_equal(store_checkpoint(visitor->fixture->store, true), RESULT_OK);
    return true;
}

static void test_a_list_that_is_being_looked_at_does_not_pin_the_wal(void **state)
{
    struct fixture *fixture = *state;
    struct writing_visitor visitor = {fixture, 1000};
    struct store_alert_filter filter = {.limit = 300};
    fixture_commit_alerts(fixture, 1, 300, "soc");
    uint64_t before = fixture_counts(fixture).wal_bytes;
    struct store_reader *reader = fixture_reader(fixture);
    assert_int_equal(store_alerts(reader, &filter, write_more, &visitor), RESULT_OK);
    /* 300 commits of some pages each would have made 5 MB of it. */
    assert_true(fixture_counts(fixture).wal_bytes <= before + 200 * 1024);
    store_reader_close(reader);
}

static void test_counts_tell_what_is_there(void **state)
{
    struct fixture *fixture = *state;
    fixture_commit_alerts(fixture, 1, 3, "soc trail");
    fixture_report(fixture, "soc", 1, 0, STORE_DELIVERED, "");
    fixture_report(fixture, "soc", 2, 0, STORE_DEAD, "HTTP 400");
    struct store_counts counts = fixture_counts(fixture);
    assert_int_equal(counts.alerts, 3);
    assert_int_equal(counts.alerts_stored, 3);
    assert_int_equal(counts.destination_count, 2);
    assert_string_equal(counts.destinations[0].name, "soc");
    assert_int_equal(counts.destinations[0].pending, 1);
    assert_int_equal(counts.destinations[0].dead, 1);
    assert_int_equal(counts.destinations[1].pending, 3);
    assert_true(counts.destinations[1].oldest > 0);
    assert_true(counts.database_bytes > 0 && counts.wal_bytes > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_alerts_are_listed_by_what_was_asked_for),
        TEST(test_long_lists_are_whole_over_all_their_pages),
        TEST(test_the_visitor_can_stop),
        TEST(test_an_id_is_found_by_its_beginning),
        TEST(test_a_reader_sees_each_commit_and_hinders_none),
        TEST(test_a_list_that_is_being_looked_at_does_not_pin_the_wal),
        TEST(test_counts_tell_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
