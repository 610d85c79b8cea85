/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/json_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_members_come_in_order_as_they_stand(void **state)
{
    static const struct {
        const char *key, *value;
        enum json_type type;
    } expected[] = {
        {"a", "1", JSON_NUMBER},          {"b\\\"", "\"x\\\\\"", JSON_STRING}, {"c", "{\"d\":[\"}\",{}]}", JSON_OBJECT}, {"", "[ ]", JSON_ARRAY},
        {"t", "true", JSON_BOOL},         {"f", "false", JSON_BOOL},           {"n", "null", JSON_NULL},                {"a", "-2.5e3", JSON_NUMBER},
    };
    struct json_walk walk;
    struct json_raw value;
    struct slice key;
    size_t count = 0;
    (void)state;
    json_walk_begin(&walk, SLICE(" \n{ \"a\" : 1 ,\"b\\\"\":\"x\\\\\",\"c\":{\"d\":[\"}\",{}]},\"\":[ ],\"t\":true,\"f\":false ,\"n\":null\n, \"a\":-2.5e3} "));
    while (json_walk_next(&walk, &key, &value)) {
        assert_true(count < sizeof expected / sizeof *expected);
        assert_true(slice_is(key, expected[count].key));
        assert_true(slice_is(value.text, expected[count].value));
        assert_int_equal(value.type, expected[count].type);
        count++;
    }
    assert_int_equal(count, sizeof expected / sizeof *expected);
}

static void test_what_is_no_object_has_no_members(void **state)
{
    static const char *const texts[] = {"", " ", "{}", "{ }", "[{\"a\":1}]", "\"a\"", "1"};
    struct json_raw value;
    struct slice key;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct json_walk walk;
        json_walk_begin(&walk, slice_of(texts[i]));
        assert_false(json_walk_next(&walk, &key, &value));
    }
}

/* The text is said to be right; if it is not, nothing beyond it may be read. */
static void test_any_beginning_of_a_text_is_walked_within_it(void **state)
{
    static const char text[] = "{\"a\\\\\":{\"b\":[\"}\\\"\",{}]},\"c\":\"d\\\"e\",\"f\":12}";
    (void)state;
    for (size_t length = 0; length < sizeof text; length++) {
        struct buffer copy = {0};
        struct json_walk walk;
        struct json_raw value;
        struct slice key;
        buffer_append(&copy, text, length);
        json_walk_begin(&walk, buffer_slice(&copy));
        while (json_walk_next(&walk, &key, &value))
            assert_true(value.text.bytes >= copy.bytes && value.text.bytes + value.text.length <= copy.bytes + copy.length);
        buffer_free(&copy);
    }
}

static void test_the_last_member_of_a_name_and_type_is_found(void **state)
{
    struct json_raw object = {JSON_OBJECT, SLICE("{\"a\":\"1\",\"b\":2,\"\\u0061\":\"3\",\"a\":4}")};
    (void)state;
    assert_true(slice_is(json_walk_member(object, "a", JSON_STRING).text, "\"3\""));
    assert_true(slice_is(json_walk_member(object, "a", JSON_NUMBER).text, "4"));
    assert_null(json_walk_member(object, "a", JSON_OBJECT).text.bytes);
    assert_null(json_walk_member(json_walk_member(object, "c", JSON_OBJECT), "a", JSON_STRING).text.bytes);
    assert_true(json_raw_is(json_walk_member(object, "a", JSON_STRING), "3"));
    assert_false(json_raw_is(json_walk_member(object, "a", JSON_NUMBER), "4"));
}

static enum result append_piece(void *data, struct slice piece)
{
    assert_true(piece.length > 0 && piece.length <= JSON_TEXT_PIECE);
    buffer_append_slice(data, piece);
    return RESULT_OK;
}

static void assert_given(const struct buffer *raw, const struct buffer *expected)
{
    struct json_raw string = {JSON_STRING, buffer_slice(raw)};
    struct buffer pieces = {0}, whole = {0};
    assert_int_equal(json_raw_give(string, append_piece, &pieces), RESULT_OK);
    assert_true(slice_equal(buffer_slice(&pieces), buffer_slice(expected)));
    json_raw_text(string, &whole);
    assert_true(slice_equal(buffer_slice(&whole), buffer_slice(expected)));
    char beginning[100];
    size_t length = json_raw_beginning(string, beginning, sizeof beginning);
    assert_true(slice_equal(slice_make(beginning, length), slice_first(buffer_slice(expected), length)));
    buffer_free(&pieces);
    buffer_free(&whole);
}

/* Each escape stands at each place around the border between two pieces. */
static void test_no_escape_is_split_between_pieces(void **state)
{
    static const char *const escapes[][2] = {{"\\n", "\n"},   {"\\\\", "\\"},           {"\\u0041", "A"},        {"\\ud83d\\ude00", "\xF0\x9F\x98\x80"},
                                             {"\\ud83d", "\xED\xA0\xBD"}, {"\\\\u0041", "\\u0041"}, {"\\\\\\\"\\u00e9", "\\\"\xC3\xA9"}, {"\\ud83d\\ud83d\\ude00", "\xED\xA0\xBD\xF0\x9F\x98\x80"}};
    (void)state;
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
        for (size_t before = JSON_TEXT_PIECE - 20; before < JSON_TEXT_PIECE + 2; before++) {
            struct buffer raw = {0}, expected = {0};
            buffer_append_byte(&raw, '"');
            for (size_t j = 0; j < before; j++) {
                buffer_append_byte(&raw, 'x');
                buffer_append_byte(&expected, 'x');
            }
            for (int j = 0; j < 3; j++) {
                buffer_append_text(&raw, escapes[i][0]);
                buffer_append_text(&expected, escapes[i][1]);
            }
            buffer_append_byte(&raw, '"');
            assert_given(&raw, &expected);
            buffer_free(&raw);
            buffer_free(&expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_come_in_order_as_they_stand),
        cmocka_unit_test(test_what_is_no_object_has_no_members),
        cmocka_unit_test(test_any_beginning_of_a_text_is_walked_within_it),
        cmocka_unit_test(test_the_last_member_of_a_name_and_type_is_found),
        cmocka_unit_test(test_no_escape_is_split_between_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
