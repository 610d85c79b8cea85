/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/yaral/rules.h"

#include "daemon/yaral/parse/lexer.h"

/* Tokens of a text, and how many errors there were. */
struct reading {
    struct tokens tokens;
    struct diagnostics *diagnostics;
};

static struct reading read_text(const char *text)
{
    struct reading reading = {.diagnostics = diagnostics_new()};
    struct report report = {.diagnostics = reading.diagnostics, .file = "test"};
    tokens_read(&reading.tokens, slice_of(text), &report);
    return reading;
}

static void reading_free(struct reading *reading)
{
    tokens_free(&reading->tokens);
    diagnostics_free(reading->diagnostics);
}

/* The kinds of the tokens without the last, and no error. */
static void expect_kinds(const char *text, const enum token_kind *kinds, size_t count)
{
    struct reading reading = read_text(text);
    assert_int_equal(diagnostics_count(reading.diagnostics), 0);
    assert_int_equal(reading.tokens.all.count, count + 1);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(reading.tokens.all.items[i].kind, kinds[i]);
    assert_int_equal(reading.tokens.all.items[count].kind, TOKEN_END);
    reading_free(&reading);
}

#define EXPECT_KINDS(text, ...) \
    expect_kinds((text), (const enum token_kind[]){__VA_ARGS__}, sizeof((const enum token_kind[]){__VA_ARGS__}) / sizeof(enum token_kind))

static void expect_message(const char *text, uint32_t line, uint32_t column, const char *words)
{
    struct reading reading = read_text(text);
    assert_int_equal(diagnostics_count(reading.diagnostics), 1);
    const struct diagnostic *one = diagnostics_at(reading.diagnostics, 0);
    assert_int_equal(one->line, line);
    assert_int_equal(one->column, column);
    assert_non_null(strstr(one->message, words));
    reading_free(&reading);
}

static void test_every_kind_of_token_is_told(void **state)
{
    (void)state;
    EXPECT_KINDS("rule x { }", TOKEN_NAME, TOKEN_NAME, TOKEN_OPEN_BRACE, TOKEN_CLOSE_BRACE);
    EXPECT_KINDS("$e.f[0] #e %l", TOKEN_VARIABLE, TOKEN_DOT, TOKEN_NAME, TOKEN_OPEN_BRACKET, TOKEN_INTEGER, TOKEN_CLOSE_BRACKET,
                 TOKEN_COUNT, TOKEN_PERCENT, TOKEN_NAME);
    EXPECT_KINDS("in %l.c", TOKEN_NAME, TOKEN_LIST, TOKEN_DOT, TOKEN_NAME);
    EXPECT_KINDS("1 2.5 10m 3x", TOKEN_INTEGER, TOKEN_FLOAT, TOKEN_DURATION, TOKEN_DURATION);
    EXPECT_KINDS("= != < <= > >=", TOKEN_EQUAL, TOKEN_NOT_EQUAL, TOKEN_LESS, TOKEN_LESS_EQUAL, TOKEN_GREATER, TOKEN_GREATER_EQUAL);
    EXPECT_KINDS("\"a\" `b` = /c/", TOKEN_STRING, TOKEN_RAW_STRING, TOKEN_EQUAL, TOKEN_REGEX);
}

static void test_a_slash_divides_after_an_operand_and_begins_a_regex_elsewhere(void **state)
{
    (void)state;
    EXPECT_KINDS("$p / 4", TOKEN_VARIABLE, TOKEN_SLASH, TOKEN_INTEGER);
    EXPECT_KINDS(") / 4 / 2", TOKEN_CLOSE, TOKEN_SLASH, TOKEN_INTEGER, TOKEN_SLASH, TOKEN_INTEGER);
    EXPECT_KINDS("$e.not / 4", TOKEN_VARIABLE, TOKEN_DOT, TOKEN_NAME, TOKEN_SLASH, TOKEN_INTEGER);
    EXPECT_KINDS("(/a b/, /c/)", TOKEN_OPEN, TOKEN_REGEX, TOKEN_COMMA, TOKEN_REGEX, TOKEN_CLOSE);
    EXPECT_KINDS("not /a/", TOKEN_NAME, TOKEN_REGEX);
}

static void test_comments_mean_nothing_and_are_not_seen_in_literals(void **state)
{
    (void)state;
    EXPECT_KINDS("a // b c\n/* d\n * e */ f", TOKEN_NAME, TOKEN_NAME);
    EXPECT_KINDS("= \"http://x\" = `/* y */`", TOKEN_EQUAL, TOKEN_STRING, TOKEN_EQUAL, TOKEN_RAW_STRING);
    EXPECT_KINDS("= /a\\/\\/b/", TOKEN_EQUAL, TOKEN_REGEX);
}

