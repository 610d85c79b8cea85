/* SPDX-License-Identifier: Apache-2.0 */
/* Lines into messages: container logs, and whatever else is in lines. */
#include "harrier/cri.h"

#include "harrier/base/buffer.h"
#include "harrier/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define T "2026-11-24T04:46:20.123456789Z "

/* Messages as they came, each between < and >. */
struct transcript {
    struct buffer text;
    bool within;
    enum result answer;
};

static enum result on_text(void *context, struct slice bytes)
{
    struct transcript *transcript = context;
    assert_true(bytes.length > 0);
    if (!transcript->within)
        buffer_append_byte(&transcript->text, '<');
    transcript->within = true;
    buffer_append_slice(&transcript->text, bytes);
    return transcript->answer;
}

static void on_end(void *context)
{
    struct transcript *transcript = context;
    assert_true(transcript->within);
    transcript->within = false;
    buffer_append_byte(&transcript->text, '>');
}

static char *read_in_pieces(struct slice input, size_t piece)
{
    struct transcript transcript = {0};
    struct cri_reader *reader = cri_reader_new(&(struct cri_sink){&transcript, on_text, on_end});
    for (size_t at = 0; at < input.length; at += piece)
        assert_int_equal(cri_reader_feed(reader, slice_first(slice_from(input, at), piece)), RESULT_OK);
    assert_int_equal(cri_reader_finish(reader), RESULT_OK);
    assert_false(transcript.within);
    cri_reader_free(reader);
    return buffer_take(&transcript.text);
}

static void assert_messages(struct slice input, const char *expected)
{
    for (size_t piece = 1; piece <= input.length + 1; piece++) {
        char *messages = read_in_pieces(input, piece);
        assert_string_equal(messages, expected);
        free(messages);
    }
}

static void test_each_plain_line_is_a_message(void **state)
{
    (void)state;
    assert_messages(SLICE("{\"a\":1}\n\n{\"b\":2}\n"), "<{\"a\":1}\n><\n><{\"b\":2}\n>");
}

static void test_a_containers_line_is_its_text(void **state)
{
    (void)state;
    assert_messages(SLICE(T "stdout F {\"a\":1}\n" T "stderr F a b c\n"), "<{\"a\":1}\n><a b c\n>");
    assert_messages(SLICE("2026-11-24T04:46:20+01:00 stdout F x\n" T "stdout F:tag y\n" T "stdout F \n"), "<x\n><y\n><\n>");
}

static void test_parts_are_joined_until_the_full_one(void **state)
{
    (void)state;
    assert_messages(SLICE(T "stdout P {\"a\"\n" T "stdout P:tag :\n" T "stdout P \n" T "stdout F 1}\n" T "stdout F x\n"),
                    "<{\"a\":1}\n><x\n>");
}

static void test_what_only_looks_like_a_containers_line_is_a_message_as_it_stands(void **state)
{
    (void)state;
    assert_messages(SLICE("2026-11-24 stdout F x\n"), "<2026-11-24 stdout F x\n>");
    assert_messages(SLICE(T "stdin F x\n"), "<" T "stdin F x\n>");
    assert_messages(SLICE(T "stdout Q x\n"), "<" T "stdout Q x\n>");
    assert_messages(SLICE(T "stdout F\n"), "<" T "stdout F\n>");
    assert_messages(SLICE("1\n22\n{}\n"), "<1\n><22\n><{}\n>");
}

