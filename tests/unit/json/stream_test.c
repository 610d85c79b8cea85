/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/json_stream.h"
#include "harrier/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* What the stream tells, as text, and the pieces put together again. */
struct recorder {
    struct json_stream *stream;
    struct buffer text;
    struct buffer input;  /* given and left out */
    struct buffer parsed; /* given and inserted */
    uint64_t steps;
    ptrdiff_t memory;
    ptrdiff_t allowed;
    bool cut_over_budget;
    enum result fed, finished;
    struct json_stream_error error;
    char detail[100];
};

static void on_key(void *context, struct slice key)
{
    struct recorder *recorder = context;
    buffer_printf(&recorder->text, "%.*s: ", SLICE_ARGS(key));
    if (slice_is(key, "skip"))
        json_stream_skip(recorder->stream);
}

static void on_value(void *context, enum json_type type, struct slice text)
{
    struct recorder *recorder = context;
    (void)type;
    buffer_append_slice(&recorder->text, slice_first(text, 60));
    buffer_printf(&recorder->text, "@%lu-%lu ", (unsigned long)json_stream_token_begin(recorder->stream),
                  (unsigned long)json_stream_token_end(recorder->stream));
}

static void on_begin(void *context, enum json_type type)
{
    struct recorder *recorder = context;
    buffer_printf(&recorder->text, "%c%lu/%lu ", type == JSON_OBJECT ? '{' : '[', (unsigned long)json_stream_token_begin(recorder->stream),
                  (unsigned long)json_stream_line(recorder->stream));
}

static void on_end(void *context, enum json_type type)
{
    struct recorder *recorder = context;
    buffer_printf(&recorder->text, "%c%lu ", type == JSON_OBJECT ? '}' : ']', (unsigned long)json_stream_token_end(recorder->stream));
}

static void on_bound(void *context, enum json_bound bound)
{
    struct recorder *recorder = context;
    buffer_append_text(&recorder->text, bound == JSON_BOUND_DEPTH ? "deep! " : "long! ");
}

static void on_piece(void *context, enum json_piece kind, struct slice bytes, uint64_t offset)
{
    struct recorder *recorder = context;
    assert_int_equal(offset, recorder->input.length);
    if (kind != JSON_PIECE_INSERTED)
        buffer_append_slice(&recorder->input, bytes);
    if (kind != JSON_PIECE_LEFT_OUT)
        buffer_append_slice(&recorder->parsed, bytes);
}

static bool on_budget(void *context, ptrdiff_t bytes)
{
    struct recorder *recorder = context;
    if (recorder->allowed && recorder->memory + bytes > recorder->allowed)
        return false;
    recorder->memory += bytes;
    return true;
}

static void record(struct recorder *recorder, struct slice input, size_t chunk, size_t depth, size_t token_bytes)
{
    struct json_handlers handlers = {recorder, on_key, on_value, on_begin, on_end, on_bound, on_piece, on_budget};
    struct json_limits limits = {.depth = depth, .token_bytes = token_bytes, .cut_over_budget = recorder->cut_over_budget};

    recorder->stream = json_stream_new(&limits, &handlers);
    recorder->fed = RESULT_OK;
    while (input.length && recorder->fed == RESULT_OK) {
        struct slice piece = slice_first(input, chunk);
        char *copy = xmalloc(piece.length);
        memcpy(copy, piece.bytes, piece.length);
        recorder->fed = json_stream_feed(recorder->stream, slice_make(copy, piece.length));
        free(copy);
        input = slice_from(input, piece.length);
    }
    recorder->finished = json_stream_finish(recorder->stream);
    recorder->error = *json_stream_error(recorder->stream);
    recorder->steps = json_stream_steps(recorder->stream);
    buffer_append_text(&recorder->text, "");
    json_stream_free(recorder->stream);
}

static void recorder_free(struct recorder *recorder)
{
    assert_int_equal(recorder->memory, 0);
    buffer_free(&recorder->text);
    buffer_free(&recorder->input);
    buffer_free(&recorder->parsed);
}

static const size_t chunks[] = {1, 2, 3, 5, 7, 16, 100, SIZE_MAX};
#define EACH_CHUNK(index) (size_t index = 0; index < sizeof chunks / sizeof *chunks; index++)

