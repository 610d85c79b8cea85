/* SPDX-License-Identifier: Apache-2.0 */
/* RE2's language, matched by PCRE2 and by the linear matcher. */
#include "daemon/regex/regex.h"

#include "harrier/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the four above */
#include <cmocka.h>

struct expectation {
    const char *pattern;
    const char *text;
    size_t length; /* 0: up to the NUL */
    bool found;
};

static struct regex *compile(struct arena *arena, const char *pattern, bool nocase)
{
    struct regex *regex;
    struct slice error = {0};

    if (regex_compile(slice_of(pattern), nocase, arena, &regex, &error) != RESULT_OK)
        fail_msg("/%s/ was refused: %.*s", pattern, SLICE_ARGS(error));
    return regex;
}

/* Both matchers must say the same. */
static void expect_search(const struct expectation *expected, bool nocase)
{
    struct arena *arena = arena_new(4096);
    struct regex_matcher *matcher = regex_matcher_new();
    struct regex *regex = compile(arena, expected->pattern, nocase);
    struct slice text = expected->length ? slice_make(expected->text, expected->length) : slice_of(expected->text);
    struct regex_tree tree;
    struct slice error;

    bool found = regex_search(regex, matcher, text) == TRUTH_TRUE;
    if (found != expected->found)
        fail_msg("/%s/ on `%s`: %s", expected->pattern, expected->text, found ? "found" : "not found");
    assert_int_equal(regex_matcher_counts(matcher)->fallbacks, 0);

    assert_int_equal(regex_parse(slice_of(expected->pattern), nocase, arena, &tree, &error), RESULT_OK);
    struct regex_program *program = regex_program_new(tree.root);
    found = regex_program_search(program, matcher->threads, regex_clean(arena, text), UINT64_MAX) == TRUTH_TRUE;
    if (found != expected->found)
        fail_msg("linear: /%s/ on `%s`: %s", expected->pattern, expected->text, found ? "found" : "not found");
    regex_program_free(program);
    regex_free(regex);
    regex_matcher_free(matcher);
    arena_free(arena);
}

static void expect_all(const struct expectation *expected, size_t count, bool nocase)
{
    for (size_t i = 0; i < count; i++)
        expect_search(&expected[i], nocase);
}

#define EXPECT_ALL(expected, nocase) expect_all((expected), sizeof(expected) / sizeof(expected)[0], (nocase))

static void test_a_pattern_is_searched_for_anywhere(void **state)
{
    static const struct expectation expected[] = {
        {"b", "abc", 0, true},        {"", "", 0, true},          {"", "x", 0, true},          {"a|", "b", 0, true},     {"(|a)b", "b", 0, true},
        {"()", "", 0, true},          {"d", "abc", 0, false},     {"curl.*\\| *sh", "x curl http://e | sh", 0, true}, {"^b", "abc", 0, false},
        {"(?:ab){2}", "xababx", 0, true}, {"a{2}b", "ab", 0, false}, {"a{,2}", "a{,2}", 0, true}, {"a{,2}", "aa", 0, false},
        {"{", "{", 0, true},          {"a{1", "a{1", 0, true},    {"(a{2}){3}", "aaaaaa", 0, true}, {"(a{2}){3}", "aaaaa", 0, false},
        {"(a+)(b+)?c", "xaac", 0, true}, {"^(?:a|ab)(?:c|bcd)$", "abcd", 0, true}, {"a*?b", "aab", 0, true}, {"(?U)a+?b", "aab", 0, true},
    };
    (void)state;
    EXPECT_ALL(expected, false);
}

static void test_anchors_mean_the_text_unless_m_is_on(void **state)
{
    static const struct expectation expected[] = {
        {"a$", "a\n", 0, false},   {"a$", "a", 0, true},         {"(?m)a$", "a\nb", 0, true}, {"(?m)^b$", "a\nb\n", 0, true}, {"^b", "a\nb", 0, false},
        {"(?m)^$", "a\n", 0, true}, {"\\Aa\\z", "a", 0, true},   {"a\\z", "a\n", 0, false},   {"(?m)\\Ab", "a\nb", 0, false}, {"^$", "", 0, true},
        {"^*a", "ba", 0, true},    {"(?:$)+", "", 0, true},      {"(?m:^b)|^x", "a\nb", 0, true}, {"(?m:^b)|^x", "a\nx", 0, false},
    };
    (void)state;
    EXPECT_ALL(expected, false);
}

