/* SPDX-License-Identifier: Apache-2.0 */
/* What a commit keeps, what it refuses, and what is there when it fails. */
#include "faulty_vfs.h"
#include "fixture.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- tests -------------------------------------------------------------------------------------------------------------- */

static int setup_faulty(void **state)
{
    faulty_register();
    return fixture_setup_on(state, "faulty");
}

static void test_an_alert_is_there_after_reopening(void **state)
{
    struct fixture *fixture = *state;
    struct store_alert alert;
    struct arena *arena = arena_new(4096);
    char id[DIGEST_SHA256_HEX];
    fixture_commit_alerts(fixture, 1, 3, "soc");
    fixture_reopen(fixture);
    struct store_reader *reader = fixture_reader(fixture);
    assert_int_equal(store_alert_by_id(reader, slice_of(fixture_id(2, id)), arena, &alert), RESULT_OK);
    assert_string_equal(alert.alert_id, id);
    assert_true(slice_is(alert.json, "{\"n\":2}"));
    assert_true(slice_is(alert.cluster, "prod"));
    assert_true(slice_is(alert.severity, "HIGH"));
    assert_int_equal(alert.time, 2 * CLOCK_SECOND);
    store_reader_close(reader);
    arena_free(arena);
}

/* The process ends without any clean-up, as by kill -9. */
static void test_what_was_committed_survives_the_end_of_the_process(void **state)
{
    struct fixture *fixture = *state;
    store_close(fixture->store);
    fixture->store = NULL;
    pid_t child = fork();
    if (child == 0) {
        char *error = NULL;
        if (store_open(&fixture->options, &fixture->store, &error) != RESULT_OK)
            _exit(1);
        struct submission *submission = submission_new(SLICE("prod"), (struct slice){0});
        fixture_add_alert(submission, 1, "HIGH", "soc", (struct slice){0});
        kill(getpid(), fixture_commit(fixture, submission, NULL) == RESULT_OK ? SIGKILL : SIGTERM);
        _exit(1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    fixture_open(fixture);
    assert_int_equal(fixture_open_count(fixture, "soc"), 1);
}

static void test_an_alert_sent_again_adds_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct store_commit_counts counts;
    fixture_commit_alerts(fixture, 1, 2, "soc trail");
    struct submission *submission = submission_new(SLICE("prod"), (struct slice){0});
    fixture_add_alert(submission, 2, "HIGH", "soc trail", (struct slice){0});
    fixture_add_alert(submission, 3, "HIGH", "soc trail", (struct slice){0});
    fixture_add_alert(submission, 3, "HIGH", "soc trail", (struct slice){0});
    assert_int_equal(fixture_commit(fixture, submission, &counts), RESULT_OK);
    assert_int_equal(counts.alerts_added, 1);
    assert_int_equal(counts.alerts_known, 2);
    assert_int_equal(counts.deliveries_added, 2);
    assert_int_equal(fixture_counts(fixture).alerts, 3);
    assert_int_equal(fixture_open_count(fixture, "trail"), 3);
}

static void test_a_destination_named_twice_gets_one_delivery(void **state)
{
    struct fixture *fixture = *state;
    fixture_commit_alerts(fixture, 1, 1, "soc soc");
    assert_int_equal(fixture_open_count(fixture, "soc"), 1);
}

static void test_a_damaged_submission_is_left_out_whole_and_the_others_are_kept(void **state)
{
    struct fixture *fixture = *state;
    struct submission *good = submission_new(SLICE("a"), (struct slice){0}), *bad = submission_new(SLICE("b"), (struct slice){0});
    struct submission *future = submission_new(SLICE("c"), (struct slice){0});
    fixture_add_alert(good, 1, "HIGH", "soc", (struct slice){0});
    fixture_add_alert(bad, 2, "HIGH", "soc", (struct slice){0});
    fixture_add_alert(bad, 3, "HIGH", "soc", (struct slice){0});
    fixture_add_alert(future, 4, "HIGH", "soc", (struct slice){0});
    submission_add_observation(future, SLICE("?"));
    struct slice cut = submission_bytes(bad);
    cut.length--;
    struct store_submission all[] = {{.bytes = cut}, {.bytes = submission_bytes(good)}, {.bytes = submission_bytes(future)}};
    assert_int_equal(store_commit(fixture->store, all, 3, NULL, 0, NULL), RESULT_OK);
    assert_int_equal(all[0].result, RESULT_INVALID);
    assert_int_equal(all[1].result, RESULT_OK);
    assert_int_equal(all[2].result, RESULT_UNSUPPORTED);
    assert_int_equal(fixture_counts(fixture).alerts, 1);
    submission_free(good);
    submission_free(bad);
    submission_free(future);
}

static enum result commit_large(struct fixture *fixture, int number, size_t bytes)
{
    struct submission *submission = submission_new(SLICE("prod"), (struct slice){0});
    struct buffer json = {0};
    buffer_reserve(&json, bytes);
    memset(json.bytes, 'x', bytes);
    json.length = bytes;
    fixture_add_alert(submission, 1000, "HIGH", "newcomer", (struct slice){0});
    fixture_add_alert(submission, number, "HIGH", "soc", buffer_slice(&json));
    enum result result = fixture_commit(fixture, submission, NULL);
    buffer_free(&json);
    return result;
}

static void assert_nothing_new(const struct fixture *fixture)
{
    assert_int_equal(fixture_counts(fixture).alerts, 1);
    assert_int_equal(fixture_open_count(fixture, "newcomer"), 0);
}

static void test_a_file_size_limit_keeps_nothing_and_later_all_is_kept(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit before, tight;
    fixture_commit_alerts(fixture, 1, 1, "soc");
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    tight = before;
    tight.rlim_cur = 1000 * 1000;
    setrlimit(RLIMIT_FSIZE, &tight);
    enum result first = commit_large(fixture, 2, 2 * 1000 * 1000), second = commit_large(fixture, 2, 2 * 1000 * 1000);
    setrlimit(RLIMIT_FSIZE, &before);
    /* SQLite tells ENOSPC apart, not EFBIG. */
    assert_true(first == RESULT_IO || first == RESULT_FULL);
    assert_true(second == RESULT_IO || second == RESULT_FULL);
    assert_nothing_new(fixture);
    assert_int_equal(commit_large(fixture, 2, 2 * 1000 * 1000), RESULT_OK);
    assert_int_equal(fixture_counts(fixture).alerts, 3);
    assert_int_equal(fixture_open_count(fixture, "newcomer"), 1);
}

static void test_a_full_disk_keeps_nothing_and_later_all_is_kept(void **state)
{
    struct fixture *fixture = *state;
    fixture_commit_alerts(fixture, 1, 1, "soc");
    for (int after = 1; after <= 5; after++) {
        fail_writes = after;
        assert_int_equal(commit_large(fixture, 2, 50 * 1000), RESULT_FULL);
        fail_writes = 0;
        assert_non_null(strstr(store_error(fixture->store), "make room"));
        assert_nothing_new(fixture);
    }
    assert_int_equal(commit_large(fixture, 2, 50 * 1000), RESULT_OK);
    assert_int_equal(fixture_counts(fixture).alerts, 3);
}

static void test_a_failed_sync_acknowledges_nothing_and_later_all_is_kept(void **state)
{
    struct fixture *fixture = *state;
    struct store_commit_counts counts;
    fixture_commit_alerts(fixture, 1, 1, "soc");
    struct submission *submission = submission_new(SLICE("prod"), (struct slice){0});
    fixture_add_alert(submission, 2, "HIGH", "soc", (struct slice){0});
    fail_syncs = 1;
    assert_int_equal(fixture_commit(fixture, submission, &counts), RESULT_IO);
    fail_syncs = 0;
    assert_int_equal(counts.alerts_added, 0);
    submission = submission_new(SLICE("prod"), (struct slice){0});
    fixture_add_alert(submission, 2, "HIGH", "soc", (struct slice){0});
    assert_int_equal(fixture_commit(fixture, submission, NULL), RESULT_OK);
    fixture_reopen(fixture);
    assert_int_equal(fixture_counts(fixture).alerts, 2);
    assert_int_equal(fixture_open_count(fixture, "soc"), 2);
}

static struct submission *with_position(int alert, const char *key, const char *value)
{
    struct submission *submission = submission_new(SLICE("prod"), (struct slice){0});
    fixture_add_alert(submission, alert, "HIGH", "soc", (struct slice){0});
    assert_int_equal(submission_add_position(submission, slice_of(key), slice_of(value)), RESULT_OK);
    return submission;
}

/* "-": none. */
static void assert_position(const struct fixture *fixture, const char *key, const char *expected)
{
    struct store_reader *reader = fixture_reader(fixture);
    struct arena *arena = arena_new(1024);
    struct slice value = SLICE("-");
    enum result result = store_position(reader, key, arena, &value);
    assert_int_equal(result, strcmp(expected, "-") == 0 ? RESULT_NOT_FOUND : RESULT_OK);
    assert_true(slice_is(value, expected));
    arena_free(arena);
    store_reader_close(reader);
}

static void gather(struct slice key, struct slice value, void *context)
{
    buffer_printf(context, "%.*s=%.*s;", SLICE_ARGS(key), SLICE_ARGS(value));
}

static void test_positions_of_a_prefix_are_those_whose_keys_begin_with_it(void **state)
{
    struct fixture *fixture = *state;
    struct buffer found = {NULL, 0, 0};
    assert_int_equal(fixture_commit(fixture, with_position(1, "health/7", "a"), NULL), RESULT_OK);
    assert_int_equal(fixture_commit(fixture, with_position(2, "health", "b"), NULL), RESULT_OK);
    assert_int_equal(fixture_commit(fixture, with_position(3, "health0", "c"), NULL), RESULT_OK);
    assert_int_equal(fixture_commit(fixture, with_position(4, "a-health/1", "d"), NULL), RESULT_OK);
    struct store_reader *reader = fixture_reader(fixture);
    assert_int_equal(store_positions(reader, "health/", gather, &found), RESULT_OK);
    assert_true(slice_is(buffer_slice(&found), "health/7=a;"));
    assert_int_equal(store_positions(reader, "none/", gather, &found), RESULT_OK);
    assert_int_equal(found.length, strlen("health/7=a;"));
    store_reader_close(reader);
    buffer_free(&found);
}

static void test_a_position_is_replaced_by_the_next_one_of_its_source(void **state)
{
    struct fixture *fixture = *state;
    assert_position(fixture, "node-1", "-");
    assert_int_equal(fixture_commit(fixture, with_position(1, "node-1", "1:100"), NULL), RESULT_OK);
    assert_int_equal(fixture_commit(fixture, with_position(2, "node-2", "2:7"), NULL), RESULT_OK);
    struct submission *submission = submission_new(SLICE("prod"), (struct slice){0});
    submission_add_position(submission, SLICE("node-1"), SLICE("1:200"));
    assert_int_equal(fixture_commit(fixture, submission, NULL), RESULT_OK);
    fixture_reopen(fixture);
    assert_position(fixture, "node-1", "1:200");
    assert_position(fixture, "node-2", "2:7");
}

/* A position without its alerts would lose them, alerts without their position would only come twice. */
static void test_a_position_is_kept_with_the_alerts_of_its_submission_or_not_at_all(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(fixture_commit(fixture, with_position(1, "node-1", "1:100"), NULL), RESULT_OK);
    fail_syncs = 1;
    assert_int_equal(fixture_commit(fixture, with_position(2, "node-1", "1:200"), NULL), RESULT_IO);
    fail_syncs = 0;
    fixture_reopen(fixture);
    assert_position(fixture, "node-1", "1:100");
    assert_int_equal(fixture_counts(fixture).alerts, 1);
    assert_int_equal(fixture_commit(fixture, with_position(2, "node-1", "1:200"), NULL), RESULT_OK);
    assert_position(fixture, "node-1", "1:200");
    assert_int_equal(fixture_counts(fixture).alerts, 2);
}

static void test_open_deliveries_come_in_the_order_of_commit(void **state)
{
    struct fixture *fixture = *state;
    static const int order[] = {5, 3, 9, 1};
    for (size_t i = 0; i < 4; i++)
        fixture_commit_alerts(fixture, order[i], 1, i % 2 ? "soc" : "soc trail");
    struct store_reader *reader = fixture_reader(fixture);
    struct store_delivery rows[8];
    size_t count;
    char id[DIGEST_SHA256_HEX];
    assert_int_equal(store_open_deliveries(reader, "soc", rows, 8, &count), RESULT_OK);
    assert_int_equal(count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(rows[i].alert_id, fixture_id(order[i], id));
        assert_string_equal(rows[i].destination, "soc");
        assert_int_equal(rows[i].state, STORE_PENDING);
    }
    assert_int_equal(store_open_deliveries(reader, "soc", rows, 3, &count), RESULT_OK);
    assert_int_equal(count, 3);
    assert_int_equal(store_open_deliveries(reader, "unheard of", rows, 8, &count), RESULT_OK);
    assert_int_equal(count, 0);
    store_reader_close(reader);
}

static struct store_delivery only_delivery;
static size_t deliveries_seen;

static bool note_delivery(const struct store_delivery *delivery, void *context)
{
    (void)context;
    only_delivery = *delivery;
    deliveries_seen++;
    return true;
}

static void look_at_delivery(const struct fixture *fixture, int64_t alert)
{
    struct store_reader *reader = fixture_reader(fixture);
    deliveries_seen = 0;
    assert_int_equal(store_alert_deliveries(reader, alert, note_delivery, NULL), RESULT_OK);
    assert_int_equal(deliveries_seen, 1);
    store_reader_close(reader);
}

static void test_a_delivery_goes_through_its_states(void **state)
{
    struct fixture *fixture = *state;
    fixture_commit_alerts(fixture, 1, 1, "soc");
    assert_int_equal(fixture_report(fixture, "soc", 1, 0, STORE_PENDING, "HTTP 500"), RESULT_OK);
    look_at_delivery(fixture, 1);
    assert_int_equal(only_delivery.state, STORE_PENDING);
    assert_int_equal(only_delivery.attempts, 1);
    assert_int_equal(only_delivery.next_time, 77);
    assert_string_equal(only_delivery.error, "HTTP 500");
    assert_int_equal(fixture_report(fixture, "soc", 1, 0, STORE_HELD, "HTTP 401"), RESULT_OK);
    assert_int_equal(fixture_counts(fixture).destinations[0].held, 1);
    assert_int_equal(fixture_report(fixture, "soc", 1, 0, STORE_DELIVERED, ""), RESULT_OK);
    look_at_delivery(fixture, 1);
    assert_int_equal(only_delivery.state, STORE_DELIVERED);
    assert_string_equal(only_delivery.error, "");
    assert_int_equal(fixture_open_count(fixture, "soc"), 0);
}

static void test_a_dead_delivery_is_listed_and_can_be_put_back(void **state)
{
    struct fixture *fixture = *state;
    uint64_t count;
    fixture_commit_alerts(fixture, 1, 20, "soc");
    for (int64_t alert = 1; alert <= 20; alert++)
        fixture_report(fixture, "soc", alert, 0, STORE_DEAD, "HTTP 400");
    struct store_reader *reader = fixture_reader(fixture);
    deliveries_seen = 0;
    assert_int_equal(store_dead_deliveries(reader, 0, note_delivery, NULL), RESULT_OK);
    assert_int_equal(deliveries_seen, 20);
    assert_int_equal(only_delivery.alert, 1); /* the oldest last */
    store_reader_close(reader);
    assert_int_equal(fixture_counts(fixture).destinations[0].dead, 20);

    assert_int_equal(store_retry_dead(fixture->store, 7, "soc", &count), RESULT_OK);
    assert_int_equal(count, 1);
    look_at_delivery(fixture, 7);
    assert_int_equal(only_delivery.state, STORE_PENDING);
    assert_int_equal(only_delivery.round, 1);
    assert_int_equal(only_delivery.attempts, 0);
    /* A late result of the round before changes nothing. */
    fixture_report(fixture, "soc", 7, 0, STORE_DELIVERED, "");
    assert_int_equal(fixture_open_count(fixture, "soc"), 1);
    fixture_report(fixture, "soc", 7, 1, STORE_DELIVERED, "");
    assert_int_equal(fixture_open_count(fixture, "soc"), 0);

    assert_int_equal(store_retry_dead(fixture->store, 7, NULL, &count), RESULT_NOT_FOUND);
    assert_int_equal(store_retry_dead(fixture->store, 0, "unheard of", &count), RESULT_NOT_FOUND);
    assert_int_equal(store_retry_dead(fixture->store, 0, NULL, &count), RESULT_OK);
    assert_int_equal(count, 19);
}

static void test_results_for_what_is_not_there_are_ignored(void **state)
{
    struct fixture *fixture = *state;
    fixture_commit_alerts(fixture, 1, 1, "soc");
    assert_int_equal(fixture_report(fixture, "nobody", 1, 0, STORE_DELIVERED, ""), RESULT_OK);
    assert_int_equal(fixture_report(fixture, "soc", 99, 0, STORE_DELIVERED, ""), RESULT_OK);
    assert_int_equal(fixture_open_count(fixture, "soc"), 1);
}

static void add_letter(struct fixture *fixture, const char *kept)
{
    struct submission *submission = submission_new(SLICE("prod"), (struct slice){0});
    struct submission_dead_letter letter = {SLICE("in"), SLICE("syntax"), SLICE("no JSON"), 100, 7, slice_of(kept)};
    submission_add_dead_letter(submission, &letter);
    assert_int_equal(fixture_commit(fixture, submission, NULL), RESULT_OK);
}

static bool note_letter(const struct store_dead_letter *letter, void *context)
{
    struct buffer *out = context;
    buffer_printf(out, "%lld:%llu ", (long long)letter->number, (unsigned long long)letter->kept_length);
    return true;
}

static void test_dead_letters_are_bounded_and_the_oldest_go(void **state)
{
    struct fixture *fixture = *state;
    struct buffer seen = {0};
    struct store_dead_letter letter;
    struct arena *arena = arena_new(4096);
    fixture->options.dead_letter_bytes = 10;
    fixture->options.dead_letter_count = 3;
    fixture_reopen(fixture);
    add_letter(fixture, "1234");
    add_letter(fixture, "1234");
    add_letter(fixture, "123"); /* 11 bytes: the first goes */
    fixture_reopen(fixture);    /* the sums are read again */
    add_letter(fixture, "");
    add_letter(fixture, ""); /* four: the second goes */
    struct store_reader *reader = fixture_reader(fixture);
    assert_int_equal(store_dead_letters(reader, 0, note_letter, &seen), RESULT_OK);
    assert_string_equal(seen.bytes, "5:0 4:0 3:3 ");
    assert_int_equal(store_dead_letter_by_number(reader, 3, arena, &letter), RESULT_OK);
    assert_true(slice_is(letter.kept, "123"));
    assert_true(slice_is(letter.reason, "syntax"));
    assert_int_equal(letter.offset, 7);
    assert_int_equal(store_dead_letter_by_number(reader, 1, arena, &letter), RESULT_NOT_FOUND);
    store_reader_close(reader);
    assert_int_equal(fixture_counts(fixture).dead_letters, 3);
    assert_int_equal(fixture_counts(fixture).dead_letters_dropped, 2);
    add_letter(fixture, "more than ten bytes"); /* cut to what may be kept */
    assert_int_equal(fixture_counts(fixture).dead_letters_dropped, 3);
    buffer_free(&seen);
    arena_free(arena);
}

static void test_files_are_for_the_owner_alone(void **state)
{
    struct fixture *fixture = *state;
    static const char *const files[] = {"store.db", "store.db-wal", "store.lock"};
    struct stat about;
    fixture_commit_alerts(fixture, 1, 1, NULL);
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", fixture->directory, files[i]);
        assert_int_equal(stat(path, &about), 0);
        assert_int_equal(about.st_mode & 0777, 0600);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_an_alert_is_there_after_reopening),
        TEST(test_what_was_committed_survives_the_end_of_the_process),
        TEST(test_an_alert_sent_again_adds_nothing),
        TEST(test_a_destination_named_twice_gets_one_delivery),
        TEST(test_a_damaged_submission_is_left_out_whole_and_the_others_are_kept),
        TEST(test_a_file_size_limit_keeps_nothing_and_later_all_is_kept),
        cmocka_unit_test_setup_teardown(test_a_full_disk_keeps_nothing_and_later_all_is_kept, setup_faulty, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_failed_sync_acknowledges_nothing_and_later_all_is_kept, setup_faulty, fixture_teardown),
        TEST(test_positions_of_a_prefix_are_those_whose_keys_begin_with_it),
        TEST(test_a_position_is_replaced_by_the_next_one_of_its_source),
        cmocka_unit_test_setup_teardown(test_a_position_is_kept_with_the_alerts_of_its_submission_or_not_at_all, setup_faulty, fixture_teardown),
        TEST(test_open_deliveries_come_in_the_order_of_commit),
        TEST(test_a_delivery_goes_through_its_states),
        TEST(test_a_dead_delivery_is_listed_and_can_be_put_back),
        TEST(test_results_for_what_is_not_there_are_ignored),
        TEST(test_dead_letters_are_bounded_and_the_oldest_go),
        TEST(test_files_are_for_the_owner_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
