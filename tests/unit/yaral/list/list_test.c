/* SPDX-License-Identifier: Apache-2.0 */
/* Reference lists: their files, and the three ways to ask them. */
#include "harrier/yaral.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
/* cmocka wants the first four */
#include <cmocka.h>

#include "harrier/base/memory.h"

#define DATA "tests/data/yaral/lists/"

struct fixture {
    struct yaral_lists *lists;
    struct diagnostics *diagnostics;
    struct regex_matcher *matcher;
    struct arena *arena;
};

static struct fixture fixture_new(const char *name, const char *path, enum result expected)
{
    struct fixture fixture = {yaral_lists_new(), diagnostics_new(), regex_matcher_new(), arena_new(1024)};
    assert_int_equal(yaral_lists_add_file(fixture.lists, slice_of(name), path, fixture.diagnostics), expected);
    return fixture;
}

static void fixture_free(struct fixture *fixture)
{
    yaral_lists_free(fixture->lists);
    diagnostics_free(fixture->diagnostics);
    regex_matcher_free(fixture->matcher);
    arena_free(fixture->arena);
}

static const struct yaral_list *find(struct fixture *fixture, const char *name, enum yaral_list_kind kind, bool nocase)
{
    return yaral_lists_find(fixture->lists, slice_of(name), SLICE(""), kind, nocase, fixture->diagnostics, NULL);
}

static void expect_in(struct fixture *fixture, const struct yaral_list *list, const char *value, bool expected)
{
    assert_non_null(list);
    enum truth truth = yaral_list_contains(list, fixture->matcher, fixture->arena, slice_of(value));
    if (truth != (expected ? TRUTH_TRUE : TRUTH_FALSE))
        fail_msg("`%s` in %%%.*s: %d", value, SLICE_ARGS(yaral_list_name(list)), (int)truth);
}

static void expect_diagnostic(const struct fixture *fixture, size_t index, uint32_t line, const char *says)
{
    const struct diagnostic *diagnostic = diagnostics_at(fixture->diagnostics, index);
    assert_non_null(diagnostic);
    assert_int_equal(diagnostic->severity, DIAGNOSTIC_ERROR);
    assert_int_equal(diagnostic->line, line);
    if (!strstr(diagnostic->message, says))
        fail_msg("`%s` does not say `%s`", diagnostic->message, says);
}