static void assert_told(const char *input, size_t depth, size_t token_bytes, const char *expected)
{
    for
        EACH_CHUNK(i)
        {
            struct recorder recorder = {0};
            record(&recorder, slice_of(input), chunks[i], depth, token_bytes);
            assert_int_equal(recorder.fed, RESULT_OK);
            assert_int_equal(recorder.finished, RESULT_OK);
            assert_string_equal(recorder.text.bytes, expected);
            assert_string_equal(recorder.input.bytes, input);
            recorder_free(&recorder);
        }
}

static void assert_wrong(const char *input, uint64_t offset, bool starts_line, bool earlier_newline)
{
    for
        EACH_CHUNK(i)
        {
            struct recorder recorder = {0};
            record(&recorder, slice_of(input), chunks[i], 10, 100);
            assert_int_equal(recorder.fed == RESULT_OK ? recorder.finished : recorder.fed, RESULT_INVALID);
            assert_int_equal(recorder.error.offset, offset);
            assert_int_equal(recorder.error.starts_line, starts_line);
            assert_int_equal(recorder.error.earlier_newline, earlier_newline);
            recorder_free(&recorder);
        }
}

static void test_any_chunks_tell_the_same_with_offsets(void **state)
{
    (void)state;
    assert_told("{\"a\":[1,-2.5e3,\"x\\n\\\"y\"],\"b\\u0063\":true}", 10, 100,
                "{0/1 a: [5/1 1@6-7 -2.5e3@8-14 x\n\"y@15-23 ]24 bc: true@35-39 }40 ");
}

static void test_values_follow_each_other_with_any_separator(void **state)
{
    (void)state;
    assert_told("{}{},1 2,\n\n\"a\"\x1e[]\r\nnull,,true", 10, 100, "{0/1 }2 {2/1 }4 1@5-6 2@7-8 a@11-14 [15/3 ]17 null@19-23 true@25-29 ");
}

static void test_lines_count_newlines_between_top_level_values(void **state)
{
    (void)state;
    assert_told("\n{\n}\n\n[\n\n]", 10, 100, "{1/2 }4 [6/4 ]10 ");
}

static void test_skipped_values_are_not_told(void **state)
{
    (void)state;
    assert_told("{\"skip\":{\"a\":[1,{}]},\"skip\":\"x\",\"skip\":[],\"b\":1}", 10, 100, "{0/1 skip: skip: skip: b: 1@46-47 }48 ");
}

static void test_a_long_string_is_cut_at_a_whole_character_and_the_rest_passed_over(void **state)
{
    (void)state;
    assert_told("[\"0123456789\",\"012345678\xC3\xA9 more \\\" more\",\"01234567\\u00e9\",2]", 10, 10,
                "[0/1 0123456789@1-13 long! 012345678@14-24 long! 01234567@41-50 2@58-59 ]60 ");
}

static void test_a_long_number_becomes_null(void **state)
{
    (void)state;
    assert_told("[12345678901,2]", 10, 10, "[0/1 long! null@1-1 2@13-14 ]15 ");
}

static void test_a_container_that_is_too_deep_becomes_null(void **state)
{
    (void)state;
    assert_told("[[{\"]\\\"\":[1]},[3]],[[]],4]", 2, 100,
                "[0/1 [1/1 deep! null@2-2 deep! null@14-14 ]18 [19/1 deep! null@20-20 ]23 4@24-25 ]26 ");
}

static void test_what_was_parsed_is_whole_json_where_something_was_left_out(void **state)
{
    const char *input = "[[{\"a\":[1]},\"0123456789abc\"],12345678901]";
    (void)state;
    for
        EACH_CHUNK(i)
        {
            struct recorder recorder = {0};
            record(&recorder, slice_of(input), chunks[i], 2, 10);
            assert_string_equal(recorder.parsed.bytes, "[[null,\"0123456789\"],null]");
            assert_string_equal(recorder.input.bytes, input);
            recorder_free(&recorder);
        }
}