static void test_a_dot_stops_at_a_line_feed_only(void **state)
{
    static const struct expectation expected[] = {
        {"a.b", "a\nb", 0, false}, {"a.b", "a\rb", 0, true}, {"(?s)a.b", "a\nb", 0, true}, {"(?s:a.)b", "a\nb", 0, true}, {"a[^x]b", "a\nb", 0, true},
        {"a.b", "a\xC3\xA9" "b", 0, true}, {"^.$", "\xF0\x9F\x98\x80", 0, true}, {"^..$", "\xC3\xA9", 0, false}, {"a\\x{85}?.b", "a\xC2\x85" "b", 0, true},
    };
    (void)state;
    EXPECT_ALL(expected, false);
}

static void test_perl_classes_are_ascii_and_s_has_no_vertical_tab(void **state)
{
    static const struct expectation expected[] = {
        {"\\s", "\v", 0, false},   {"\\S", "\v", 0, true},       {"[\\s]", "\v", 0, false},   {"[^\\s]", "\v", 0, true},   {"[\\S]", "\v", 0, true},
        {"\\s", "\f", 0, true},    {"[[:space:]]", "\v", 0, true}, {"\\s", "\xC2\xA0", 0, false}, {"\\d", "\xD9\xA3", 0, false}, {"\\w", "\xC3\xA9", 0, false},
        {"\\W", "\xC3\xA9", 0, true}, {"a\\b", "a\xC3\xA9", 0, true}, {"\\w", "_", 0, true}, {"\\Bb", "ab", 0, true}, {"[[:word:]]", "_", 0, true},
        {"[[:^alpha:]]", "a", 0, false}, {"[[:^alpha:]]", "1", 0, true}, {"[\\d-z]", "-", 0, true}, {"[]a]", "]", 0, true}, {"[^]a]", "]", 0, false},
        {"[a-]", "-", 0, true},    {"[[a]", "[", 0, true},       {"[.*]", "*", 0, true},
    };
    (void)state;
    EXPECT_ALL(expected, false);
}

static void test_escapes_stand_for_what_they_stand_for_in_re2(void **state)
{
    static const struct expectation expected[] = {
        {"\\x41", "A", 0, true},   {"\\x{1F600}", "\xF0\x9F\x98\x80", 0, true}, {"\\101", "A", 0, true}, {"\\v", "\v", 0, true}, {"\\a\\f\\t\\n\\r", "\a\f\t\n\r", 0, true},
        {"\\_\\-\\/\\.", "_-/.", 0, true}, {"\\.", "x", 0, false}, {"\\Qa.b*\\E+", "a.b***", 0, true}, {"\\Qa.b\\E", "axb", 0, false}, {"\\Qab", "ab", 0, true},
        {"[\\x41-\\x43]", "B", 0, true}, {"[\\n]", "\n", 0, true}, {"\\0", "a\0b", 3, true}, {"a.b", "a\0b", 3, true}, {"[^a]b", "\0b", 2, true},
        {"[^\\x00-\\x{10FFFF}]", "a", 0, false}, {"[^\\x00-\\x{10FFFF}]*b", "b", 0, true}, {"\\x{d800}", "x", 0, false}, {"[\\x{d800}-\\x{dfff}]?x", "x", 0, true},
        {"#", "#", 0, true}, {" a", " a", 0, true},
    };
    (void)state;
    EXPECT_ALL(expected, false);
}

