/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/ctl/display.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct display plain = {.terminal = true, .colour = false, .width = 40};
static const struct display coloured = {.terminal = true, .colour = true, .width = 40};

static void assert_escaped(struct slice text, const char *expected)
{
    struct buffer out = {NULL, 0, 0};
    display_escape(&out, text);
    assert_string_equal(out.bytes, expected);
    buffer_free(&out);
}

static void test_outside_text_cannot_drive_the_terminal(void **state)
{
    (void)state;
    assert_escaped(SLICE("a\033[2Jb\nc\r\x7f"), "a\\x1b[2Jb\\x0ac\\x0d\\x7f");
    assert_escaped(SLICE("\xc2\x9b"
                         "31m"),
                   "\\xc2\\x9b31m");
    assert_escaped(SLICE("\xff\xc3"), "\\xff\\xc3");
    assert_escaped(SLICE("z\xc3\xbcrich \xe2\x82\xac"), "z\xc3\xbcrich \xe2\x82\xac");
}

static void test_text_that_turns_or_hides_others_is_shown_by_number(void **state)
{
    (void)state;
    assert_escaped(SLICE("a\xe2\x80\xae"
                         "b"),
                   "a\\u{202e}b");
    assert_escaped(SLICE("kube\xe2\x80\x8bsystem"), "kube\\u{200b}system");
    assert_escaped(SLICE("\xef\xbb\xbf\xf3\xa0\x81\x81"), "\\u{feff}\\u{e0041}");
}

static void test_a_json_line_is_one_line_for_every_reader(void **state)
{
    (void)state;
    struct buffer out = {NULL, 0, 0};
    display_json_line(&out, SLICE("{\"a\":\"\xe2\x80\xa8\xc2\x85\xf3\xa0\x81\x81\xc3\xa9\x7f\"}"));
    assert_string_equal(out.bytes, "{\"a\":\"\\u2028\\u0085\\udb40\\udc41\xc3\xa9\\u007f\"}\n");
    buffer_free(&out);
}

static void test_width_counts_columns(void **state)
{
    (void)state;
    assert_int_equal(display_width(SLICE("abc")), 3);
    assert_int_equal(display_width(SLICE("\xc3\xbc")), 1);
    assert_int_equal(display_width(SLICE("u\xcc\x88")), 1);
    assert_int_equal(display_width(SLICE("\xe6\xbc\xa2\xe5\xad\x97")), 4);
}

static void test_quantities_are_short(void **state)
{
    (void)state;
    struct buffer out = {NULL, 0, 0};
    display_duration(&out, 90 * CLOCK_SECOND);
    buffer_append_byte(&out, '|');
    display_duration(&out, 3 * 3600 * CLOCK_SECOND);
    buffer_append_byte(&out, '|');
    display_bytes(&out, 512);
    buffer_append_byte(&out, '|');
    display_bytes(&out, 3 * 1024 * 1024 / 2);
    buffer_append_byte(&out, '|');
    display_time(&out, 0);
    assert_string_equal(out.bytes, "90 s|3 h|512 B|1.5 MiB|1970-01-01 00:00:00Z");
    buffer_free(&out);
}

static void test_a_condition_over_several_lines_becomes_one(void **state)
{
    (void)state;
    char *line = display_one_line(SLICE("  (\n  a = 1 or\n\tb = 2)\n"));
    assert_string_equal(line, "( a = 1 or b = 2)");
    free(line);
}

static void test_long_text_is_wrapped_at_blanks(void **state)
{
    (void)state;
    struct buffer out = {NULL, 0, 0};
    display_wrapped(&plain, &out, STYLE_PLAIN, SLICE("one two three four five six seven eight nine"), 10);
    assert_string_equal(out.bytes, "one two three four five six\n          seven eight nine");
    buffer_free(&out);
}

static const struct display_column columns[] = {{"NAME", 4, false}, {"COUNT", 5, true}, {"WHAT", 10, false}};

static void add_row(struct table *table, const char *name, const char *count, const char *what)
{
    table_cell_text(table, STYLE_PLAIN, name);
    table_cell_text(table, STYLE_PLAIN, count);
    table_cell_text(table, STYLE_RED, what);
}

static void test_a_table_is_aligned(void **state)
{
    (void)state;
    struct table *table = table_new(&plain, columns, 3);
    struct buffer out = {NULL, 0, 0};
    add_row(table, "a", "1", "x");
    add_row(table, "longer", "1234567", "");
    table_print(table, &out);
    assert_string_equal(out.bytes, "NAME      COUNT  WHAT\n"
                                   "a             1  x\n"
                                   "longer  1234567\n");
    table_free(table);
    buffer_free(&out);
}

static void test_titles_are_printed_once(void **state)
{
    (void)state;
    struct table *table = table_new(&plain, columns, 3);
    struct buffer out = {NULL, 0, 0};
    table_print(table, &out);
    assert_int_equal(out.length, 0);
    add_row(table, "a", "1", "x");
    table_print(table, &out);
    buffer_reset(&out, 0);
    add_row(table, "b", "2", "y");
    table_print(table, &out);
    assert_string_equal(out.bytes, "b         2  y\n");
    table_free(table);
    buffer_free(&out);
}

static void test_a_table_stays_within_the_width(void **state)
{
    (void)state;
    struct table *table = table_new(&plain, columns, 3);
    struct buffer out = {NULL, 0, 0};
    size_t column = 0;
    add_row(table, "a_name_that_is_far_too_long_for_the_terminal", "1", "words that have to go over several lines to fit");
    table_print(table, &out);
    for (size_t i = 0; i < out.length; i++) {
        column = out.bytes[i] == '\n' ? 0 : column + 1;
        assert_true(column <= plain.width);
    }
    assert_non_null(strstr(out.bytes, "terminal"));
    assert_non_null(strstr(out.bytes, "fit"));
    table_free(table);
    buffer_free(&out);
}

static void test_colour_is_only_there_when_it_is_wanted(void **state)
{
    (void)state;
    struct buffer out = {NULL, 0, 0};
    display_text(&plain, &out, STYLE_RED, SLICE("x"));
    assert_string_equal(out.bytes, "x");
    buffer_reset(&out, 0);
    display_text(&coloured, &out, STYLE_RED, SLICE("x\033"));
    assert_string_equal(out.bytes, "\033[31mx\\x1b\033[0m");
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outside_text_cannot_drive_the_terminal),
        cmocka_unit_test(test_text_that_turns_or_hides_others_is_shown_by_number),
        cmocka_unit_test(test_a_json_line_is_one_line_for_every_reader),
        cmocka_unit_test(test_width_counts_columns),
        cmocka_unit_test(test_quantities_are_short),
        cmocka_unit_test(test_a_condition_over_several_lines_becomes_one),
        cmocka_unit_test(test_long_text_is_wrapped_at_blanks),
        cmocka_unit_test(test_a_table_is_aligned),
        cmocka_unit_test(test_titles_are_printed_once),
        cmocka_unit_test(test_a_table_stays_within_the_width),
        cmocka_unit_test(test_colour_is_only_there_when_it_is_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