static void test_a_long_line_that_begins_with_a_digit_is_whole(void **state)
{
    char line[300];
    char expected[310];
    (void)state;
    memset(line, '7', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    snprintf(expected, sizeof expected, "<%s\n><x\n>", line);
    char *input = xasprintf("%s\nx\n", line);
    assert_messages(slice_of(input), expected);
    free(input);
}

static void test_lines_between_the_parts_of_a_message_wait_for_its_end(void **state)
{
    (void)state;
    assert_messages(SLICE(T "stdout P {\"a\"\n" T "stderr F one\nplain\n" T "stderr F two\n" T "stdout F :1}\n" T "stdout F x\n"),
                    "<{\"a\":1}\n><plain\n><one\n><two\n><x\n>");
}

static void test_parts_of_both_streams_are_joined_each_for_itself(void **state)
{
    (void)state;
    assert_messages(
        SLICE(T "stdout P a\n" T "stderr P 1\n" T "stdout P b\n" T "stderr P 2\n" T "stdout F c\n" T "stdout F x\n" T "stderr F 3\n"),
        "<abc\n><123\n><x\n>");
}

static void test_the_input_may_end_anywhere(void **state)
{
    (void)state;
    assert_messages(SLICE("{\"a\""), "<{\"a\">");
    assert_messages(SLICE("20"), "<20>");
    assert_messages(SLICE(T "stdout F"), "<" T "stdout F>");
    assert_messages(SLICE(T "stdout F x"), "<x>");
    assert_messages(SLICE(T "stdout P a\n" T "stderr P 1\n"), "<a><1>");
    assert_messages(SLICE(T "stdout P a\n" T "stderr P 1\n22"), "<a><22><1>");
}

static void test_a_hole_before_a_line_is_no_part_of_it(void **state)
{
    (void)state;
    assert_messages(SLICE("\0\0\0{\"a\":1}\n\0" T "stdout F x\n"), "<{\"a\":1}\n><x\n>");
}

/* The other stream must not make memory grow without end while a message waits for its last part. */
static void test_more_than_may_wait_ends_the_message_before_it(void **state)
{
    struct transcript transcript = {0};
    struct cri_reader *reader = cri_reader_new(&(struct cri_sink){&transcript, on_text, on_end});
    char *text = xmalloc(CRI_WAITING_MAX);
    (void)state;
    memset(text, 'e', CRI_WAITING_MAX);
    assert_int_equal(cri_reader_feed(reader, SLICE(T "stdout P begun\n" T "stderr F ")), RESULT_OK);
    assert_int_equal(cri_reader_feed(reader, slice_make(text, CRI_WAITING_MAX)), RESULT_OK);
    assert_string_equal(transcript.text.bytes, "<begun");
    assert_int_equal(cri_reader_feed(reader, SLICE("e\n" T "stdout F rest\n")), RESULT_OK);
    assert_true(slice_starts_with(buffer_slice(&transcript.text), SLICE("<begun><eeeee")));
    assert_true(slice_ends_with(buffer_slice(&transcript.text), SLICE("e\n><rest\n>")));
    assert_int_equal(cri_reader_finish(reader), RESULT_OK);
    cri_reader_free(reader);
    buffer_free(&transcript.text);
    free(text);
}

static void assert_boundary(const struct cri_reader *reader, const char *input, size_t expected, uint64_t expected_lines)
{
    uint64_t lines;
    assert_int_equal(cri_reader_boundary(reader, slice_of(input), &lines), expected);
    assert_int_equal(lines, expected_lines);
}

static void test_a_boundary_is_where_no_message_is_unfinished(void **state)
{
    struct transcript transcript = {0};
    struct cri_reader *reader = cri_reader_new(&(struct cri_sink){&transcript, on_text, on_end});
    (void)state;
    assert_boundary(reader, "", 0, 0);
    assert_boundary(reader, "{\"a\"", 0, 0);
    assert_boundary(reader, "ab\ncd\ne", 6, 2);
    assert_boundary(reader, T "stdout P a\n", 0, 0);
    assert_boundary(reader, "x\n" T "stdout P a\ny\n", 2, 1);
    assert_boundary(reader, T "stdout P a\n" T "stdout F b\nz", 2 * (sizeof(T "stdout P a\n") - 1), 2);
    assert_boundary(reader, T "stdout P a\n" T "stderr F b\n", 0, 0);
    assert_int_equal(cri_reader_feed(reader, SLICE(T "stdout P a\n2026")), RESULT_OK);
    assert_boundary(reader, "-\n", 0, 0);
    assert_boundary(reader, "-\n" T "stdout F b\nz", 2 + sizeof(T "stdout F b\n") - 1, 2);
    cri_reader_reset(reader);
    assert_boundary(reader, "-\n", 2, 1);
    cri_reader_free(reader);
    buffer_free(&transcript.text);
}

/* Else no boundary would ever come again, and the unit in hand would grow to the end of the file. */
static void test_a_message_that_was_ended_for_those_behind_it_is_not_waited_for(void **state)
{
    struct transcript transcript = {0};
    struct cri_reader *reader = cri_reader_new(&(struct cri_sink){&transcript, on_text, on_end});
    char *text = xmalloc(CRI_WAITING_MAX);
    (void)state;
    memset(text, 'e', CRI_WAITING_MAX);
    assert_true(cri_reader_is_between_messages(reader));
    assert_int_equal(cri_reader_feed(reader, SLICE(T "stderr P begun\n" T "stdout F ")), RESULT_OK);
    assert_int_equal(cri_reader_feed(reader, slice_make(text, CRI_WAITING_MAX)), RESULT_OK);
    assert_int_equal(cri_reader_feed(reader, SLICE("e")), RESULT_OK);
    assert_false(cri_reader_is_between_messages(reader));
    assert_boundary(reader, "\nx\ny", 3, 2);
    assert_int_equal(cri_reader_feed(reader, SLICE("\n")), RESULT_OK);
    assert_true(cri_reader_is_between_messages(reader));
    cri_reader_free(reader);
    buffer_free(&transcript.text);
    free(text);
}

#define LENGTH(text) (sizeof(text) - 1)

static void assert_boundary_without(const struct cri_reader *reader, const char *input, uint64_t old, size_t expected,
                                    uint64_t expected_lines)
{
    size_t boundary;
    uint64_t lines, read;
    assert_true(cri_reader_is_held_up(reader, slice_of(input), &read));
    assert_true(cri_reader_boundary_without(reader, slice_of(input), old, &boundary, &lines));
    assert_int_equal(boundary, expected);
    assert_int_equal(lines, expected_lines);
}

static void assert_no_boundary_without(const struct cri_reader *reader, const char *input, uint64_t old)
{
    size_t boundary;
    uint64_t lines;
    assert_false(cri_reader_boundary_without(reader, slice_of(input), old, &boundary, &lines));
}

static void test_a_message_that_holds_others_up_is_told_and_can_be_left_alone(void **state)
{
    static const char stuck[] = T "stderr P 1\n", whole[] = T "stdout F x\n";
    struct transcript transcript = {0};
    struct cri_reader *reader = cri_reader_new(&(struct cri_sink){&transcript, on_text, on_end});
    uint64_t read;
    (void)state;
    assert_false(cri_reader_is_held_up(reader, slice_of(stuck), &read)); /* nothing is behind it */
    assert_no_boundary_without(reader, stuck, 1000);
    assert_false(cri_reader_is_held_up(reader, SLICE(T "stderr P 1\n" T "stdout F x\n" T "stderr F 2\n"), &read));
    assert_int_equal(read, LENGTH(stuck) + LENGTH(whole) + LENGTH(T "stderr F 2\n"));
    assert_boundary_without(reader, T "stderr P 1\n" T "stdout F x\nhal", LENGTH(stuck), LENGTH(stuck) + LENGTH(whole), 2);
    assert_no_boundary_without(reader, T "stderr P 1\n" T "stdout F x\n", LENGTH(stuck) - 1); /* its part is newer */
    /* a message of the other stream that is being written is not cut */
    assert_boundary_without(reader, T "stderr P 1\n" T "stdout F x\n" T "stdout P y\n", 1000, LENGTH(stuck) + LENGTH(whole), 2);
    /* a place before its last part is none */
    assert_no_boundary_without(reader, T "stdout P x\n" T "stderr P 1\n" T "stdout P y\n", 1000);
    /* both of them */
    assert_boundary_without(reader, T "stderr P 1\n" T "stdout P y\nz\n", 1000, LENGTH(stuck) + LENGTH(whole) + 2, 3);
    /* what was fed counts as well, and the place may be the one in hand */
    assert_int_equal(cri_reader_feed(reader, SLICE(T "stderr P 1\n" T "stdout F x\n")), RESULT_OK);
    assert_boundary_without(reader, "", LENGTH(stuck), 0, 0);
    assert_boundary_without(reader, "y\n", LENGTH(stuck), 2, 1);
    assert_int_equal(cri_reader_finish(reader), RESULT_OK);
    assert_string_equal(transcript.text.bytes, "<1><x\n>");
    cri_reader_free(reader);
    buffer_free(&transcript.text);
}

static void test_a_place_between_parts_is_told(void **state)
{
    struct transcript transcript = {0};
    struct cri_reader *reader = cri_reader_new(&(struct cri_sink){&transcript, on_text, on_end});
    (void)state;
    assert_false(cri_reader_is_between_parts(reader, SLICE("")));
    assert_false(cri_reader_is_between_parts(reader, SLICE("x\n")));
    assert_false(cri_reader_is_between_parts(reader, SLICE(T "stdout P a")));
    assert_true(cri_reader_is_between_parts(reader, SLICE(T "stdout P a\n")));
    assert_false(cri_reader_is_between_parts(reader, SLICE(T "stdout P a\n20")));
    assert_int_equal(cri_reader_feed(reader, SLICE(T "stdout P a\n")), RESULT_OK);
    assert_true(cri_reader_is_between_parts(reader, SLICE("")));
    assert_false(cri_reader_is_between_parts(reader, SLICE(T "stdout F b\n")));
    cri_reader_free(reader);
    buffer_free(&transcript.text);
}

static void test_a_refusal_of_the_sink_is_handed_on_and_a_reset_forgets(void **state)
{
    struct transcript transcript = {.answer = RESULT_BUSY};
    struct cri_reader *reader = cri_reader_new(&(struct cri_sink){&transcript, on_text, on_end});
    (void)state;
    assert_int_equal(cri_reader_feed(reader, SLICE(T "stdout P a\n")), RESULT_BUSY);
    cri_reader_reset(reader);
    transcript = (struct transcript){.text = transcript.text};
    transcript.text.length = 0;
    assert_int_equal(cri_reader_feed(reader, SLICE("b\n")), RESULT_OK);
    assert_int_equal(cri_reader_finish(reader), RESULT_OK);
    assert_true(slice_is(buffer_slice(&transcript.text), "<b\n>"));
    cri_reader_free(reader);
    buffer_free(&transcript.text);
}

static void test_a_captured_log_gives_its_two_events(void **state)
{
    FILE *file = fopen("tests/data/source/cri-stdout.log", "r");
    char input[8192];
    (void)state;
    assert_non_null(file);
    size_t length = fread(input, 1, sizeof input, file);
    fclose(file);
    for (size_t piece = 1; piece < 200; piece += 7) {
        char *messages = read_in_pieces(slice_make(input, length), piece);
        char *second = strstr(messages, "}\n><{\"kind\":\"Event\"");
        assert_non_null(second);
        assert_int_equal(strncmp(messages, "<{\"kind\":\"Event\"", 16), 0);
        assert_null(strstr(second + 4, "\n><"));
        assert_null(strstr(messages, "stdout"));
        free(messages);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_plain_line_is_a_message),
        cmocka_unit_test(test_a_containers_line_is_its_text),
        cmocka_unit_test(test_parts_are_joined_until_the_full_one),
        cmocka_unit_test(test_what_only_looks_like_a_containers_line_is_a_message_as_it_stands),
        cmocka_unit_test(test_a_long_line_that_begins_with_a_digit_is_whole),
        cmocka_unit_test(test_lines_between_the_parts_of_a_message_wait_for_its_end),
        cmocka_unit_test(test_parts_of_both_streams_are_joined_each_for_itself),
        cmocka_unit_test(test_the_input_may_end_anywhere),
        cmocka_unit_test(test_a_hole_before_a_line_is_no_part_of_it),
        cmocka_unit_test(test_more_than_may_wait_ends_the_message_before_it),
        cmocka_unit_test(test_a_boundary_is_where_no_message_is_unfinished),
        cmocka_unit_test(test_a_message_that_was_ended_for_those_behind_it_is_not_waited_for),
        cmocka_unit_test(test_a_message_that_holds_others_up_is_told_and_can_be_left_alone),
        cmocka_unit_test(test_a_place_between_parts_is_told),
        cmocka_unit_test(test_a_refusal_of_the_sink_is_handed_on_and_a_reset_forgets),
        cmocka_unit_test(test_a_captured_log_gives_its_two_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
