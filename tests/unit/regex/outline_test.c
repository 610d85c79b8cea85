/* SPDX-License-Identifier: Apache-2.0 */
/* A regex over texts of which only the outline is known: written here as {segment}, {slashes} and {any} between texts. */
#include "harrier/yaral_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t read_outline(const char *text, struct regex_outline *parts)
{
    static const struct {
        const char *word;
        enum regex_outline_kind kind;
    } words[] = {{"{segment}", REGEX_OUTLINE_SEGMENT}, {"{slashes}", REGEX_OUTLINE_SLASHES}, {"{any}", REGEX_OUTLINE_ANYTHING}};
    size_t count = 0;

    while (*text) {
        size_t length = strcspn(text, "{");
        if (length) {
            parts[count++] = (struct regex_outline){REGEX_OUTLINE_TEXT, slice_make(text, length)};
            text += length;
        }
        for (size_t i = 0; i < 3; i++) {
            if (strncmp(text, words[i].word, strlen(words[i].word)) != 0)
                continue;
            parts[count++] = (struct regex_outline){words[i].kind, SLICE("")};
            text += strlen(words[i].word);
        }
    }
    return count;
}

static bool may_match(const char *pattern, const char *outline)
{
    struct arena *arena = arena_new(4096);
    struct regex_matcher *matcher = regex_matcher_new();
    struct regex_outline parts[16];
    struct regex *regex;
    struct slice error;

    assert_int_equal(regex_compile(slice_of(pattern), false, arena, &regex, &error), RESULT_OK);
    bool found = regex_may_match(regex, matcher, parts, read_outline(outline, parts));
    regex_free(regex);
    regex_matcher_free(matcher);
    arena_free(arena);
    return found;
}

static void test_a_text_alone_is_searched_as_ever(void **state)
{
    (void)state;
    assert_true(may_match("b", "abc"));
    assert_true(may_match("^abc$", "abc"));
    assert_true(may_match("^$", ""));
    assert_false(may_match("^b", "abc"));
    assert_false(may_match("b$", "abc"));
    assert_false(may_match("x", "abc"));
    assert_false(may_match("(?i)ABD", "abc"));
    assert_true(may_match("(?i)BC$", "abc"));
    assert_false(may_match(".", ""));
}

static void test_a_segment_is_something_without_a_slash(void **state)
{
    (void)state;
    assert_true(may_match("^/a/jobs/c$", "/a/{segment}/c"));
    assert_false(may_match("^/a//c$", "/a/{segment}/c"));
    assert_false(may_match("^/a/b/b/c$", "/a/{segment}/c"));
    assert_false(may_match("/", "a{segment}b"));
    assert_true(may_match("^a[^/]b$", "a{segment}b"));
    assert_true(may_match("^ax{20}b$", "a{segment}b"));
    assert_false(may_match("^ab$", "a{segment}b"));
    assert_true(may_match("xyz", "{segment}"));
    assert_false(may_match("^a[/]b$", "a{segment}b"));
}

static void test_slashes_are_any_number_of_them(void **state)
{
    (void)state;
    assert_true(may_match("^/a$", "/{slashes}a"));
    assert_true(may_match("^////a$", "/{slashes}a"));
    assert_false(may_match("^/x/a$", "/{slashes}a"));
}

static void test_anything_is_anything(void **state)
{
    (void)state;
    assert_true(may_match("^/$", "/{any}"));
    assert_true(may_match("jobs/x$", "/{any}"));
    assert_false(may_match("^x", "/{any}"));
    assert_true(may_match("^/api/v1/secrets$", "/{any}s"));
    assert_false(may_match("^/api/v1/secret$", "/{any}s"));
}

static void test_the_end_is_only_where_nothing_has_to_follow(void **state)
{
    (void)state;
    assert_true(may_match("/(cronjobs|jobs)(/|$)", "/apis/batch/v1/namespaces/{segment}/jobs"));
    assert_true(may_match("/(cronjobs|jobs)(/|$)", "/api/v1/namespaces/{segment}/pods"));
    assert_false(may_match("/(cronjobs|jobs)(/|$)", "/api/v1/namespaces/default/pods"));
    assert_true(may_match("/(cronjobs|jobs)(/|$)", "/api/v1/namespaces/default/pods/{segment}"));
    assert_true(may_match("ods$", "/pods{slashes}"));
    assert_true(may_match("ods$", "/pods{any}"));
    assert_false(may_match("^/pods$", "/pods{segment}"));
    assert_false(may_match("^/pods$", "/pods{any}/x"));
    assert_true(may_match("x$|^/pods{any}/y", "/pods{any}/x"));
}

static void test_word_and_line_boundaries_are_taken_to_hold(void **state)
{
    (void)state;
    assert_true(may_match("\\bjobs\\b", "/xjobsx"));
    assert_true(may_match("(?m)^jobs", "/x/jobs"));
    assert_false(may_match("\\bjobs\\b", "/pods"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_text_alone_is_searched_as_ever),
        cmocka_unit_test(test_a_segment_is_something_without_a_slash),
        cmocka_unit_test(test_slashes_are_any_number_of_them),
        cmocka_unit_test(test_anything_is_anything),
        cmocka_unit_test(test_the_end_is_only_where_nothing_has_to_follow),
        cmocka_unit_test(test_word_and_line_boundaries_are_taken_to_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