static void test_unicode_categories_and_scripts(void **state)
{
    static const struct expectation expected[] = {
        {"^\\p{Greek}+$", "\xCE\xB1\xCE\xB2", 0, true}, {"\\p{Greek}", "a", 0, false}, {"\\pN", "\xD9\xA3", 0, true}, {"\\PN", "7", 0, false}, {"^\\p{^Lu}$", "a", 0, true},
        {"[\\p{Lu}_]", "_", 0, true}, {"[^\\p{Lu}]", "A", 0, false}, {"(?i)^\\p{Lu}$", "a", 0, true}, {"\\pC", "\x01", 0, true}, {"\\PC", "\x01", 0, false},
        {"\\p{Any}", "x", 0, true}, {"[^\\PC]", "a", 0, false}, {"[\\PC]", "a", 0, true},
    };
    (void)state;
    EXPECT_ALL(expected, false);
}

static void test_case_folds_as_unicode_has_it(void **state)
{
    static const struct expectation with_nocase[] = {
        {"ABC", "xabc", 0, true},  {"\xC3\x89t\xC3\xA9", "\xC3\xA9T\xC3\x89", 0, true}, {"k", "\xE2\x84\xAA", 0, true}, {"[k]", "\xE2\x84\xAA", 0, true}, {"[^k]", "K", 0, false},
        {"s", "\xC5\xBF", 0, true}, {"\xCF\x82", "\xCE\xA3", 0, true}, {"\xCF\x83", "\xCF\x82", 0, true}, {"(?-i)a", "A", 0, false}, {"(?-i:a)b", "aB", 0, true},
        {"(?-i:a)b", "AB", 0, false}, {"[a-c]", "B", 0, true}, {"\\x41", "a", 0, true}, {"i", "\xC4\xB0", 0, false},
    };
    static const struct expectation without[] = {
        {"(?i)abc", "ABC", 0, true}, {"(?i:a)b", "Ab", 0, true}, {"(?i:a)b", "AB", 0, false}, {"a(?i)b", "aB", 0, true}, {"a(?i)b", "AB", 0, false},
        {"(a(?i)b)c", "aBC", 0, false}, {"(?i)a|b", "B", 0, true}, {"(a|(?i)b)c|d", "Bc", 0, true}, {"(a|(?i)b)c|d", "D", 0, false}, {"(?i)[a-c]x", "BX", 0, true},
        {"(?i)\\w", "\xE2\x84\xAA", 0, true}, {"x(?i:a)[bc]", "xAB", 0, false},
    };
    (void)state;
    EXPECT_ALL(with_nocase, true);
    EXPECT_ALL(without, false);
}

static void test_a_bad_byte_is_one_replacement_character(void **state)
{
    static const struct expectation expected[] = {
        {"^a.b$", "a\xFF" "b", 0, true}, {"^a..b$", "a\xFF\xFE" "b", 0, true}, {"\\x{FFFD}", "\xC3", 0, true}, {"a[^a]b", "a\xED\xA0\x80" "b", 0, false},
        {"a[^a]{3}b", "a\xED\xA0\x80" "b", 0, true}, {"evil", "\xFF evil \xC3", 0, true}, {"^12345678.x", "12345678\xFFx", 0, true},
    };
    (void)state;
    EXPECT_ALL(expected, false);
}

/* --- refusals -------------------------------------------------------------------------------------------------------------------- */

