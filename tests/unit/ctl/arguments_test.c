/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/ctl/arguments.h"

#include "harrier/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct argument_option options[] = {
    {'c', "config", "FILE", "a file"},
    {'\0', "list", "NAME=FILE", "a list"},
    {'a', "all", NULL, "all of it"},
    {'v', "verbose", NULL, "more"},
};
enum { OPTION_COUNT = sizeof options / sizeof options[0] };

struct parsed {
    struct arguments arguments;
    struct buffer error;
    bool fine;
};

static struct parsed parse(int argc, const char *const *argv)
{
    struct parsed parsed = {.fine = false};
    parsed.fine = arguments_parse(options, OPTION_COUNT, argc, (char *const *)(uintptr_t)argv, &parsed.arguments, &parsed.error);
    return parsed;
}

static void drop(struct parsed *parsed)
{
    arguments_free(&parsed->arguments);
    buffer_free(&parsed->error);
}

#define PARSE(...) parse((int)(sizeof((const char *[]){"command", __VA_ARGS__}) / sizeof(char *)), (const char *[]){"command", __VA_ARGS__})

static void test_options_and_operands_stand_in_any_order(void **state)
{
    (void)state;
    struct parsed parsed = PARSE("one", "-c", "a.yaml", "two", "--all");
    assert_true(parsed.fine);
    assert_int_equal(parsed.arguments.operands.count, 2);
    assert_string_equal(parsed.arguments.operands.items[1], "two");
    assert_string_equal(arguments_value(&parsed.arguments, "config"), "a.yaml");
    assert_true(arguments_has(&parsed.arguments, "all"));
    assert_false(arguments_has(&parsed.arguments, "verbose"));
    drop(&parsed);
}

static void test_a_value_may_be_joined_to_its_option(void **state)
{
    (void)state;
    struct parsed parsed = PARSE("--config=b=c", "-ca.yaml", "-av");
    assert_true(parsed.fine);
    assert_string_equal(parsed.arguments.given.items[0].value, "b=c");
    assert_string_equal(arguments_value(&parsed.arguments, "config"), "a.yaml");
    assert_true(arguments_has(&parsed.arguments, "all") && arguments_has(&parsed.arguments, "verbose"));
    drop(&parsed);
}

static void test_what_follows_two_dashes_is_an_operand(void **state)
{
    (void)state;
    struct parsed parsed = PARSE("-", "--", "-a", "--all");
    assert_true(parsed.fine);
    assert_int_equal(parsed.arguments.operands.count, 3);
    assert_string_equal(parsed.arguments.operands.items[0], "-");
    assert_false(arguments_has(&parsed.arguments, "all"));
    drop(&parsed);
}

static void test_an_unknown_option_is_refused_with_the_nearest_one(void **state)
{
    (void)state;
    struct parsed parsed = PARSE("--lsit", "x=y");
    assert_false(parsed.fine);
    assert_non_null(strstr(parsed.error.bytes, "--lsit"));
    assert_non_null(strstr(parsed.error.bytes, "did you mean --list?"));
    drop(&parsed);
    parsed = PARSE("--nothing-like-it");
    assert_false(parsed.fine);
    assert_null(strstr(parsed.error.bytes, "did you mean"));
    drop(&parsed);
}

static void test_a_missing_value_and_one_too_many_are_refused(void **state)
{
    (void)state;
    struct parsed parsed = PARSE("--config");
    assert_false(parsed.fine);
    assert_non_null(strstr(parsed.error.bytes, "--config FILE"));
    drop(&parsed);
    parsed = PARSE("--all=1");
    assert_false(parsed.fine);
    drop(&parsed);
    parsed = PARSE("-x");
    assert_false(parsed.fine);
    drop(&parsed);
}

static void test_help_needs_nothing_else(void **state)
{
    (void)state;
    struct parsed parsed = PARSE("--help");
    assert_true(parsed.fine && parsed.arguments.help);
    drop(&parsed);
    parsed = PARSE("-ah");
    assert_true(parsed.fine && parsed.arguments.help);
    drop(&parsed);
}

static void test_durations_have_units(void **state)
{
    (void)state;
    int64_t length = 0;
    assert_true(arguments_duration("90", &length) && length == 90 * CLOCK_SECOND);
    assert_true(arguments_duration("15m", &length) && length == 900 * CLOCK_SECOND);
    assert_true(arguments_duration("1h30m", &length) && length == 5400 * CLOCK_SECOND);
    assert_true(arguments_duration("2d", &length) && length == 172800 * CLOCK_SECOND);
    assert_true(arguments_duration("1w", &length) && length == 604800 * CLOCK_SECOND);
}

static void test_what_is_no_duration_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "h", "1y", "-1h", "1 h", "1.5h", "99999999999999999999", "9999999999w", "1hx"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int64_t length = 7;
        assert_false(arguments_duration(wrong[i], &length));
        assert_int_equal(length, 7);
    }
}

static void test_help_stays_within_the_width(void **state)
{
    (void)state;
    static const struct argument_option long_option[] = {
        {'\0', "quite-a-long-name", "WITH-A-VALUE", "A help text of many words that does not fit into one line of sixty columns at all."}};
    static const struct command command = {
        .name = "demo",
        .usage = "demo FILE",
        .description = "A description of many words as well, which has to go over several lines to be read at all.",
        .options = long_option,
        .option_count = 1,
        .examples = "harrierctl demo x",
        .exits = "0   fine\n64  not",
    };
    struct buffer help = {NULL, 0, 0};
    size_t column = 0;

    command_help(&command, 60, &help);
    assert_non_null(strstr(help.bytes, "usage: harrierctl demo FILE\n"));
    assert_non_null(strstr(help.bytes, "--help"));
    for (size_t i = 0; i < help.length; i++) {
        column = help.bytes[i] == '\n' ? 0 : column + 1;
        assert_true(column <= 60);
    }
    buffer_free(&help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_and_operands_stand_in_any_order),
        cmocka_unit_test(test_a_value_may_be_joined_to_its_option),
        cmocka_unit_test(test_what_follows_two_dashes_is_an_operand),
        cmocka_unit_test(test_an_unknown_option_is_refused_with_the_nearest_one),
        cmocka_unit_test(test_a_missing_value_and_one_too_many_are_refused),
        cmocka_unit_test(test_help_needs_nothing_else),
        cmocka_unit_test(test_durations_have_units),
        cmocka_unit_test(test_what_is_no_duration_is_refused),
        cmocka_unit_test(test_help_stays_within_the_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
