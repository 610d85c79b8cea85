/* SPDX-License-Identifier: Apache-2.0 */
#include "mapped.h"

struct read {
    struct mapped mapped;
    enum result result;
    size_t unknown;
    struct slice first_unknown;
};

static struct read read_udm(const char *text)
{
    struct read read = {.mapped = {.arena = arena_new(4096)}};
    json_tree_parse(read.mapped.arena, slice_of(text), &json_default_limits, &read.mapped.tree, NULL);
    udm_record_init(&read.mapped.record, read.mapped.arena, UDM_KNOWN);
    read.result = udm_json_record(&read.mapped.record, read.mapped.tree, &read.unknown, &read.first_unknown);
    return read;
}

static const char *written(const struct mapped *mapped)
{
    struct buffer out = {0};
    struct json_writer *writer = json_writer_new(&out, false);
    udm_record_write(&mapped->record, writer);
    json_writer_free(writer);
    const char *copy = arena_strdup(mapped->arena, buffer_slice(&out));
    buffer_free(&out);
    return copy;
}

static void assert_written(const char *text, const char *expected)
{
    struct read read = read_udm(text);
    assert_int_equal(read.result, RESULT_OK);
    assert_int_equal(read.unknown, 0);
    assert_string_equal(written(&read.mapped), expected);
    struct read again = read_udm(expected);
    assert_string_equal(written(&again.mapped), expected);
    unmap(&read.mapped);
    unmap(&again.mapped);
}

static void test_both_spellings_and_a_wrapper_are_read(void **state)
{
    (void)state;
    const char *expected = "{\"metadata\":{\"event_type\":\"USER_LOGIN\",\"log_type\":\"X\"}}";
    assert_written("{\"metadata\":{\"eventType\":\"USER_LOGIN\",\"logType\":\"X\"}}", expected);
    assert_written("{\"metadata\":{\"event_type\":\"USER_LOGIN\",\"log_type\":\"X\"}}", expected);
    assert_written("{\"udm\":{\"metadata\":{\"event_type\":15001,\"log_type\":\"X\"}}}", expected);
}

static void test_numbers_come_as_numbers_or_texts(void **state)
{
    (void)state;
    assert_written("{\"network\":{\"sentBytes\":\"272\",\"http\":{\"responseCode\":200}}}",
                   "{\"network\":{\"sent_bytes\":272,\"http\":{\"response_code\":200}}}");
    assert_written("{\"network\":{\"sentBytes\":\"18446744073709551615\"}}", "{\"network\":{\"sent_bytes\":9223372036854775807}}");
}

static void test_one_value_stands_for_a_list(void **state)
{
    (void)state;
    assert_written("{\"principal\":{\"ip\":\"10.0.0.1\"},\"securityResult\":{\"action\":\"BLOCK\"}}",
                   "{\"principal\":{\"ip\":[\"10.0.0.1\"]},\"security_result\":[{\"action\":[\"BLOCK\"]}]}");
}

static void test_times_are_rfc_3339_and_durations_seconds(void **state)
{
    (void)state;
    assert_written("{\"metadata\":{\"eventTimestamp\":\"2026-01-02T03:04:05+01:00\"},\"network\":{\"sessionDuration\":\"1.5s\"}}",
                   "{\"metadata\":{\"event_timestamp\":\"2026-01-02T02:04:05.000000Z\"},\"network\":{\"session_duration\":\"1.500000000s\"}}");
    assert_written("{\"metadata\":{\"eventTimestamp\":{\"seconds\":1,\"nanos\":500000000}}}",
                   "{\"metadata\":{\"event_timestamp\":\"1970-01-01T00:00:01.500000Z\"}}");
}

static void test_additional_is_a_bare_object_or_below_fields(void **state)
{
    (void)state;
    assert_written("{\"additional\":{\"pod\":\"x\",\"n\":1}}", "{\"additional\":{\"pod\":\"x\",\"n\":1}}");
    assert_written("{\"additional\":{\"fields\":{\"pod\":\"x\"}}}", "{\"additional\":{\"pod\":\"x\"}}");
}

static void test_the_first_of_equal_keys_is_what_a_map_sees(void **state)
{
    (void)state;
    struct read read = read_udm("{\"target\":{\"resource\":{\"attribute\":{\"labels\":[{\"key\":\"k\",\"value\":\"1\"},{\"key\":\"k\",\"value\":\"2\"}]}}}}");
    assert_false(read.mapped.record.map_sees_all_values);
    assert_label(&read.mapped, "k", "1 | 2");
    unmap(&read.mapped);
}

static void test_unknown_members_are_skipped_and_counted(void **state)
{
    (void)state;
    struct read read = read_udm("{\"principal\":{\"usr\":1,\"hostname\":\"h\"},\"nope\":{},\"network\":{\"sentBytes\":\"many\"}}");
    assert_int_equal(read.result, RESULT_OK);
    assert_int_equal(read.unknown, 3);
    assert_true(slice_is(read.first_unknown, "principal.usr"));
    assert_string_equal(written(&read.mapped), "{\"principal\":{\"hostname\":\"h\"},\"network\":{}}");
    unmap(&read.mapped);
}

static void test_what_is_no_object_is_no_record(void **state)
{
    (void)state;
    struct read read = read_udm("[1]");
    assert_int_equal(read.result, RESULT_INVALID);
    unmap(&read.mapped);
}

static void test_messages_nested_without_end_are_cut(void **state)
{
    (void)state;
    struct buffer text = {0};
    for (size_t i = 0; i < 3000; i++)
        buffer_append_text(&text, "{\"about\":{\"securityResult\":");
    buffer_append_text(&text, "{}");
    for (size_t i = 0; i < 3000; i++)
        buffer_append_text(&text, "}}");
    struct read read = read_udm(text.bytes);
    assert_int_equal(read.result, RESULT_OK);
    assert_int_equal(read.unknown, 1);
    unmap(&read.mapped);
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_spellings_and_a_wrapper_are_read),
        cmocka_unit_test(test_numbers_come_as_numbers_or_texts),
        cmocka_unit_test(test_one_value_stands_for_a_list),
        cmocka_unit_test(test_times_are_rfc_3339_and_durations_seconds),
        cmocka_unit_test(test_additional_is_a_bare_object_or_below_fields),
        cmocka_unit_test(test_the_first_of_equal_keys_is_what_a_map_sees),
        cmocka_unit_test(test_unknown_members_are_skipped_and_counted),
        cmocka_unit_test(test_what_is_no_object_is_no_record),
        cmocka_unit_test(test_messages_nested_without_end_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
