/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/submission.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct submission_alert example_alert(void)
{
    struct submission_alert alert = {
        .alert_id = SLICE(ID_A),
        .dedup_key = SLICE(ID_B),
        .time = -5,
        .rule = SLICE("rule"),
        .severity = SLICE("HIGH"),
        .risk_score = 62.5,
        .json = SLICE("{\"a\":1}"),
        .destinations = {SLICE("soc"), SLICE("trail")},
        .destination_count = 2,
    };
    return alert;
}

static struct submission *example(void)
{
    struct submission *submission = submission_new(SLICE("prod"), SLICE("key"));
    struct submission_alert alert = example_alert();
    struct submission_dead_letter letter = {SLICE("apiserver"), SLICE("syntax"), SLICE("unexpected }"), UINT64_C(5000000000), 17,
                                            SLICE("}\0x")};
    assert_int_equal(submission_add_alert(submission, &alert), RESULT_OK);
    assert_int_equal(submission_add_dead_letter(submission, &letter), RESULT_OK);
    assert_int_equal(submission_add_observation(submission, SLICE("seen")), RESULT_OK);
    assert_int_equal(submission_add_position(submission, SLICE("node-1"), SLICE("offset\0005")), RESULT_OK);
    return submission;
}

static void test_what_was_written_is_read(void **state)
{
    struct submission *submission = example();
    struct submission_reader reader;
    struct submission_item item;
    (void)state;
    assert_int_equal(submission_alert_count(submission), 1);
    assert_int_equal(submission_reader_open(&reader, submission_bytes(submission)), RESULT_OK);
    assert_true(slice_is(reader.cluster, "prod"));
    assert_true(slice_is(reader.partition_key, "key"));

    assert_int_equal(submission_reader_next(&reader, &item), RESULT_OK);
    assert_int_equal(item.kind, SUBMISSION_ALERT);
    assert_true(slice_is(item.alert.alert_id, ID_A));
    assert_true(slice_is(item.alert.dedup_key, ID_B));
    assert_int_equal(item.alert.time, -5);
    assert_true(item.alert.risk_score > 62.4 && item.alert.risk_score < 62.6);
    assert_true(slice_is(item.alert.json, "{\"a\":1}"));
    assert_int_equal(item.alert.destination_count, 2);
    assert_true(slice_is(item.alert.destinations[1], "trail"));

    assert_int_equal(submission_reader_next(&reader, &item), RESULT_OK);
    assert_int_equal(item.kind, SUBMISSION_DEAD_LETTER);
    assert_int_equal(item.dead_letter.total_length, UINT64_C(5000000000));
    assert_int_equal(item.dead_letter.offset, 17);
    assert_int_equal(item.dead_letter.kept.length, 3);

    assert_int_equal(submission_reader_next(&reader, &item), RESULT_OK);
    assert_int_equal(item.kind, SUBMISSION_OBSERVATION);
    assert_true(slice_is(item.observation, "seen"));

    assert_int_equal(submission_reader_next(&reader, &item), RESULT_OK);
    assert_int_equal(item.kind, SUBMISSION_POSITION);
    assert_true(slice_is(item.position.key, "node-1"));
    assert_int_equal(item.position.value.length, 8);
    assert_int_equal(submission_reader_next(&reader, &item), RESULT_NOT_FOUND);
    submission_free(submission);
}

static void test_a_new_one_is_empty_until_something_is_added(void **state)
{
    struct submission *submission = submission_new(SLICE("prod"), (struct slice){0});
    struct submission_reader reader;
    struct submission_item item;
    (void)state;
    assert_true(submission_is_empty(submission));
    assert_int_equal(submission_reader_open(&reader, submission_bytes(submission)), RESULT_OK);
    assert_int_equal(submission_reader_next(&reader, &item), RESULT_NOT_FOUND);
    submission_add_observation(submission, SLICE(""));
    assert_false(submission_is_empty(submission));
    submission_free(submission);
}