static void test_positions_are_lines_and_bytes_from_1(void **state)
{
    (void)state;
    struct reading reading = read_text("a\n  \"\xc3\xa9\" b `x\ny` c");
    const struct token *tokens = reading.tokens.all.items;
    assert_int_equal(tokens[1].at.line, 2);
    assert_int_equal(tokens[1].at.column, 3);
    assert_int_equal(tokens[2].at.column, 8); /* the e with an accent has two bytes */
    assert_int_equal(tokens[4].at.line, 3);
    assert_int_equal(tokens[4].at.column, 4);
    assert_true(tokens[1].first_on_line);
    assert_false(tokens[2].first_on_line);
    reading_free(&reading);
}

static void test_what_is_not_terminated_is_reported_where_it_begins(void **state)
{
    (void)state;
    expect_message("a = \"b\nc", 1, 5, "not terminated");
    expect_message("a = /b\nc", 1, 5, "not terminated");
    expect_message("a\n = `b\nc", 2, 4, "not terminated");
    expect_message("a\n /* b\nc", 2, 2, "comment");
    expect_message("a = \"b\\\"", 1, 5, "not terminated");
}

static void test_an_unterminated_string_costs_its_line_only(void **state)
{
    (void)state;
    struct reading reading = read_text("= \"b\nc d");
    assert_int_equal(reading.tokens.all.count, 5);
    assert_true(reading.tokens.all.items[1].damaged);
    assert_false(reading.tokens.cut);
    reading_free(&reading);
}

static void test_what_other_languages_write_is_named_and_understood(void **state)
{
    (void)state;
    expect_message("a == 1", 1, 3, "`=`");
    expect_message("a && b", 1, 3, "`and`");
    expect_message("a || b", 1, 3, "`or`");
    expect_message("a = 'b'", 1, 5, "double quotes");
    expect_message("$ e", 1, 1, "without a space");
    struct reading reading = read_text("a && b");
    assert_true(token_is_word(&reading.tokens.all.items[1], "and"));
    reading_free(&reading);
}

static void test_a_run_of_bad_characters_is_one_message(void **state)
{
    (void)state;
    expect_message("a @@@ b", 1, 3, "`@`");
    expect_message("a \xc3\xa9\xc3\xa9 b", 1, 3, "U+00E9");
}

static void expect_unescaped(const char *body, const char *wanted)
{
    struct arena *arena = arena_new(1024);
    struct slice text;
    size_t offset;
    assert_true(yaral_unescape(arena, slice_of(body), false, &text, &offset));
    assert_true(slice_is(text, wanted));
    arena_free(arena);
}

static void test_escapes_are_those_of_go(void **state)
{
    (void)state;
    expect_unescaped("a\\\\b\\\"c\\'d\\`e", "a\\b\"c'd`e");
    expect_unescaped("\\n\\t\\r\\a\\b\\f\\v", "\n\t\r\a\b\f\v");
    expect_unescaped("\\x41\\101\\u00e9\\U0001F600", "AA\xc3\xa9\xf0\x9f\x98\x80");
}

static void test_an_unknown_escape_is_an_error_and_kept_in_meta(void **state)
{
    (void)state;
    static const char *const bad[] = {"ab\\d", "ab\\1", "ab\\x4", "ab\\u12", "ab\\ud800", "ab\\"};
    struct arena *arena = arena_new(1024);
    struct slice text;
    size_t offset = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(yaral_unescape(arena, slice_of(bad[i]), false, &text, &offset));
        assert_int_equal(offset, 2);
        assert_true(yaral_unescape(arena, slice_of(bad[i]), true, &text, &offset));
        assert_true(slice_is(text, bad[i]));
    }
    arena_free(arena);
}

static void test_reserved_words_are_so_in_any_case(void **state)
{
    (void)state;
    assert_true(yaral_is_reserved(SLICE("AND")));
    assert_true(yaral_is_reserved(SLICE("count_distinct")));
    assert_false(yaral_is_reserved(SLICE("by")));
    assert_false(yaral_is_reserved(SLICE("ands")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_of_token_is_told),
        cmocka_unit_test(test_a_slash_divides_after_an_operand_and_begins_a_regex_elsewhere),
        cmocka_unit_test(test_comments_mean_nothing_and_are_not_seen_in_literals),
        cmocka_unit_test(test_positions_are_lines_and_bytes_from_1),
        cmocka_unit_test(test_what_is_not_terminated_is_reported_where_it_begins),
        cmocka_unit_test(test_an_unterminated_string_costs_its_line_only),
        cmocka_unit_test(test_what_other_languages_write_is_named_and_understood),
        cmocka_unit_test(test_a_run_of_bad_characters_is_one_message),
        cmocka_unit_test(test_escapes_are_those_of_go),
        cmocka_unit_test(test_an_unknown_escape_is_an_error_and_kept_in_meta),
        cmocka_unit_test(test_reserved_words_are_so_in_any_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