static void test_a_value_is_a_line_without_blanks_and_comments(void **state)
{
    struct fixture fixture = fixture_new("hosts", DATA "hosts.txt", RESULT_OK);
    const struct yaral_list *list = find(&fixture, "hosts", YARAL_LIST_STRING, false);

    (void)state;
    static const char *const values[] = {"first", "alpha", "beta", "http://gamma/x", "Delta", "/* not a header any more */", ("\xC3\x89" "cole"), "last"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        expect_in(&fixture, list, values[i], true);
    static const char *const others[] = {"", "// names", "alpha // the build machine", "beta\t", "delta", "http:", "Hosts that may.", "*/ first", "alph"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        expect_in(&fixture, list, others[i], false);
    assert_int_equal(diagnostics_count(fixture.diagnostics), 0);
    fixture_free(&fixture);
}

static void test_nocase_folds_the_list_and_the_value(void **state)
{
    struct fixture fixture = fixture_new("hosts", DATA "hosts.txt", RESULT_OK);
    const struct yaral_list *list = find(&fixture, "hosts", YARAL_LIST_STRING, true);

    (void)state;
    expect_in(&fixture, list, "DELTA", true);
    expect_in(&fixture, list, "\xC3\xA9" "COLE", true);
    expect_in(&fixture, list, "delt", false);
    fixture_free(&fixture);
}

static void test_a_list_is_made_ready_once_for_each_way(void **state)
{
    struct fixture fixture = fixture_new("hosts", DATA "hosts.txt", RESULT_OK);
    const struct yaral_list *list = find(&fixture, "hosts", YARAL_LIST_STRING, false);

    (void)state;
    assert_ptr_equal(list, find(&fixture, "hosts", YARAL_LIST_STRING, false));
    assert_ptr_not_equal(list, find(&fixture, "hosts", YARAL_LIST_STRING, true));
    assert_true(slice_is(yaral_list_name(list), "hosts"));
    fixture_free(&fixture);
}

static void test_regexes_are_searched_for_in_the_value(void **state)
{
    struct fixture fixture = fixture_new("patterns", DATA "patterns.txt", RESULT_OK);
    const struct yaral_list *exact = find(&fixture, "patterns", YARAL_LIST_REGEX, false);
    const struct yaral_list *nocase = find(&fixture, "patterns", YARAL_LIST_REGEX, true);

    (void)state;
    expect_in(&fixture, exact, "x ncat -l", true);
    expect_in(&fixture, exact, "x NCAT -l", false);
    expect_in(&fixture, nocase, "x NCAT -l", true);
    expect_in(&fixture, exact, "bash -i", true);
    expect_in(&fixture, exact, "bash -i x", false);
    expect_in(&fixture, exact, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", false);
    assert_int_equal(diagnostics_count(fixture.diagnostics), 0);
    fixture_free(&fixture);
}

static void test_a_bad_regex_is_an_error_of_its_line(void **state)
{
    struct fixture fixture = fixture_new("bad", DATA "patterns_bad.txt", RESULT_OK);
    const struct yaral_list *list = find(&fixture, "bad", YARAL_LIST_REGEX, false);

    (void)state;
    expect_in(&fixture, list, "good", true);
    assert_int_equal(diagnostics_count(fixture.diagnostics), 2);
    expect_diagnostic(&fixture, 0, 2, "list %bad: `a(?!b)` is no regex: look-ahead");
    expect_diagnostic(&fixture, 1, 3, "`(` without `)`");
    find(&fixture, "bad", YARAL_LIST_REGEX, false);
    assert_int_equal(diagnostics_count(fixture.diagnostics), 2); /* said once */
    find(&fixture, "bad", YARAL_LIST_STRING, false);
    assert_int_equal(diagnostics_count(fixture.diagnostics), 2); /* as strings the lines are good */
    fixture_free(&fixture);
}

static void test_addresses_are_looked_up_in_ranges(void **state)
{
    struct fixture fixture = fixture_new("nets", DATA "ranges.txt", RESULT_OK);
    const struct yaral_list *list = find(&fixture, "nets", YARAL_LIST_CIDR, false);

    (void)state;
    static const char *const inside[] = {"10.0.0.0", "10.0.255.1", "10.1.2.3", "10.255.255.255", "192.0.2.1", "203.0.113.7", "2001:db8::9",
                                         "198.51.100.4", "::ffff:10.1.2.3", "::ffff:198.51.100.4"};
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++)
        expect_in(&fixture, list, inside[i], true);
    static const char *const outside[] = {"9.255.255.255", "11.0.0.0", "192.0.3.0", "203.0.113.6", "203.0.113.8", "2001:db8:1::", "::1", "host", "",
                                          "10.0.0.0/8", "10.1", "0x0a000001", " 10.0.0.1", "fe80::1%eth0"};
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        expect_in(&fixture, list, outside[i], false);
    fixture_free(&fixture);
}

static void test_a_bad_range_is_an_error_of_its_line(void **state)
{
    struct fixture fixture = fixture_new("bad", DATA "ranges_bad.txt", RESULT_OK);
    const struct yaral_list *list = find(&fixture, "bad", YARAL_LIST_CIDR, false);

    (void)state;
    expect_in(&fixture, list, "10.0.0.1", true);
    assert_int_equal(diagnostics_count(fixture.diagnostics), 3);
    expect_diagnostic(&fixture, 0, 3, "0 to 32");
    expect_diagnostic(&fixture, 1, 4, "`not a range` is no address range");
    expect_diagnostic(&fixture, 2, 5, "write /32");
    fixture_free(&fixture);
}

static void test_a_header_that_never_ends_is_an_error(void **state)
{
    struct fixture fixture = fixture_new("open", DATA "header_open.txt", RESULT_INVALID);

    (void)state;
    expect_diagnostic(&fixture, 0, 2, "never ends");
    fixture_free(&fixture);
}

static void test_files_that_are_not_there_and_names_that_are_taken(void **state)
{
    struct fixture fixture = fixture_new("none", DATA "no_such_file.txt", RESULT_NOT_FOUND);

    (void)state;
    expect_diagnostic(&fixture, 0, 0, "cannot be read");
    assert_int_equal(yaral_lists_add_file(fixture.lists, SLICE("a"), DATA "hosts.txt", fixture.diagnostics), RESULT_OK);
    assert_int_equal(yaral_lists_add_file(fixture.lists, SLICE("a"), DATA "ranges.txt", fixture.diagnostics), RESULT_EXISTS);
    expect_diagnostic(&fixture, 1, 0, "two lists or tables of the name a");
    fixture_free(&fixture);
}

static void test_a_list_that_is_not_there_is_suggested(void **state)
{
    struct fixture fixture = fixture_new("admins", DATA "hosts.txt", RESULT_OK);
    struct slice suggestion;

    (void)state;
    assert_null(yaral_lists_find(fixture.lists, SLICE("admin"), SLICE(""), YARAL_LIST_STRING, false, fixture.diagnostics, &suggestion));
    assert_true(slice_is(suggestion, "admins"));
    assert_null(yaral_lists_find(fixture.lists, SLICE("nothing_like_it"), SLICE(""), YARAL_LIST_STRING, false, fixture.diagnostics, &suggestion));
    assert_int_equal(suggestion.length, 0);
    assert_null(yaral_lists_find(fixture.lists, SLICE("admins"), SLICE("column"), YARAL_LIST_STRING, false, fixture.diagnostics, &suggestion));
    fixture_free(&fixture);
}

static void test_many_ranges_give_the_answers_of_each(void **state)
{
    char path[] = "/tmp/harrier-ranges-XXXXXX";
    int file = mkstemp(path);

    (void)state;
    assert_true(file >= 0);
    FILE *out = fdopen(file, "w");
    for (int i = 0; i < 256; i++)
        fprintf(out, "10.%d.0.0/%d\n2001:db8:%x::/%d\n", i, i % 2 ? 17 : 24, i, i % 2 ? 48 : 64);
    fclose(out);
    struct fixture fixture = fixture_new("many", path, RESULT_OK);
    const struct yaral_list *list = find(&fixture, "many", YARAL_LIST_CIDR, false);
    for (int i = 0; i < 256; i++) {
        char *inside = xasprintf("10.%d.0.255", i), *border = xasprintf("10.%d.127.255", i), *outside = xasprintf("10.%d.128.0", i);
        char *v6 = xasprintf("2001:db8:%x:1::", i);
        expect_in(&fixture, list, inside, true);
        expect_in(&fixture, list, border, i % 2);
        expect_in(&fixture, list, outside, false);
        expect_in(&fixture, list, v6, i % 2);
        free(inside);
        free(border);
        free(outside);
        free(v6);
    }
    fixture_free(&fixture);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_value_is_a_line_without_blanks_and_comments),
        cmocka_unit_test(test_nocase_folds_the_list_and_the_value),
        cmocka_unit_test(test_a_list_is_made_ready_once_for_each_way),
        cmocka_unit_test(test_regexes_are_searched_for_in_the_value),
        cmocka_unit_test(test_a_bad_regex_is_an_error_of_its_line),
        cmocka_unit_test(test_addresses_are_looked_up_in_ranges),
        cmocka_unit_test(test_a_bad_range_is_an_error_of_its_line),
        cmocka_unit_test(test_a_header_that_never_ends_is_an_error),
        cmocka_unit_test(test_files_that_are_not_there_and_names_that_are_taken),
        cmocka_unit_test(test_a_list_that_is_not_there_is_suggested),
        cmocka_unit_test(test_many_ranges_give_the_answers_of_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