static void test_an_alert_with_a_bad_id_or_destination_is_not_added(void **state)
{
    struct submission *submission = submission_new(SLICE("prod"), (struct slice){0});
    struct submission_alert alert = example_alert();
    (void)state;
    alert.alert_id = SLICE("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert_int_equal(submission_add_alert(submission, &alert), RESULT_INVALID);
    alert = example_alert();
    alert.dedup_key = SLICE("abc");
    assert_int_equal(submission_add_alert(submission, &alert), RESULT_INVALID);
    alert = example_alert();
    alert.destinations[1] = SLICE("");
    assert_int_equal(submission_add_alert(submission, &alert), RESULT_INVALID);
    alert = example_alert();
    alert.destination_count = SUBMISSION_DESTINATIONS_MAX + 1;
    assert_int_equal(submission_add_alert(submission, &alert), RESULT_INVALID);
    assert_true(submission_is_empty(submission));
    submission_free(submission);
}

static void test_a_position_without_a_key_or_over_its_bound_is_not_added(void **state)
{
    static const char bytes[SUBMISSION_POSITION_MAX + 1];
    struct submission *submission = submission_new(SLICE("prod"), (struct slice){0});
    (void)state;
    assert_int_equal(submission_add_position(submission, SLICE(""), SLICE("x")), RESULT_INVALID);
    assert_int_equal(submission_add_position(submission, slice_make(bytes, SUBMISSION_POSITION_KEY_MAX + 1), SLICE("x")), RESULT_INVALID);
    assert_int_equal(submission_add_position(submission, SLICE("node-1"), slice_make(bytes, sizeof bytes)), RESULT_INVALID);
    assert_true(submission_is_empty(submission));
    assert_int_equal(submission_add_position(submission, slice_make(bytes, SUBMISSION_POSITION_KEY_MAX), slice_make(bytes, SUBMISSION_POSITION_MAX)),
                     RESULT_OK);
    assert_false(submission_is_empty(submission));
    submission_free(submission);
}

static size_t count_items(struct slice bytes, enum result *end)
{
    struct submission_reader reader;
    struct submission_item item;
    size_t count = 0;
    *end = submission_reader_open(&reader, bytes);
    while (*end == RESULT_OK && (*end = submission_reader_next(&reader, &item)) == RESULT_OK)
        count++;
    return count;
}

/* Cut at the border of an item it is a shorter submission; cut anywhere else it is damaged. */
static void test_each_truncation_is_noticed(void **state)
{
    struct submission *submission = example();
    struct slice bytes = submission_bytes(submission);
    size_t whole = 0;
    (void)state;
    for (size_t length = 0; length < bytes.length; length++) {
        enum result end;
        count_items(slice_first(bytes, length), &end);
        if (end == RESULT_NOT_FOUND)
            whole++;
        else
            assert_int_equal(end, RESULT_INVALID);
    }
    assert_int_equal(whole, 4); /* after the header, the alert, the dead letter, the observation */
    submission_free(submission);
}

static void test_bytes_behind_an_items_parts_are_damage(void **state)
{
    struct submission *submission = submission_new((struct slice){0}, (struct slice){0});
    struct submission_alert alert = example_alert();
    enum result end;
    (void)state;
    submission_add_alert(submission, &alert);
    struct slice bytes = submission_bytes(submission);
    char copy[1024];
    memcpy(copy, bytes.bytes, bytes.length);
    copy[bytes.length] = 'x';
    copy[14 + 4]++; /* header of 14, kind, and the last octet of the length */
    count_items(slice_make(copy, bytes.length + 1), &end);
    assert_int_equal(end, RESULT_INVALID);
    submission_free(submission);
}

static void test_another_version_and_another_kind_are_told(void **state)
{
    struct submission *submission = submission_new((struct slice){0}, (struct slice){0});
    char copy[64];
    enum result end;
    (void)state;
    submission_add_observation(submission, SLICE("x"));
    struct slice bytes = submission_bytes(submission);
    memcpy(copy, bytes.bytes, bytes.length);
    copy[5] = 2;
    count_items(slice_make(copy, bytes.length), &end);
    assert_int_equal(end, RESULT_UNSUPPORTED);
    memcpy(copy, bytes.bytes, bytes.length);
    copy[14] = SUBMISSION_POSITION; /* its parts are looked at */
    count_items(slice_make(copy, bytes.length), &end);
    assert_int_equal(end, RESULT_INVALID);
    copy[14] = 9;
    count_items(slice_make(copy, bytes.length), &end);
    assert_int_equal(end, RESULT_INVALID);
    submission_free(submission);
}

static void test_severities_have_ranks_and_an_unknown_one_is_above_all(void **state)
{
    (void)state;
    assert_int_equal(severity_rank(SLICE("info")), SEVERITY_INFO);
    assert_int_equal(severity_rank(SLICE("Informational")), SEVERITY_INFO);
    assert_true(severity_rank(SLICE("LOW")) < severity_rank(SLICE("Medium")));
    assert_true(severity_rank(SLICE("High")) < severity_rank(SLICE("CRITICAL")));
    assert_true(severity_rank(SLICE("Sevre")) > severity_rank(SLICE("CRITICAL")));
    assert_int_equal(severity_rank((struct slice){0}), SEVERITY_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_is_read),
        cmocka_unit_test(test_a_new_one_is_empty_until_something_is_added),
        cmocka_unit_test(test_an_alert_with_a_bad_id_or_destination_is_not_added),
        cmocka_unit_test(test_a_position_without_a_key_or_over_its_bound_is_not_added),
        cmocka_unit_test(test_each_truncation_is_noticed),
        cmocka_unit_test(test_bytes_behind_an_items_parts_are_damage),
        cmocka_unit_test(test_another_version_and_another_kind_are_told),
        cmocka_unit_test(test_severities_have_ranks_and_an_unknown_one_is_above_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