static void test_what_re2_refuses_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *pattern;
        const char *says;
    } refused[] = {
        {"a(?!b)", "look-ahead `(?!` is not supported by RE2 (offset 1)"},
        {"(?=a)", "look-ahead"}, {"(?<=a)", "look-behind"}, {"(?<!a)", "look-behind"}, {"(?>a)", "atomic"}, {"(a)\\1", "backreference `\\1`"},
        {"(?P<n>a)(?P=n)", "backreference"}, {"\\k<n>", "backreference"}, {"\\8", "backreference"}, {"a++", "possessive"}, {"a*+", "possessive"}, {"a{2}+", "possessive"},
        {"a**", "repetition of a repetition"}, {"a{2}{3}", "repetition of a repetition"}, {"a*?*", "repetition of a repetition"}, {"(?R)", "recursion"},
        {"(?1)", "recursion"}, {"(?&x)", "recursion"}, {"(?P>x)", "recursion"}, {"(?(1)a|b)", "conditional"}, {"a\\Kb", "\\K"}, {"\\Ga", "\\G"}, {"\\R", "\\R"}, {"\\X", "\\X"},
        {"a\\Z", "\\Z"}, {"\\h", "\\h"}, {"\\H", "\\H"}, {"\\V", "\\V"}, {"\\N", "\\N"}, {"\\C", "\\C"}, {"(?C1)", "callout"}, {"(*UTF)", "verb"}, {"(?#x)", "comment"},
        {"(?|a)", "branch reset"}, {"(?x)a", "flag x"}, {"(?J)a", "flag J"}, {"(?i-)a", "no group"}, {"(?P<1a", "closing `>`"}, {"(?P<a b>x)", "letters, digits"},
        {"(?P<n>a)(?P<n>b)", "the same name"}, {"a{1001}", "at most 1000"}, {"a{2,1001}", "at most 1000"}, {"a{3,2}", "upwards"}, {"((a{100}){100})", "more than 1000"},
        {"(a", "`(` without `)` (offset 0)"}, {"a)", "`)` without `(` (offset 1)"}, {"[a", "`[` without `]`"}, {"[b-a]", "upwards"}, {"[[:nope:]]", "no such class"},
        {"*a", "nothing to repeat"}, {"a|*", "nothing to repeat"}, {"(+)", "nothing to repeat"}, {"\\", "a backslash at the end"}, {"\\q", "`\\q` is no escape"},
        {"[\\b]", "no escape"}, {"\\p{Nope}", "no category or script"}, {"\\p{greek}", "no category or script"}, {"\\pX", "no category"}, {"\\p{Greek", "closing brace"},
        {"\\x4", "two hexadecimal"}, {"\\x{110000}", "10FFFF"}, {"\\x{", "closing brace"}, {"a\xFF", "not UTF-8"},
    };
    struct arena *arena = arena_new(4096);

    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct regex *regex;
        struct slice error = {0};
        if (regex_compile(slice_of(refused[i].pattern), false, arena, &regex, &error) != RESULT_INVALID)
            fail_msg("/%s/ was taken", refused[i].pattern);
        assert_null(regex);
        if (slice_find(error, slice_of(refused[i].says)) < 0)
            fail_msg("/%s/: `%.*s` does not say `%s`", refused[i].pattern, SLICE_ARGS(error), refused[i].says);
    }
    arena_free(arena);
}

static void test_deep_and_large_patterns_are_refused_not_run(void **state)
{
    struct arena *arena = arena_new(4096);
    struct buffer deep = {0};
    struct regex *regex;
    struct slice error;

    (void)state;
    for (int i = 0; i < 100000; i++)
        buffer_append_byte(&deep, '(');
    assert_int_equal(regex_compile(buffer_slice(&deep), false, arena, &regex, &error), RESULT_INVALID);
    assert_true(slice_find(error, SLICE("more than 200 groups")) >= 0);
    assert_int_equal(regex_compile(SLICE("(?:abcdefghijklmnopqrstuvwxyz(?:[a-z]1)){1000}"), false, arena, &regex, &error), RESULT_INVALID);
    assert_true(slice_find(error, SLICE("too large")) >= 0);
    buffer_free(&deep);
    arena_free(arena);
}

static void test_groups_are_counted_and_the_pattern_kept(void **state)
{
    struct arena *arena = arena_new(4096);
    struct regex *regex = compile(arena, "(a)(?:b)(?P<n>c)(?<m>d)", false);

    (void)state;
    assert_int_equal(regex_groups(regex), 3);
    assert_true(slice_is(regex_pattern(regex), "(a)(?:b)(?P<n>c)(?<m>d)"));
    regex_free(regex);
    arena_free(arena);
}

/* --- traps --------------------------------------------------------------------------------------------------------------------------- */

static char *repeated(const char *unit, size_t length)
{
    char *text = xmalloc(length + 1);
    for (size_t i = 0; i < length; i++)
        text[i] = unit[i % strlen(unit)];
    text[length] = '\0';
    return text;
}