static void test_the_stack_stays_within_the_bound_however_deep_the_input(void **state)
{
    struct buffer input = {0};
    struct recorder recorder = {0};

    (void)state;
    for (int i = 0; i < 1000000; i++)
        buffer_append_byte(&input, '[');
    record(&recorder, buffer_slice(&input), 65536, 100, 1000);
    assert_int_equal(recorder.finished, RESULT_INVALID);
    assert_int_equal(recorder.parsed.length, 104); /* 100 brackets and a null */
    recorder_free(&recorder);
    buffer_free(&input);
}

static void test_errors_are_found_at_the_same_place_in_any_chunks(void **state)
{
    (void)state;
    assert_wrong("{\"a\":trux}", 8, false, false);
    assert_wrong("{\"a\":1,\n{\"b\":2}", 8, true, false);
    assert_wrong("{\"a\":\"b\n{\"b\":2}", 7, false, false);
    assert_wrong("{\n \"a\": [1,\n2 3]}", 14, false, true);
    assert_wrong("{\n \"a\": [1,\n {]", 14, false, true);
    assert_wrong("\n\nfoo\n", 3, false, false);
    assert_wrong("{\"a\":1 \"b\":2}", 7, false, false);
    assert_wrong("[\"\\q\"]", 3, false, false);
    assert_wrong("{1:2}", 1, false, false);
    assert_wrong("[1}", 2, false, false);
    assert_wrong("{} ]", 3, false, false);
}

static void test_an_input_that_ends_early_is_invalid_and_its_last_string_is_there(void **state)
{
    struct recorder recorder = {0};
    struct json_handlers handlers = {&recorder, on_key, on_value, on_begin, on_end, on_bound, on_piece, NULL};
    struct json_stream *stream = json_stream_new(&json_default_limits, &handlers);

    (void)state;
    recorder.stream = stream;
    assert_int_equal(json_stream_feed(stream, SLICE("[1,\"ab")), RESULT_OK);
    assert_int_equal(json_stream_feed(stream, SLICE("cd")), RESULT_OK);
    assert_int_equal(json_stream_finish(stream), RESULT_INVALID);
    struct slice unfinished = json_stream_unfinished(stream);
    assert_int_equal(unfinished.length, 5);
    assert_memory_equal(unfinished.bytes, "\"abcd", 5);
    json_stream_restart(stream, 0, 1);
    assert_int_equal(json_stream_finish(stream), RESULT_OK);
    json_stream_free(stream);
    recorder_free(&recorder);
}

static void test_the_cost_of_a_long_string_is_linear_in_any_chunks(void **state)
{
    static const size_t sizes[] = {1, 7, 65536};
    enum { LENGTH = 4000000 };
    char *input = xmalloc(LENGTH);

    (void)state;
    memset(input, 'x', LENGTH);
    for (size_t i = 1000; i + 1 < LENGTH; i += 1000)
        memcpy(input + i, "\\\"", 2);
    memcpy(input, "[\"", 2);
    memcpy(input + LENGTH - 2, "\"]", 2);
    for (size_t i = 0; i < 3; i++) {
        struct recorder recorder = {0};
        record(&recorder, slice_make(input, LENGTH), sizes[i], 10, LENGTH);
        assert_int_equal(recorder.finished, RESULT_OK);
        assert_true(recorder.steps <= 3 * (uint64_t)LENGTH);
        recorder_free(&recorder);
    }
    free(input);
}

static void test_the_cost_of_interruptions_is_linear(void **state)
{
    struct buffer input = {0};
    struct recorder recorder = {0};

    (void)state;
    buffer_append_byte(&input, '[');
    for (int i = 0; i < 100000; i++)
        buffer_append_text(&input, "[],");
    buffer_append_text(&input, "1]");
    record(&recorder, buffer_slice(&input), SIZE_MAX, 1, 1000);
    assert_int_equal(recorder.finished, RESULT_OK);
    assert_true(recorder.steps <= 600 * (uint64_t)input.length);
    recorder_free(&recorder);
    buffer_free(&input);
}