static void expect_fallback(const char *pattern, const char *unit, size_t length, const char *end, enum truth expected)
{
    struct arena *arena = arena_new(4096);
    struct regex_matcher *matcher = regex_matcher_new();
    struct regex *regex = compile(arena, pattern, false);
    char *body = repeated(unit, length), *text = xasprintf("%s%s", body, end);

    assert_int_equal(regex_search(regex, matcher, slice_of(text)), expected);
    assert_int_equal(regex_matcher_counts(matcher)->matches, 1);
    assert_int_equal(regex_matcher_counts(matcher)->fallbacks, 1);
    assert_int_equal(regex_matcher_counts(matcher)->unknown, 0);
    free(body);
    free(text);
    regex_free(regex);
    regex_matcher_free(matcher);
    arena_free(arena);
}

static void test_a_pattern_that_backtracks_without_end_is_answered_all_the_same(void **state)
{
    (void)state;
    expect_fallback("(a+)+$", "a", 5000, "b", TRUTH_FALSE);
    expect_fallback("(a+)+$", "a", 1024 * 1024, "b", TRUTH_FALSE);
    expect_fallback("(a+)+$", "a", 1024 * 1024, "", TRUTH_TRUE);
    expect_fallback("(?:a|a)*[cd]", "a", 1000, "b", TRUTH_FALSE);
    expect_fallback("(x+x+)+y", "x", 3 * 1024 * 1024, "y", TRUTH_TRUE);
    expect_fallback("(?i)(\\w|\xC3\xA9)*!$", "ab\xC3\x89", 100 * 1024 + 2, "?", TRUTH_FALSE);
}

static void test_the_steps_of_the_linear_matcher_are_bounded(void **state)
{
    struct arena *arena = arena_new(4096);
    struct regex_threads *threads = regex_threads_new();
    struct regex_tree tree;
    struct slice error;
    char *text = repeated("a", 1000);

    (void)state;
    assert_int_equal(regex_parse(SLICE("(a+)+b"), false, arena, &tree, &error), RESULT_OK);
    struct regex_program *program = regex_program_new(tree.root);
    assert_int_equal(regex_program_search(program, threads, slice_of(text), 100), TRUTH_UNKNOWN);
    /* Fewer than twenty threads wait at any place, however long the text is. */
    assert_int_equal(regex_program_search(program, threads, slice_of(text), 20 * 1000), TRUTH_FALSE);
    regex_program_free(program);
    free(text);
    regex_threads_free(threads);
    arena_free(arena);
}

static void test_a_long_value_meets_a_simple_pattern_in_pcre2(void **state)
{
    struct arena *arena = arena_new(4096);
    struct regex_matcher *matcher = regex_matcher_new();
    struct regex *regex = compile(arena, "xmrig|stratum", false);
    char *text = repeated("stratux", 3 * 1024 * 1024);

    (void)state;
    assert_int_equal(regex_search(regex, matcher, slice_of(text)), TRUTH_FALSE);
    assert_int_equal(regex_matcher_counts(matcher)->fallbacks, 0);
    free(text);
    regex_free(regex);
    regex_matcher_free(matcher);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_pattern_is_searched_for_anywhere),
        cmocka_unit_test(test_anchors_mean_the_text_unless_m_is_on),
        cmocka_unit_test(test_a_dot_stops_at_a_line_feed_only),
        cmocka_unit_test(test_perl_classes_are_ascii_and_s_has_no_vertical_tab),
        cmocka_unit_test(test_escapes_stand_for_what_they_stand_for_in_re2),
        cmocka_unit_test(test_unicode_categories_and_scripts),
        cmocka_unit_test(test_case_folds_as_unicode_has_it),
        cmocka_unit_test(test_a_bad_byte_is_one_replacement_character),
        cmocka_unit_test(test_what_re2_refuses_is_refused_with_its_place),
        cmocka_unit_test(test_deep_and_large_patterns_are_refused_not_run),
        cmocka_unit_test(test_groups_are_counted_and_the_pattern_kept),
        cmocka_unit_test(test_a_pattern_that_backtracks_without_end_is_answered_all_the_same),
        cmocka_unit_test(test_the_steps_of_the_linear_matcher_are_bounded),
        cmocka_unit_test(test_a_long_value_meets_a_simple_pattern_in_pcre2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