static void test_a_token_that_the_budget_refuses_is_cut_where_that_is_asked_for(void **state)
{
    struct buffer input = {0};
    (void)state;
    buffer_append_text(&input, "[\"");
    for (int i = 0; i < 3000; i++)
        buffer_append_text(&input, i % 3 ? "\\\\\\\"" : "\\u00e9\xC3\xA9");
    buffer_append_text(&input, "\",1");
    for (int i = 0; i < 20000; i++)
        buffer_append_text(&input, "0");
    buffer_append_text(&input, ",\"end\"]");
    for
        EACH_CHUNK(i)
        {
            struct recorder recorder = {.allowed = 20000, .cut_over_budget = true};
            if (chunks[i] > 100) /* nothing is carried of a whole token */
                continue;
            record(&recorder, buffer_slice(&input), chunks[i], 10, 100000);
            assert_int_equal(recorder.fed, RESULT_OK);
            assert_int_equal(recorder.finished, RESULT_OK);
            assert_true(slice_equal(buffer_slice(&recorder.input), buffer_slice(&input)));
            assert_true(slice_ends_with(buffer_slice(&recorder.parsed), SLICE("\",null,\"end\"]")));
            assert_in_range(recorder.parsed.length, 2000, 6000);
            assert_non_null(strstr(recorder.text.bytes, "long! "));
            recorder_free(&recorder);
        }
    buffer_free(&input);
}

static void test_the_budget_is_asked_before_a_token_is_carried(void **state)
{
    struct recorder recorder = {.allowed = 100000};
    struct buffer input = {0};

    (void)state;
    buffer_append_byte(&input, '"');
    for (int i = 0; i < 100000; i++)
        buffer_append_byte(&input, 'x');
    record(&recorder, buffer_slice(&input), 1000, 10, 1000000);
    assert_int_equal(recorder.fed, RESULT_BUSY);
    recorder_free(&recorder);
    buffer_free(&input);
}

static void test_a_text_that_breaks_off_anywhere_can_be_closed(void **state)
{
    static const char *const cases[][2] = {
        {"{\"a\":[1,2,{\"b\":\"x\\ud83d", "{\"a\":[1,2,{\"b\":\"x\"}]}"},
        {"{\"a\":tru", "{}"},
        {"{\"a\":true", "{\"a\":true}"},
        {"{\"a\":12", "{}"},
        {"[{\"a\"", "[{}]"},
        {"[{\"a\":\"b\",\"c", "[{\"a\":\"b\"}]"},
        {"\"abc\\u00", "\"abc\""},
        {"\"caf\xC3", "\"caf\""},
        {"\"a\\\\", "\"a\\\\\""},
        {"\"a\\", "\"a\""},
        {"[", "[]"},
        {"", "null"},
        {"{\"a\":{}}", "{\"a\":{}}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer text = {0};
        buffer_append_text(&text, "before ");
        buffer_append_text(&text, cases[i][0]);
        json_close(&text, 7);
        assert_string_equal(text.bytes + 7, cases[i][1]);
        buffer_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_chunks_tell_the_same_with_offsets),
        cmocka_unit_test(test_values_follow_each_other_with_any_separator),
        cmocka_unit_test(test_lines_count_newlines_between_top_level_values),
        cmocka_unit_test(test_skipped_values_are_not_told),
        cmocka_unit_test(test_a_long_string_is_cut_at_a_whole_character_and_the_rest_passed_over),
        cmocka_unit_test(test_a_long_number_becomes_null),
        cmocka_unit_test(test_a_container_that_is_too_deep_becomes_null),
        cmocka_unit_test(test_what_was_parsed_is_whole_json_where_something_was_left_out),
        cmocka_unit_test(test_the_stack_stays_within_the_bound_however_deep_the_input),
        cmocka_unit_test(test_errors_are_found_at_the_same_place_in_any_chunks),
        cmocka_unit_test(test_an_input_that_ends_early_is_invalid_and_its_last_string_is_there),
        cmocka_unit_test(test_the_cost_of_a_long_string_is_linear_in_any_chunks),
        cmocka_unit_test(test_the_cost_of_interruptions_is_linear),
        cmocka_unit_test(test_the_budget_is_asked_before_a_token_is_carried),
        cmocka_unit_test(test_a_token_that_the_budget_refuses_is_cut_where_that_is_asked_for),
        cmocka_unit_test(test_a_text_that_breaks_off_anywhere_can_be_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
